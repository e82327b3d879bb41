import type { FileHandle } from 'node:fs/promises';
import { messageOf, UserError } from '../../errors.js';
import { openRegularFile } from '../../jobs/files/read-file.js';
import type { LabelMap } from '../label-map.js';
import { renderRegions } from './render.js';
import type { Region } from './render.js';

/** The ground truth of an image in a COCO annotation file. Plain data, so that it can be sent to worker threads. */
export interface CocoTruth {
  readonly kind: 'coco';
  /** The annotation file. */
  readonly path: string;
  readonly imageId: number;
  readonly width: number;
  readonly height: number;
  /** Offset and length in bytes of each annotation in the file. */
  readonly places: readonly number[];
  /** The labels of the categories by their ids. */
  readonly labels: Readonly<Record<number, number>>;
}

/**
 * Draws the annotations of an image: see {@link renderRegions}.
 *
 * @throws UserError if the file cannot be read or has changed, or if an annotation is not valid; it names the annotation
 */
export async function readCocoTruth(truth: CocoTruth): Promise<LabelMap> {
  const name = `image ${truth.imageId} of ${truth.path}`;
  let file: FileHandle | undefined;
  try {
    ({ file } = await openRegularFile(truth.path));
    const regions: Region[] = [];
    for (let i = 0; i < truth.places.length; i += 2) {
      const [offset, length] = truth.places.slice(i, i + 2);
      const bytes = Buffer.allocUnsafe(length);
      const { bytesRead } = await file.read(bytes, 0, length, offset);
      regions.push(regionOf(bytes.toString('utf8', 0, bytesRead), truth));
    }
    return renderRegions(regions, truth.height, truth.width);
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${name}: ${error.message}`, error.hint, { cause: error });
    throw new UserError(`${name} cannot be read: ${messageOf(error)}`, undefined, { cause: error });
  } finally {
    await file?.close();
  }
}

function regionOf(text: string, { imageId, labels }: CocoTruth): Region {
  const { id, image_id: image, category_id: category, iscrowd, segmentation } = parse(text);
  if (image !== imageId) throw changed();
  const name = `annotation ${String(id)}`;
  if (!Object.hasOwn(labels, category as number)) throw new UserError(category === undefined ? `${name} has no category_id` : `${name} has the category ${String(category)}, which is not in the file`);
  return { name, label: labels[category as number], crowd: iscrowd === 1 || iscrowd === true, segmentation };
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    const id = /"id"\s*:\s*(\d+)/.exec(text)?.[1];
    throw id === undefined ? changed() : new UserError(`annotation ${id} is not JSON: ${messageOf(cause)}`, 'if the file was changed during the run, start again; else write it again', { cause });
  }
}

function changed(): UserError {
  return new UserError('the file was changed after it was opened', 'start again');
}
