import type { NdArray } from 'ndarray';
import { arrayView, isNdArray, rowMajor } from '../ndarray.js';

/**
 * A label per pixel, row by row: 0 background, then the classes from 1 (VOC: 1..20), 255 ignore (void).
 * `data.length === width * height`.
 */
export interface LabelMap {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
  /** Whether the mask has white pixels that were read as void (255). */
  readonly whiteVoid?: true;
}

/** The label of pixels that are left out of scoring: borders and difficult regions in VOC, undecided pixels in seeds. */
export const IGNORE_LABEL = 255;

/** Labels as a {@link LabelMap}, or as an ndarray of uint8 [height, width]. */
export type LabelInput = LabelMap | NdArray<Uint8Array>;

/** Labels as an ndarray [height, width], without a copy. */
export function labelsToNdarray({ data, height, width }: LabelMap): NdArray<Uint8Array> {
  return arrayView(data, [height, width]);
}

/**
 * Labels as a {@link LabelMap}. An ndarray in row-major order is not copied.
 *
 * @throws UserError if an ndarray is not of uint8 [height, width]
 */
export function toLabelMap(labels: LabelInput): LabelMap {
  if (!isNdArray(labels)) return labels;
  const [height, width] = labels.shape;
  return { width, height, data: rowMajor(labels as NdArray<Uint8Array>, Uint8Array, 2, 'the label map') };
}
