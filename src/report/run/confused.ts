import type { ConfusionMatrix } from '../../metrics/confusion.js';

/** The pixels of one label that were predicted as another. */
export interface ConfusedPair {
  /** 0 background, then the classes. */
  readonly truth: number;
  /** A label, or 255 for pixels that were ignored. */
  readonly predicted: number;
  readonly pixels: number;
  /** The share of all pixels of the true label, 0..1. */
  readonly share: number;
}

/**
 * The most confused pairs of labels, by number of pixels.
 *
 * @param most the largest number of pairs
 * @param foreground only pairs of two classes, without background and ignored pixels
 */
export function mostConfused(matrix: ConfusionMatrix, most: number, foreground = false): ConfusedPair[] {
  const { labelCount, ignoredColumn } = matrix;
  const pairs: ConfusedPair[] = [];
  for (let truth = foreground ? 1 : 0; truth < labelCount; truth++) {
    const columns = Array.from({ length: ignoredColumn + 1 }, (_, column) => matrix.at(truth, column));
    const total = columns.reduce((sum, count) => sum + count, 0);
    columns.forEach((pixels, column) => {
      if (column === truth || pixels === 0) return;
      if (foreground && (column === 0 || column === ignoredColumn)) return;
      pairs.push({ truth, predicted: column === ignoredColumn ? 255 : column, pixels, share: pixels / total });
    });
  }
  return pairs.sort((a, b) => b.pixels - a.pixels).slice(0, most);
}
