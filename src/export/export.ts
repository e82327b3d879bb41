import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import type { RgbMasks } from '../datasets/masks.js';
import { UserError } from '../errors.js';
import { makeFolder, writeError } from '../jobs/files/atomic.js';
import { isFolder } from '../jobs/files/is-folder.js';
import { temporaryName } from '../jobs/files/temporary.js';
import { refuseInputFile } from '../jobs/journal/own-folder.js';
import { runOfRecord } from '../jobs/journal/run-record.js';
import { runBatch } from '../jobs/workers/batch.js';
import { WorkerPool } from '../jobs/workers/pool.js';
import { workerUrl } from '../jobs/workers/worker-url.js';
import type { ExportWorkerData } from './export-worker.js';
import type { ExportContext, ExportedImage, ExportFormat, ExportItem, FormatOptions } from './format.js';
import { formatOf } from './formats/index.js';
import type { FormatName } from './formats/index.js';
import { exportImage } from './image.js';
import type { ImageOutcome } from './image.js';
import { openSource } from './source.js';
import type { SourceOptions } from './source.js';

/** Everything that {@link exportSeeds} needs. */
export interface ExportOptions extends SourceOptions, Partial<FormatOptions> {
  readonly to: FormatName;
  /** What to do with masks of colours. Default: `reject`. */
  readonly rgb?: RgbMasks;
  /** Files that are read besides, such as that of the classes. */
  readonly inputs?: readonly string[];
  /** The folder (or the file, for `coco`) to write. */
  readonly out: string;
  /** Worker threads. Default: one per processor, or none for a few images. */
  readonly workers?: number;
  /** Once aborted, nothing is written. */
  readonly signal?: AbortSignal;
  readonly onStart?: (total: number) => void;
  readonly onProgress?: (done: number) => void;
}

/** The result of an export. */
export interface ExportSummary {
  readonly out: string;
  readonly format: FormatName;
  /** Images in the export. */
  readonly written: number;
  readonly failures: readonly { readonly id: string; readonly reason: string }[];
  readonly remarks: readonly string[];
  /** Whether it was aborted. Then nothing is written. */
  readonly interrupted: boolean;
  readonly seconds: number;
}

/** What is used unless the user chooses something else. */
export const DEFAULT_OPTIONS = { minArea: 1, alpha: 0.5, photos: 'link' } as const;

/** Up to this number of images, starting threads takes longer than it saves. */
const FEW = 16;

/**
 * Exports a run, or a folder of masks, to the format of another program. A folder is written under a temporary name and renamed when
 * it is complete. Images that cannot be exported are listed in the result and left out.
 *
 * @throws UserError if `out` exists, if there is nothing to export, or if no image can be exported
 */
export async function exportSeeds(options: ExportOptions): Promise<ExportSummary> {
  const { to, out, signal, workers, onStart, onProgress } = options;
  const start = performance.now();
  const format = formatOf(to);
  const source = await openSource(options);
  const { items, classes, remarks } = source;
  const { split = source.split, minArea = DEFAULT_OPTIONS.minArea, alpha = DEFAULT_OPTIONS.alpha, photos = DEFAULT_OPTIONS.photos } = options;
  const choices: FormatOptions = { split, minArea, alpha, photos };
  requirePossible(to, format, items, choices);
  await requirePlace(out, format, [...source.inputs, ...options.inputs ?? []]);
  const place = format.singleFile === true ? out : temporaryName(resolve(out));
  const context: ExportContext = { out: place, classes, options: choices, rgb: options.rgb };
  onStart?.(items.length);
  try {
    if (format.singleFile !== true) await makeFolder(place);
    const outcomes = await runItems(items, to, context, { workers, signal, onProgress });
    const exported = items.flatMap((item, i): ExportedImage<unknown>[] => {
      const outcome = outcomes[i];
      return outcome?.status === 'done' ? [{ ...item, entry: outcome.entry }] : [];
    });
    const failures = items.flatMap(({ id }, i) => {
      const outcome = outcomes[i];
      return outcome?.status === 'failed' ? [{ id, reason: outcome.reason }] : [];
    });
    const interrupted = signal?.aborted === true && exported.length + failures.length < items.length;
    if (!interrupted) {
      if (exported.length === 0) throw new UserError(`none of the ${items.length} images can be exported; the first is ${failures[0].id}: ${failures[0].reason}`);
      await format.finish?.(exported, context);
      if (format.singleFile !== true) await putInPlace(place, out);
    }
    const seconds = Number(((performance.now() - start) / 1000).toFixed(2));
    return { out, format: to, written: interrupted ? 0 : exported.length, failures, remarks, interrupted, seconds };
  } finally {
    if (format.singleFile !== true) await rm(place, { recursive: true, force: true });
  }
}

