import { UserError } from '../errors.js';
import { meanAveragePrecision } from '../metrics/average-precision.js';
import type { Runtime } from '../runtime/runtime.js';
import type { FeatureTable } from './features.js';
import type { LabelledFeatures, LinearHead } from './logistic.js';
import { applyHead, LogisticRegression } from './logistic.js';
import { randomSequence, shuffled } from '../random.js';

/** The strengths of L2 regularisation to try on standardised features, strongest first. */
export const L2_GRID: readonly number[] = [3, 1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001];

/** A difference in mAP that is too small for choosing a weaker regularisation. */
const NEGLIGIBLE = 0.002;

export interface HeadOptions {
  readonly seed: number;
  /** The number of parts of the cross-validation that chooses the regularisation. */
  readonly folds: number;
  readonly threads: number;
  readonly grid?: readonly number[];
  /** Called after each part of the cross-validation. */
  readonly onFold?: (done: number) => void;
}

/** A fitted head and how it was chosen. */
export interface FittedHead {
  readonly head: LinearHead;
  readonly l2: number;
  /** The mAP of every strength. Each image is scored by a head that was fitted without it. */
  readonly trials: readonly { readonly l2: number; readonly map: number }[];
}

/**
 * Fits a multi-label linear head to pooled features. The strength of its L2 regularisation is chosen by cross-validation:
 * the images are split at random (by the seed), each part is scored by a head fitted to the others, and the best mAP over
 * all images wins (of almost equal ones, the strongest regularisation). A single held-out part would have too few images of
 * rare classes. The head is then fitted to all images. All views of an image are samples and stay in the same part.
 *
 * @param labels the classes of each photograph of the table, indices 0..classCount-1
 * @throws UserError if there are fewer images than parts, if no image shows a class, or if a feature is not finite
 */
export async function fitHead(
  table: FeatureTable, labels: readonly (readonly number[])[], classCount: number, runtime: Runtime, options: HeadOptions,
): Promise<FittedHead> {
  const { views, channels } = table;
  if (labels.length < options.folds) throw new UserError(`${labels.length} images are too few for a cross-validation in ${options.folds} parts`, 'use more images, or fewer --folds');
  if (!labels.some((own) => own.length > 0)) throw new UserError(`none of the ${labels.length} images shows a class`);
  if (!table.data.every(Number.isFinite)) throw new UserError('the features of the images are not all finite', 'check that the preprocessing is that of the backbone');
  const { mean, deviation } = statistics(table.data, channels);
  const standard = table.data.map((value, i) => (value - mean[i % channels]) / deviation[i % channels]);
  const order = shuffled(labels.length, randomSequence(options.seed));
  const regression = await LogisticRegression.create(channels, classCount, runtime, options.threads);
  const grid = options.grid ?? L2_GRID;
  try {
    const scores = grid.map(() => new Float32Array(labels.length * classCount));
    for (let fold = 0; fold < options.folds; fold++) {
      const heldOut = order.filter((_, i) => i % options.folds === fold);
      const rest = samplesOf(table, standard, labels, classCount, order.filter((_, i) => i % options.folds !== fold));
      const { features } = samplesOf(table, standard, labels, classCount, heldOut);
      let head: LinearHead | undefined;
      for (const [g, l2] of grid.entries()) {
        head = await regression.fit(rest, l2, head);
        const logits = viewMean(applyHead(head, features), views, classCount);
        heldOut.forEach((image, i) => { scores[g].set(logits.subarray(i * classCount, (i + 1) * classCount), image * classCount); });
      }
      options.onFold?.(fold + 1);
    }
    const trials = grid.map((l2, g) => ({ l2, map: meanAveragePrecision(scores[g], labels, classCount).mean }));
    const best = Math.max(...trials.map(({ map }) => map));
    // Of almost equal results, take the strongest regularisation: such small differences are chance.
    const { l2: strength } = trials.filter(({ map }) => map >= best - NEGLIGIBLE).reduce((a, b) => (b.l2 > a.l2 ? b : a));
    const fitted = await regression.fit(samplesOf(table, standard, labels, classCount, order), strength);
    return { head: unstandardised(fitted, mean, deviation), l2: strength, trials };
  } finally {
    await regression.release();
  }
}

/** The head that gives the same logits for plain features as `head` gives for standardised ones. */
function unstandardised({ weights, bias }: LinearHead, mean: Float64Array, deviation: Float64Array): LinearHead {
  const classCount = bias.length;
  const plain = weights.map((weight, i) => weight / deviation[Math.floor(i / classCount)]);
  const offset = Float64Array.from(bias);
  plain.forEach((weight, i) => { offset[i % classCount] -= weight * mean[Math.floor(i / classCount)]; });
  return { weights: plain, bias: Float32Array.from(offset) };
}

/** The mean logits over the views of each image: [images, classes] from [images, views, classes]. */
export function viewMean(logits: Float32Array, views: number, classCount: number): Float32Array {
  const result = new Float32Array(logits.length / views);
  for (let i = 0; i < logits.length; i++) {
    const image = Math.floor(i / (views * classCount));
    result[image * classCount + (i % classCount)] += logits[i] / views;
  }
  return result;
}

function samplesOf(
  { views, channels }: FeatureTable, data: Float32Array, labels: readonly (readonly number[])[], classCount: number, images: readonly number[],
): LabelledFeatures {
  const samples = images.length * views;
  const features = new Float32Array(samples * channels);
  const targets = new Float32Array(samples * classCount);
  images.forEach((image, i) => {
    features.set(data.subarray(image * views * channels, (image + 1) * views * channels), i * views * channels);
    for (let v = 0; v < views; v++) for (const c of labels[image]) targets[(i * views + v) * classCount + c] = 1;
  });
  return { features, targets, samples };
}

/** The mean and standard deviation of each feature, [channels]. The deviation is 1 if a feature is constant except for rounding. */
function statistics(data: Float32Array, channels: number): { readonly mean: Float64Array; readonly deviation: Float64Array } {
  const rows = data.length / channels;
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  for (let i = 0; i < data.length; i++) mean[i % channels] += data[i] / rows;
  for (let i = 0; i < data.length; i++) variance[i % channels] += (data[i] - mean[i % channels]) ** 2 / rows;
  const deviation = variance.map((value, c) => (Math.sqrt(value) > 1e-6 * Math.abs(mean[c]) ? Math.sqrt(value) : 1));
  return { mean, deviation };
}
