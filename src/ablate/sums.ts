import { PairCounts } from '../metrics/pair-counts.js';
import type { ImageRecord, MeasureCounts } from './record.js';

/** The index of the parameter of each label from 0: one for all, or one per class. */
export type Choice = number | readonly number[];

/** The counts of one measure over many images. */
export class MeasureSums {
  /** For each true label and column [parameters]; the column of the background follows from the totals. */
  private readonly pairs: PairCounts;

  /** @param totals [labels], pixels of each true label; the caller adds them up */
  constructor(readonly parameters: number, readonly totals: Float64Array) {
    // The last column is ignore.
    this.pairs = new PairCounts(totals.length + 1, parameters);
  }

  get labelCount(): number {
    return this.totals.length;
  }

  /** The classes that some pixel is predicted as, with some parameter. */
  get predicted(): number[] {
    const labels = new Set<number>();
    this.pairs.each((_, column) => { if (column < this.labelCount) labels.add(column); });
    return [...labels].sort((a, b) => a - b);
  }

  add({ truths, labels }: ImageRecord, { columns, counts }: MeasureCounts): void {
    const { pairs, parameters, labelCount } = this;
    const step = truths.length * columns;
    truths.forEach((truth, t) => {
      for (let k = 0; k < columns; k++) {
        const place = pairs.place(truth, labels[k] ?? labelCount);
        for (let p = 0; p < parameters; p++) pairs.counts[place + p] += counts[p * step + t * columns + k];
      }
    });
  }

  /**
   * The confusion matrix [labels, labels + 1] of a choice. With one parameter per class, only the threshold of a pixel's strongest
   * class decides whether the pixel is foreground.
   */
  matrix(choice: Choice, out: Float64Array = new Float64Array(this.labelCount * (this.labelCount + 1))): Float64Array {
    const columns = this.labelCount + 1;
    const { counts } = this.pairs;
    out.fill(0);
    this.totals.forEach((total, truth) => { out[truth * columns] = total; });
    this.pairs.each((truth, column, place) => {
      const count = counts[place + (typeof choice === 'number' ? choice : choice[column] ?? 0)];
      out[truth * columns + column] += count;
      out[truth * columns] -= count;
    });
    return out;
  }
}

/**
 * Visits the cells of one image's matrix that are not 0.
 *
 * @param labelCount background and classes
 * @param add receives the index of a cell in [labels, labels + 1] and its count
 */
export function eachCell(
  { truths, totals, labels }: ImageRecord, { columns, counts }: MeasureCounts, choice: Choice, labelCount: number,
  add: (cell: number, count: number) => void,
): void {
  const step = truths.length * columns;
  truths.forEach((truth, t) => {
    const row = truth * (labelCount + 1);
    let rest = totals[t];
    for (let k = 0; k < columns; k++) {
      const column = labels[k] ?? labelCount;
      const p = typeof choice === 'number' ? choice : choice[column] ?? 0;
      const count = counts[p * step + t * columns + k];
      if (count !== 0) add(row + column, count);
      rest -= count;
    }
    if (rest !== 0) add(row, rest);
  });
}
