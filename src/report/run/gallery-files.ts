import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { heatColour } from '../../image/overlay.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import { OutFolder } from '../../jobs/files/out-folder.js';
import { removeLeftovers } from '../../jobs/files/temporary.js';
import { requireReportPlace } from './folder.js';
import type { GalleryChoice } from './gallery-choice.js';
import type { InlinePanels, Rgb } from './page-data.js';
import type { PanelResult, PanelTask } from './panel.js';
import { makePanels } from './panels.js';
import type { Problem } from './run-sections.js';

/** The options of every report. */
export interface ReportOptions {
  /** The folder of the run. */
  readonly run: string;
  /** The report: a file that ends in .html, or a folder, in which index.html is written. Default: `report` in the run's folder. */
  readonly out?: string;
  readonly title?: string;
  /** The largest number of images in the gallery. Default: no limit. */
  readonly maxImages?: number;
  /** Which images are chosen if there are more. */
  readonly choose?: GalleryChoice;
  /** The longest side of the gallery's images, in pixels. */
  readonly imageSize?: number;
  /** Write one file (true) or a folder (false). Default: depends on the number of images. */
  readonly singleFile?: boolean;
  readonly workers?: number;
  /** Once aborted, no more images of the gallery are prepared, and the page is not written. */
  readonly signal?: AbortSignal;
  /** Called at the beginning with the amount of work, in images read. */
  readonly onStart?: (total: number) => void;
  readonly onProgress?: (done: number) => void;
}

/** The result of every report. */
export interface ReportSummary {
  /** The page to open; absent if the report was interrupted. */
  readonly page?: string;
  readonly singleFile: boolean;
  readonly images: number;
  readonly gallery: number;
  readonly problems: readonly Problem[];
  readonly remarks: readonly string[];
  readonly interrupted: boolean;
  readonly seconds: number;
}

/** Up to this number of images, a single file has a few megabytes. */
export const SINGLE_FILE_IMAGES = 60;

/** The longest side of VOC's photographs, so that they are shown at full size. */
export const DEFAULT_IMAGE_SIZE = 500;

/** Where a report is written. */
export interface ReportPlace {
  readonly page: string;
  /** The folder of the images' files; none for a single file. */
  readonly folder?: string;
  /** Whether photographs of an earlier report can be used again. */
  readonly keepPhotos: boolean;
}

/**
 * Opens the place of a report, and removes the leftovers of killed ones.
 *
 * @param images the number of images in the gallery
 * @throws UserError if no report may be written there
 */
export async function openPlace(options: ReportOptions, images: number): Promise<ReportPlace> {
  const { run, out, singleFile } = options;
  const place = out ?? join(run, 'report');
  const file = place.endsWith('.html');
  const page = file ? place : join(place, 'index.html');
  const folder = singleFile ?? (file || images <= SINGLE_FILE_IMAGES) ? undefined : join(dirname(page), 'images');
  await requireReportPlace(run, out === undefined ? undefined : dirname(page));
  await removeLeftovers(dirname(page));
  const before = folder === undefined ? undefined : await readFile(join(folder, SETTINGS), 'utf8').catch(() => undefined);
  return { page, folder, keepPhotos: before === settingsText(options) };
}

/**
 * Prepares the images of the gallery.
 *
 * @returns the results in the order of the tasks; fewer if it was interrupted
 * @throws UserError if the folder has been removed or replaced in the meantime, because the files written so far are lost
 */
export async function writePanels(tasks: readonly PanelTask[], { folder }: ReportPlace, options: ReportOptions): Promise<PanelResult[]> {
  if (folder === undefined) return makePanels(tasks, options);
  const place = await OutFolder.open(folder);
  try {
    await writeFileAtomic(join(folder, SETTINGS), settingsText(options));
    const panels = await makePanels(tasks, options);
    await place.check();
    return panels;
  } finally {
    await place.close();
  }
}

/** Written next to the images, so that photographs of another size are not used again. */
const SETTINGS = 'made-with.json';

function settingsText({ imageSize = DEFAULT_IMAGE_SIZE }: ReportOptions): string {
  return `${JSON.stringify({ imageSize })}\n`;
}

/** The pixels of every image, for a page that holds them all; `undefined` for a page with a folder. */
export function inlinePanels(panels: readonly PanelResult[], files: ReadonlyMap<string, string>, { folder }: ReportPlace): InlinePanels | undefined {
  if (folder !== undefined) return undefined;
  return Object.fromEntries(panels.map(({ id, header, packed, photoBytes }) => [files.get(id)!, {
    header, packed: base64(packed!), photo: photoBytes === undefined ? null : `data:image/webp;base64,${base64(photoBytes)}`,
  }]));
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** The colours of 256 values of a map. */
export const HEAT: readonly Rgb[] = Array.from({ length: 256 }, (_, value) => heatColour(value / 255));