/** @throws UserError if what the format needs is missing everywhere */
function requirePossible(name: FormatName, format: ExportFormat<unknown>, items: readonly ExportItem[], { photos }: FormatOptions): void {
  if (format.readsMaps === true && items.every(({ camPath }) => camPath === undefined)) {
    throw new UserError(`there are no maps, which --to ${name} exports`, 'give a run that was made with generate --save-cams');
  }
  if (format.needsPhotos === true && format.photoFolder !== undefined && photos === 'none') throw new UserError(`--to ${name} needs photographs`, 'use --photos link or copy');
  const wantsPhotos = format.needsPhotos === true || (format.photoFolder !== undefined && photos !== 'none');
  if (wantsPhotos && items.every(({ photoPath }) => photoPath === undefined)) {
    throw new UserError('none of the photographs is on disk', `name the devkit that contains them with --voc-root${format.needsPhotos === true ? '' : ', or leave them out with --photos none'}`);
  }
}

/** @throws UserError if `out` is a file that is read or belongs to a run, or a folder that is not empty */
async function requirePlace(out: string, { singleFile }: ExportFormat<unknown>, inputs: readonly string[]): Promise<void> {
  if (singleFile === true) {
    if (!/\.json$/i.test(out)) throw new UserError(`--out ${out} is not the name of a JSON file`, 'this format is one file: --out seeds.json');
    if (await isFolder(out)) throw new UserError(`--out ${out} is a folder`, 'this format is one file: --out seeds.json');
    await refuseInputFile(out, '--out', inputs);
    if (runOfRecord(basename(out)) !== undefined) throw new UserError(`--out ${out} is the name of a run's record`, 'choose another name');
    return;
  }
  const names = await readdir(out).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return [];
    throw writeError(out, error);
  });
  if (names.length > 0) throw new UserError(`--out ${out} already contains files`, 'choose another folder, or remove it: an export starts with an empty one');
}

async function runItems(
  items: readonly ExportItem[], name: FormatName, context: ExportContext, { workers, signal, onProgress }: Pick<ExportOptions, 'workers' | 'signal' | 'onProgress'>,
): Promise<(ImageOutcome | undefined)[]> {
  const threads = Math.min(workers ?? (items.length <= FEW ? 1 : availableParallelism()), items.length);
  const data: ExportWorkerData = { format: name, out: context.out, classes: context.classes.data, options: context.options, rgb: context.rgb };
  const pool = threads > 1
    ? new WorkerPool<ExportItem, ImageOutcome>({ worker: workerUrl('./export-worker.js', import.meta.url), threads, tasksPerWorker: 2, data })
    : undefined;
  const outcomes = new Array<ImageOutcome | undefined>(items.length);
  const format = formatOf(name);
  let done = 0;
  try {
    await runBatch(items.entries(), {
      concurrency: pool === undefined ? 2 : 3 * threads,
      signal,
      run: ([, item]) => (pool === undefined ? exportImage(format, item, context) : pool.run(item)),
      done: ([index], outcome) => {
        outcomes[index] = outcome;
        onProgress?.(++done);
      },
    });
  } finally {
    await pool?.destroy();
  }
  return outcomes;
}

async function putInPlace(from: string, out: string): Promise<void> {
  try {
    await mkdir(dirname(resolve(out)), { recursive: true });
    // It may exist and be empty. Not every system renames over it.
    await rmdir(out).catch(() => undefined);
    await rename(from, out);
  } catch (error) {
    throw writeError(out, error);
  }
}
