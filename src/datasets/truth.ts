import { UserError } from '../errors.js';
import type { CocoTruth } from './coco/truth.js';
import { IGNORE_LABEL } from './label-map.js';
import type { LabelMap } from './label-map.js';
import { readMask } from './masks.js';
import type { MaskOptions } from './masks.js';

/** The ground truth of an image: where it is, not its pixels. Plain data, so that it can be sent to worker threads. */
export type GroundTruth = MaskTruth | CocoTruth | BackgroundTruth;

/** A label mask. */
export interface MaskTruth {
  readonly kind: 'mask';
  readonly path: string;
  /**
   * The classes of the image, if its mask may be black and white. A mask with a single value besides 0 then shows the only class of
   * the image, if that value is 1 or 255.
   */
  readonly classes?: readonly number[];
}

/** An image without classes: all its pixels are background. */
export interface BackgroundTruth {
  readonly kind: 'background';
  /** The photograph. */
  readonly path: string;
}

/** The ground truth of an image, or the path of its label mask. */
export type TruthInput = GroundTruth | string;

/** The ground truth in the file of a label mask. */
export function maskTruth(path: string): MaskTruth {
  return { kind: 'mask', path };
}

/**
 * Reads or draws the labels of an image.
 *
 * @param options for mask files
 * @throws UserError if a file is missing or not valid; it names {@link truthName}
 */
export async function readTruth(truth: TruthInput, options?: MaskOptions): Promise<LabelMap> {
  if (typeof truth === 'string') return readMask(truth, options);
  // What is rare is loaded when it is needed: workers start faster.
  switch (truth.kind) {
    case 'mask': return truth.classes === undefined ? readMask(truth.path, options) : withClasses(await readMask(truth.path, options), truth.path, truth.classes);
    case 'coco': return (await import('./coco/truth.js')).readCocoTruth(truth);
    case 'background': {
      const { openPhoto } = await import('../image/photo-file.js');
      const { original: [height, width] } = await openPhoto(truth.path);
      return { width, height, data: new Uint8Array(width * height) };
    }
  }
}

/** Its name in messages: the file of a mask, `image 139 of instances_val2017.json`. */
export function truthName(truth: TruthInput): string {
  if (typeof truth === 'string') return truth;
  return truth.kind === 'coco' ? `image ${truth.imageId} of ${truth.path}` : truth.path;
}

/** The file that it is read from: a mask, an annotation file, or the photograph of an image without classes. */
export function truthFile(truth: TruthInput): string {
  return typeof truth === 'string' ? truth : truth.path;
}

/** Reads a mask that may be black and white. */
function withClasses(mask: LabelMap, path: string, classes: readonly number[]): LabelMap {
  const [value] = mask.data.filter((label) => label !== 0).subarray(0, 1);
  if ((value !== 1 && value !== IGNORE_LABEL) || mask.data.some((label) => label !== 0 && label !== value)) return mask;
  if (classes.length === 1) return value === classes[0] ? mask : { ...mask, data: mask.data.map((label) => (label === 0 ? 0 : classes[0])) };
  if (value === 1) return mask;
  throw new UserError(
    `mask ${path} has only the values 0 and 255, but its image has ${classes.length === 0 ? 'no class' : `${classes.length} classes`}`,
    '255 is the class if the image has exactly one. Otherwise write the labels of the classes into the mask: 1, 2, ...');
}
