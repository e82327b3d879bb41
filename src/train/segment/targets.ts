import { UserError } from '../../errors.js';
import type { ClassSet } from '../../datasets/classes/class-set.js';
import type { LabelMap } from '../../datasets/label-map.js';
import { IGNORE_LABEL } from '../../datasets/label-map.js';
import type { Size } from '../../size.js';

/** The side of a cell of the student's logits, in pixels of its input. */
export const CELL = 4;

/** The labels of a photograph, counted in the cells of the logits. */
export interface CellCounts {
  /** The labels that the photograph may have, ascending: the background, its classes, and those of its seed. */
  readonly labels: readonly number[];
  /** [labels, H / 4, W / 4]: the pixels of each cell that have the label. Ignored pixels are in none. */
  readonly counts: Uint8Array;
  /** Pixels with a label. */
  readonly total: number;
}

/**
 * Enlarges or reduces a label map to the student's input (each pixel takes the label at its centre) and counts the labels of each cell
 * of 4 x 4 pixels.
 *
 * @param own the labels of the photograph's classes
 * @param size of the input, multiples of 4
 * @throws UserError if the map contains a value that is not a label
 */
export function countCells({ width, height, data }: LabelMap, own: readonly number[], [h, w]: Size, classes: ClassSet): CellCounts {
  const seen = new Uint8Array(256);
  for (const label of data) seen[label] = 1;
  const present = [...seen.keys()].filter((label) => seen[label] === 1);
  const strange = present.find((label) => !classes.hasLabel(label));
  if (strange !== undefined) throw new UserError(`the seed contains the value ${strange}, which is not a label`, `labels are 0 (background), 1 to ${classes.classes.length} and ${IGNORE_LABEL} (ignore)`);
  const labels = [...new Set([0, ...own, ...present.filter((label) => label !== IGNORE_LABEL)])].sort((a, b) => a - b);
  const planeOf = new Int16Array(256).fill(-1);
  labels.forEach((label, plane) => { planeOf[label] = plane; });
  const [rows, columns] = [h / CELL, w / CELL];
  const counts = new Uint8Array(labels.length * rows * columns);
  const xs = Int32Array.from({ length: w }, (_, x) => Math.floor((x + 0.5) * width / w));
  let total = 0;
  for (let y = 0; y < h; y++) {
    const from = Math.floor((y + 0.5) * height / h) * width;
    const row = Math.floor(y / CELL) * columns;
    for (let x = 0; x < w; x++) {
      const plane = planeOf[data[from + xs[x]]];
      if (plane < 0) continue;
      counts[plane * rows * columns + row + (x >> 2)]++;
      total++;
    }
  }
  return { labels, counts, total };
}

/**
 * Writes the targets of one image: counts divided by the number of labelled pixels of the batch.
 *
 * @param columns cells in a row
 * @param into [labels of the student, cells], overwritten
 */
export function writeTargets({ labels, counts }: CellCounts, columns: number, flip: boolean, total: number, into: Float32Array): void {
  const cells = counts.length / labels.length;
  into.fill(0);
  labels.forEach((label, plane) => {
    for (let cell = 0; cell < cells; cell++) {
      const column = cell % columns;
      into[label * cells + (flip ? cell - column + columns - 1 - column : cell)] = counts[plane * cells + cell] / total;
    }
  });
}
