import { UserError } from '../errors.js';
import { VOC } from '../datasets/classes/voc.js';
import type { LabelInput, LabelMap } from '../datasets/label-map.js';
import { IGNORE_LABEL, toLabelMap } from '../datasets/label-map.js';

/**
 * The number of labels of a confusion matrix [labels, labels + 1].
 *
 * @throws RangeError for another number of counts
 */
export function labelCountOf(counts: ArrayLike<number>): number {
  const labelCount = Math.floor(Math.sqrt(counts.length));
  if (counts.length === 0 || labelCount * (labelCount + 1) !== counts.length) throw new RangeError(`a confusion matrix needs n x (n + 1) counts, got ${counts.length}`);
  return labelCount;
}

/** The names of a pair of label maps in error messages, usually the paths of the two files. */
export interface PairNames {
  readonly truth: string;
  readonly prediction: string;
}

/**
 * Counts how often each true label was predicted as each label, over all pixels of all pairs added so far.
 *
 * `counts` is [labels, labels + 1] row by row, for VOC [21, 22]: `counts[truth * 22 + predicted]`. A row is a true label (0 background,
 * then the classes). A column is a predicted label. The last column counts pixels predicted as ignore (255), so that you can
 * choose later how to score them (see `scoreMatrix`). Pixels whose ground truth is 255 are left out, whatever was
 * predicted, as in the VOC devkit (VOCevalseg.m counts `gtim < 255` only).
 *
 * Counts are whole numbers stored as doubles. They are exact up to 2^53 pixels, so sums do not depend on the order.
 */
export class ConfusionMatrix {
  /** The labels that are scored: background and classes. */
  readonly labelCount: number;
  readonly counts: Float64Array;

  /**
   * @param labels the number of labels, or counts [labels, labels + 1] as above, which are not copied: the matrix adds to them.
   *   Default: the 21 labels of VOC
   */
  constructor(labels: number | Float64Array = VOC.labelCount) {
    this.counts = typeof labels === 'number' ? new Float64Array(labels * (labels + 1)) : labels;
    this.labelCount = labelCountOf(this.counts);
  }

  /** The column of the pixels predicted as ignore (255). */
  get ignoredColumn(): number {
    return this.labelCount;
  }

  /** The number of pixels of true label `truth` that were predicted as `column`: a label, or {@link ignoredColumn}. */
  at(truth: number, column: number): number {
    return this.counts[truth * (this.labelCount + 1) + column];
  }

  /** The counts as [labels][labels + 1], one array per true label. */
  rows(): number[][] {
    const columns = this.labelCount + 1;
    return Array.from({ length: this.labelCount }, (_, truth) => [...this.counts.subarray(truth * columns, (truth + 1) * columns)]);
  }

  /**
   * Adds the pixels of one image. If it throws, nothing of the pair is added.
   *
   * @throws UserError if the sizes differ, or if a map contains a value that is not a label (for VOC 21..254)
   */
  add(truth: LabelInput, prediction: LabelInput, names: PairNames = { truth: 'the ground truth', prediction: 'the prediction' }): void {
    const { labelCount, counts } = this;
    const pair = countPair(toLabelMap(truth), toLabelMap(prediction), labelCount, names);
    for (let t = 0; t < labelCount; t++) {
      for (let p = 0; p <= labelCount; p++) counts[t * (labelCount + 1) + p] += pair[t * (labelCount + 2) + p];
    }
  }

  /** Adds the counts of another matrix, as if its pairs had been added here. */
  merge(other: ConfusionMatrix): void {
    for (let i = 0; i < this.counts.length; i++) this.counts[i] += other.counts[i];
  }
}

const slotTables = new Map<number, Uint8Array>();

/** The slot of each label value while a pair is counted: the labels, then ignore, then everything that is not a label. */
function slotsFor(labelCount: number): Uint8Array {
  let slots = slotTables.get(labelCount);
  if (slots === undefined) {
    slots = Uint8Array.from({ length: 256 }, (_, value) => (value < labelCount ? value : value === IGNORE_LABEL ? labelCount : labelCount + 1));
    slotTables.set(labelCount, slots);
  }
  return slots;
}

/** The joint histogram [labels + 2, labels + 2] of the slots of one pair, in one pass without a branch per pixel. */
function countPair(truth: LabelMap, prediction: LabelMap, labelCount: number, names: PairNames): Float64Array {
  if (truth.width !== prediction.width || truth.height !== prediction.height) {
    throw new UserError(
      `sizes differ: the prediction ${names.prediction} is ${sizeOf(prediction)}, the ground truth ${names.truth} is ${sizeOf(truth)}`,
      'predictions are not resized: save each one at the size of its photograph',
    );
  }
  const [slotCount, invalid] = [labelCount + 2, labelCount + 1];
  const slotOf = slotsFor(labelCount);
  const pair = new Float64Array(slotCount * slotCount);
  const t = truth.data;
  const p = prediction.data;
  for (let i = 0; i < t.length; i++) pair[slotOf[t[i]] * slotCount + slotOf[p[i]]]++;
  for (let slot = 0; slot < slotCount; slot++) {
    if (pair[invalid * slotCount + slot] > 0) throw outOfRange(truth, labelCount, names.truth);
    if (pair[slot * slotCount + invalid] > 0) throw outOfRange(prediction, labelCount, names.prediction);
  }
  return pair;
}

function sizeOf(map: LabelMap): string {
  return `${map.width} x ${map.height} pixels (width x height)`;
}

function outOfRange(map: LabelMap, labelCount: number, name: string): UserError {
  const index = map.data.findIndex((value) => value >= labelCount && value !== IGNORE_LABEL);
  return new UserError(
    `${name} contains the value ${map.data[index]} at x = ${index % map.width}, y = ${Math.floor(index / map.width)}, which is not a label`,
    `labels are 0 (background), ${labelCount === 2 ? '1 (the class)' : `1 to ${labelCount - 1} (the classes)`} and ${IGNORE_LABEL} (ignore)`,
  );
}
