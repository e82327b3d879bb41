import { IGNORE_LABEL } from '../datasets/label-map.js';

/** The true label of every pixel, as an index into the labels in the image. */
export interface TruthSlots {
  /** [pixels]: 0..count - 1, or `count` for pixels that are not scored. */
  readonly slots: Uint8Array;
  /** The number of labels. */
  readonly count: number;
  /** The labels, ascending. */
  readonly truths: readonly number[];
  /** Pixels of each label. */
  readonly totals: Float64Array;
}

/** @param truth labels, and 255 for pixels that are not scored */
export function truthSlots(truth: Uint8Array): TruthSlots {
  const pixels = new Float64Array(256);
  for (let i = 0; i < truth.length; i++) pixels[truth[i]]++;
  const truths = Array.from({ length: IGNORE_LABEL }, (_, label) => label).filter((label) => pixels[label] > 0);
  const table = new Uint8Array(256).fill(truths.length);
  truths.forEach((label, slot) => { table[label] = slot; });
  return { slots: truth.map((label) => table[label]), count: truths.length, truths, totals: Float64Array.from(truths, (label) => pixels[label]) };
}
