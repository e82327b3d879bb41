import { UserError } from '../errors.js';
import type { LabelInput, LabelMap } from '../datasets/label-map.js';
import { IGNORE_LABEL, toLabelMap } from '../datasets/label-map.js';

/** The number of labels that are scored: 0 background and 1..20, the VOC classes. */
export const LABEL_COUNT = 21;

/** The number of columns of a {@link ConfusionMatrix}: one for each label, and a last one for pixels predicted as ignore (255). */
export const COLUMN_COUNT = LABEL_COUNT + 1;

/** The column of the pixels predicted as ignore (255). */
export const IGNORED_COLUMN = LABEL_COUNT;

// While a pair is counted, each label value is mapped to a slot: 0..20 the labels, then ignore, then everything that is not a label.
const INVALID_SLOT = LABEL_COUNT + 1;
const SLOT_COUNT = LABEL_COUNT + 2;
const slotOf = Uint8Array.from({ length: 256 }, (_, value) => {
  if (value < LABEL_COUNT) return value;
  return value === IGNORE_LABEL ? IGNORED_COLUMN : INVALID_SLOT;
});

/** The names of a pair of label maps in error messages, usually the paths of the two files. */
export interface PairNames {
  readonly truth: string;
  readonly prediction: string;
}

/**
 * Counts how often each true label was predicted as each label, over all pixels of all pairs added so far.
 *
 * `counts` is [21, 22] row by row: `counts[truth * 22 + predicted]`. A row is a true label (0 background, 1..20 the
 * VOC classes). A column is a predicted label. The last column counts pixels predicted as ignore (255), so that you can
 * choose later how to score them (see `scoreMatrix`). Pixels whose ground truth is 255 are left out, whatever was
 * predicted, as in the VOC devkit (VOCevalseg.m counts `gtim < 255` only).
 *
 * Counts are whole numbers stored as doubles. They are exact up to 2^53 pixels, so sums do not depend on the order.
 */
export class ConfusionMatrix {
  /** @param counts [21, 22] as above; not copied, the matrix adds to it */
  constructor(readonly counts: Float64Array = new Float64Array(LABEL_COUNT * COLUMN_COUNT)) {
    if (counts.length !== LABEL_COUNT * COLUMN_COUNT) {
      throw new RangeError(`a confusion matrix needs ${LABEL_COUNT} x ${COLUMN_COUNT} counts, got ${counts.length}`);
    }
  }

  /** The number of pixels of true label `truth` (0..20) that were predicted as `column` (0..20, or {@link IGNORED_COLUMN}). */
  at(truth: number, column: number): number {
    return this.counts[truth * COLUMN_COUNT + column];
  }

  /** The counts as [21][22], one array per true label. */
  rows(): number[][] {
    return Array.from({ length: LABEL_COUNT }, (_, truth) => [...this.counts.subarray(truth * COLUMN_COUNT, (truth + 1) * COLUMN_COUNT)]);
  }

  /**
   * Adds the pixels of one image. If it throws, nothing of the pair is added.
   *
   * @throws UserError if the sizes differ, or if a map contains a value that is not a label (21..254)
   */
  add(truth: LabelInput, prediction: LabelInput, names: PairNames = { truth: 'the ground truth', prediction: 'the prediction' }): void {
    const pair = countPair(toLabelMap(truth), toLabelMap(prediction), names);
    for (let t = 0; t < LABEL_COUNT; t++) {
      for (let p = 0; p < COLUMN_COUNT; p++) this.counts[t * COLUMN_COUNT + p] += pair[t * SLOT_COUNT + p];
    }
  }

  /** Adds the counts of another matrix, as if its pairs had been added here. */
  merge(other: ConfusionMatrix): void {
    for (let i = 0; i < this.counts.length; i++) this.counts[i] += other.counts[i];
  }
}

/** The joint histogram [23, 23] of the slots of one pair, in one pass without a branch per pixel. */
function countPair(truth: LabelMap, prediction: LabelMap, names: PairNames): Float64Array {
  if (truth.width !== prediction.width || truth.height !== prediction.height) {
    throw new UserError(
      `sizes differ: the prediction ${names.prediction} is ${sizeOf(prediction)}, the ground truth ${names.truth} is ${sizeOf(truth)}`,
      'predictions are not resized: save each one at the size of its photograph',
    );
  }
  const pair = new Float64Array(SLOT_COUNT * SLOT_COUNT);
  const t = truth.data;
  const p = prediction.data;
  for (let i = 0; i < t.length; i++) pair[slotOf[t[i]] * SLOT_COUNT + slotOf[p[i]]]++;
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    if (pair[INVALID_SLOT * SLOT_COUNT + slot] > 0) throw outOfRange(truth, names.truth);
    if (pair[slot * SLOT_COUNT + INVALID_SLOT] > 0) throw outOfRange(prediction, names.prediction);
  }
  return pair;
}

function sizeOf(map: LabelMap): string {
  return `${map.width} x ${map.height} pixels (width x height)`;
}

function outOfRange(map: LabelMap, name: string): UserError {
  const index = map.data.findIndex((value) => slotOf[value] === INVALID_SLOT);
  return new UserError(
    `${name} contains the value ${map.data[index]} at x = ${index % map.width}, y = ${Math.floor(index / map.width)}, which is not a label`,
    `labels are 0 (background), 1 to ${LABEL_COUNT - 1} (the classes) and ${IGNORE_LABEL} (ignore)`,
  );
}
