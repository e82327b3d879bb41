import { COLUMN_COUNT, IGNORED_COLUMN, LABEL_COUNT } from '../metrics/confusion.js';
import type { ImageRecord, MeasureCounts } from './record.js';

const MATRIX = LABEL_COUNT * COLUMN_COUNT;

/** The index of the parameter of each label 0..20: one for all, or one per class. */
export type Choice = number | readonly number[];

/** The column of a matrix of all labels for a column of an image's counts. */
function columnOf(labels: readonly number[], k: number): number {
  return k < labels.length ? labels[k] : IGNORED_COLUMN;
}

/** The counts of one measure over many images. */
export class MeasureSums {
  /** [parameters, 21, 22]; the column of the background is empty because it follows from the totals. */
  private readonly counts: Float64Array;

  /** @param totals [21], pixels of each true label; the caller adds them up */
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
   * The confusion matrix [21, 22] of a choice. With one parameter per class, only the threshold of a pixel's strongest class
   * decides whether the pixel is foreground.
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
 * Visits the cells of one image's matrix that are not 0.
 *
 * @param add receives the index of a cell in [21, 22] and its count
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
