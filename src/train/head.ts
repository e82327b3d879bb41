import { meanAveragePrecision } from '../metrics/average-precision.js';
import type { Runtime } from '../runtime/runtime.js';
import type { FeatureTable } from './features.js';
import type { LabelledFeatures, LinearHead } from './logistic.js';
import { applyHead, LogisticRegression } from './logistic.js';
import { randomSequence, shuffled } from './random.js';

/** The strengths of L2 regularisation that are tried, strongest first, on features divided by their standard deviation. */
export const L2_GRID: readonly number[] = [3, 1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001];

export interface HeadOptions {
  readonly seed: number;
  /** The share of the training images on which the regularisation is chosen. */
  readonly heldOut: number;
  readonly threads: number;
  readonly grid?: readonly number[];
  readonly onTrial?: (l2: number, map: number) => void;
}

/** A fitted head and how it was chosen. */
export interface FittedHead {
  readonly head: LinearHead;
  readonly l2: number;
  /** The mAP of every strength on the held-out part. */
  readonly trials: readonly { readonly l2: number; readonly map: number }[];
}

/**
 * Fits a multi-label linear head to pooled features. The strength of its L2 regularisation is the one with the best mAP on
 * a held-out part of the images, drawn at random for the seed; the head is then fitted to all of them. All views of an
 * image are samples, and stay on one side.
 *
 * @param labels for each photograph of the table its classes, indices 0..classCount-1
 */
export async function fitHead(
  table: FeatureTable, labels: readonly (readonly number[])[], classCount: number, runtime: Runtime, options: HeadOptions,
): Promise<FittedHead> {
  const { channels } = table;
  const deviation = standardDeviations(table.data, channels);
  const scaled = divided(table.data, deviation);
  const order = shuffled(labels.length, randomSequence(options.seed));
  const heldOut = order.slice(0, Math.round(labels.length * options.heldOut));
  const rest = order.slice(heldOut.length);
  const regression = await LogisticRegression.create(channels, classCount, runtime, options.threads);
  try {
    const subset = samplesOf(table, scaled, labels, classCount, rest);
    const truth = heldOut.map((i) => labels[i]);
    const trials: { l2: number; map: number }[] = [];
    let head: LinearHead | undefined;
    for (const l2 of options.grid ?? L2_GRID) {
      head = await regression.fit(subset, l2, head);
      const scores = viewMean(applyHead(head, samplesOf(table, scaled, labels, classCount, heldOut).features), table.views, classCount);
      const map = meanAveragePrecision(scores, truth, classCount).mean;
      trials.push({ l2, map });
      options.onTrial?.(l2, map);
    }
    const best = trials.reduce((a, b) => (b.map > a.map ? b : a));
    const fitted = await regression.fit(samplesOf(table, scaled, labels, classCount, order), best.l2);
    const weights = Float32Array.from(fitted.weights, (weight, i) => weight / deviation[Math.floor(i / classCount)]);
    return { head: { weights, bias: fitted.bias }, l2: best.l2, trials };
  } finally {
    await regression.release();
  }
}

/** The mean logits over the views of each image, [images, classes], from [images, views, classes]. */
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

/** The standard deviation of each feature, [channels]; 1 for a feature that never changes. */
function standardDeviations(data: Float32Array, channels: number): Float64Array {
  const rows = data.length / channels;
  const sum = new Float64Array(channels);
  const squares = new Float64Array(channels);
  for (let i = 0; i < data.length; i++) {
    sum[i % channels] += data[i];
    squares[i % channels] += data[i] * data[i];
  }
  return sum.map((total, c) => Math.sqrt(Math.max(0, squares[c] / rows - (total / rows) ** 2)) || 1);
}

function divided(data: Float32Array, divisors: Float64Array): Float32Array {
  return data.map((value, i) => value / divisors[i % divisors.length]);
}
