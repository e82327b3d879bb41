import { COLUMN_COUNT, IGNORED_COLUMN, LABEL_COUNT } from '../metrics/confusion.js';
import type { ImageRecord, MeasureCounts } from './record.js';

const MATRIX = LABEL_COUNT * COLUMN_COUNT;

/** Which parameter decides about each label 0..20: one for all, or one for each class. */
export type Choice = number | readonly number[];

/** Where a column of an image's counts belongs in a matrix of all labels. */
function columnOf(labels: readonly number[], k: number): number {
  return k < labels.length ? labels[k] : IGNORED_COLUMN;
}

/** The counts of one measure over many images. */
export class MeasureSums {
  /** [parameters, 21, 22] without the column of the background, which follows from the totals. */
  private readonly counts: Float64Array;

  /** @param totals [21] pixels of each true label, added up by the owner */
  constructor(readonly parameters: number, private readonly totals: Float64Array) {
    this.counts = new Float64Array(parameters * MATRIX);
  }

  add({ truths, labels }: ImageRecord, { columns, counts }: MeasureCounts): void {
    let i = 0;
    for (let p = 0; p < this.parameters; p++) {
      for (const truth of truths) {
        const row = p * MATRIX + truth * COLUMN_COUNT;
        for (let k = 0; k < columns; k++) this.counts[row + columnOf(labels, k)] += counts[i++];
      }
    }
  }

  /**
   * The confusion matrix [21, 22] of a choice. With a parameter per class, what is foreground by its strongest class's
   * threshold stays that, and all else is background: no other class's threshold has a say.
   */
  matrix(choice: Choice, out: Float64Array = new Float64Array(MATRIX)): Float64Array {
    for (let truth = 0; truth < LABEL_COUNT; truth++) {
      const row = truth * COLUMN_COUNT;
      let rest = this.totals[truth];
      for (let column = 1; column < COLUMN_COUNT; column++) {
        const p = typeof choice === 'number' ? choice : choice[column] ?? 0;
        const count = this.counts[p * MATRIX + row + column];
        out[row + column] = count;
        rest -= count;
      }
      out[row] = rest;
    }
    return out;
  }
}

/**
 * The cells of one image's matrix that are not 0, by a choice.
 *
 * @param add takes a place in [21, 22] and its count
 */
export function eachCell(
  { truths, totals, labels }: ImageRecord, { columns, counts }: MeasureCounts, choice: Choice, add: (cell: number, count: number) => void,
): void {
  const step = truths.length * columns;
  truths.forEach((truth, t) => {
    let rest = totals[t];
    for (let k = 0; k < columns; k++) {
      const column = columnOf(labels, k);
      const p = typeof choice === 'number' ? choice : choice[column] ?? 0;
      const count = counts[p * step + t * columns + k];
      if (count !== 0) add(truth * COLUMN_COUNT + column, count);
      rest -= count;
    }
    if (rest !== 0) add(truth * COLUMN_COUNT, rest);
  });
}
