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
    const [t, p] = [toLabelMap(truth), toLabelMap(prediction)];
    requireSameSize(t, p, names);
    const pair = countPair(t.data, p.data);
    const columnOf = (value: number): number => (value === IGNORE_LABEL ? labelCount : value);
    const isLabel = (value: number): boolean => value < labelCount || value === IGNORE_LABEL;
    const cells: [at: number, count: number][] = [];
    for (let at = 0; at < pair.length; at++) {
      if (pair[at] === 0) continue;
      const [trueLabel, predicted] = [at >> 8, at & 255];
      if (!isLabel(trueLabel)) throw outOfRange(t, labelCount, names.truth);
      if (!isLabel(predicted)) throw outOfRange(p, labelCount, names.prediction);
      if (trueLabel !== IGNORE_LABEL) cells.push([trueLabel * (labelCount + 1) + columnOf(predicted), pair[at]]);
    }
    for (const [at, count] of cells) counts[at] += count;
  }

  /** Adds the counts of another matrix, as if its pairs had been added here. */
  merge(other: ConfusionMatrix): void {
    for (let i = 0; i < this.counts.length; i++) this.counts[i] += other.counts[i];
  }
}

/** Counters of {@link countPair}, which the next call overwrites. */
const pairCounts = new Uint32Array(256 * 256);

/** Counts pairs of values, at [truth, prediction] of 256 x 256. Masks are mostly areas of one label, so four equal pixels count at once. */
function countPair(truth: Uint8Array, prediction: Uint8Array): Uint32Array {
  const counts = pairCounts.fill(0);
  const aligned = truth.byteOffset % 4 === 0 && prediction.byteOffset % 4 === 0;
  const fours = aligned ? truth.length >> 2 : 0;
  const t4 = new Int32Array(truth.buffer, aligned ? truth.byteOffset : 0, fours);
  const p4 = new Int32Array(prediction.buffer, aligned ? prediction.byteOffset : 0, fours);
  let [lastT, lastP, place, run] = [0, 0, 0, 0];
  for (let i = 0; i < fours; i++) {
    const [t, p] = [t4[i], p4[i]];
    if (t === lastT && p === lastP) {
      run++;
      continue;
    }
    // All four pixels are equal if turning by one pixel changes nothing.
    if (t === ((t << 8) | (t >>> 24)) && p === ((p << 8) | (p >>> 24))) {
      counts[place] += 4 * run;
      [lastT, lastP, place, run] = [t, p, ((t & 255) << 8) | (p & 255), 1];
      continue;
    }
    for (let shift = 0; shift < 32; shift += 8) counts[(((t >>> shift) & 255) << 8) | ((p >>> shift) & 255)]++;
  }
  counts[place] += 4 * run;
  for (let i = 4 * fours; i < truth.length; i++) counts[(truth[i] << 8) | prediction[i]]++;
  return counts;
}

/** @throws UserError that names both files, if the sizes differ */
function requireSameSize(truth: LabelMap, prediction: LabelMap, names: PairNames): void {
  if (truth.width === prediction.width && truth.height === prediction.height) return;
  throw new UserError(
    `sizes differ: the prediction ${names.prediction} is ${sizeOf(prediction)}, the ground truth ${names.truth} is ${sizeOf(truth)}`,
    'predictions are not resized: save each one at the size of its photograph',
  );
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
