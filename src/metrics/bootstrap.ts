import { VOC } from '../datasets/classes/voc.js';
import { meanIou } from './mean-iou.js';
import type { IgnoredAs } from './scores.js';

/**
 * The confusion matrices of many images, each stored as its non-zero cells. Those of image i are `starts[i]` up to, but not
 * including, `starts[i + 1]`. An image has few labels, so a whole data set takes little memory.
 */
export interface SparseMatrices {
  /** [images + 1] */
  readonly starts: Uint32Array;
  /** The position of each count in a matrix [labels, labels + 1]. */
  readonly cells: Uint16Array;
  readonly counts: Float64Array;
}

/** Fills in how often each image was drawn for one resample. The numbers add up to the number of images. */
export type Draw = (weights: Uint32Array) => void;

/** Draws images with replacement. */
export function drawWithReplacement(random: () => number): Draw {
  return (weights) => {
    weights.fill(0);
    for (let i = 0; i < weights.length; i++) weights[Math.floor(random() * weights.length)]++;
  };
}

export interface BootstrapOptions {
  readonly resamples: number;
  readonly draw: Draw;
  readonly ignoredAs?: IgnoredAs;
  /** Background and classes. Default: the 21 of VOC. */
  readonly labelCount?: number;
}

/**
 * The mean IoU of each predictor over resamples of the images (Efron, 1979). The same images are drawn for all predictors,
 * so the difference between two predictors is paired: effects of an image that both share cancel out.
 *
 * @param predictors the matrices of the same images, in the same order
 * @returns per predictor [resamples]
 */
export function bootstrapMeanIou(predictors: readonly SparseMatrices[], { resamples, draw, ignoredAs = 'error', labelCount = VOC.labelCount }: BootstrapOptions): Float64Array[] {
  const results = predictors.map(() => new Float64Array(resamples));
  const weights = new Uint32Array(predictors.length === 0 ? 0 : predictors[0].starts.length - 1);
  const sum = new Float64Array(labelCount * (labelCount + 1));
  for (let resample = 0; resample < resamples; resample++) {
    draw(weights);
    predictors.forEach((matrices, p) => {
      sum.fill(0);
      addWeighted(sum, matrices, weights);
      results[p][resample] = meanIou(sum, ignoredAs);
    });
  }
  return results;
}

function addWeighted(sum: Float64Array, { starts, cells, counts }: SparseMatrices, weights: Uint32Array): void {
  for (let image = 0; image < weights.length; image++) {
    const weight = weights[image];
    if (weight === 0) continue;
    for (let i = starts[image]; i < starts[image + 1]; i++) sum[cells[i]] += weight * counts[i];
  }
}

/** The interval that contains the middle `level` of a distribution. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * The percentile interval, from the quantile (1 - level) / 2 to the quantile (1 + level) / 2. Between two values it is
 * interpolated linearly, as in `numpy.percentile`.
 *
 * @param values at least one; NaNs (resamples without any label) are left out
 */
export function percentileInterval(values: Float64Array, level = 0.95): Interval {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort();
  return { low: quantile(sorted, (1 - level) / 2), high: quantile(sorted, (1 + level) / 2) };
}

function quantile(sorted: Float64Array, share: number): number {
  if (sorted.length === 0) return NaN;
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

/** The interval of `a - b`, resample by resample. */
export function differenceInterval(a: Float64Array, b: Float64Array, level = 0.95): Interval {
  return percentileInterval(a.map((value, i) => value - b[i]), level);
}
