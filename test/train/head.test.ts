import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { serializeModel } from '../../src/onnx/file/write.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import type { FeatureTable } from '../../src/train/features.js';
import { buildClassifier, buildFeatureGraph } from '../../src/train/graphs.js';
import { fitHead, viewMean } from '../../src/train/head.js';
import { applyHead } from '../../src/train/logistic.js';
import { randomSequence, shuffled } from '../../src/random.js';
import { relativeError } from '../helpers.js';
import { noise } from '../pipeline/tiny.js';
import { identityNetwork } from './identity.js';

interface Fixture {
  samples: number; features: number; classes: number; x: number[]; y: number[];
  optima: { l2: number; weights: number[]; bias: number[] }[];
}

const fixture = JSON.parse(readFileSync(new URL('../fixtures/train/logistic.json', import.meta.url), 'utf8')) as Fixture;
const { samples, features, classes } = fixture;
const classIndices = Array.from({ length: classes }, (_, c) => c);
const labels = Array.from({ length: samples }, (_, n) => classIndices.filter((c) => fixture.y[n * classes + c] === 1));

function table(data: Float32Array, channels: number, views = 1): FeatureTable {
  return { paths: Array.from({ length: data.length / channels / views }, (_, i) => `${i}.jpg`), data, views, channels, failures: [], cached: false };
}

const options = { seed: 3, folds: 4, threads: 1 };

describe('fitHead', () => {
  it('is the logistic regression on standardised features, made to fit plain ones', async () => {
    const { l2, weights, bias } = fixture.optima[1];
    // The fixture's features have mean 0 and deviation 1; these have not.
    const scale = Array.from({ length: features }, (_, f) => 10 ** (f / 2 - 2));
    const offset = Array.from({ length: features }, (_, f) => 3 * scale[f] * (f - 2));
    const plain = Float32Array.from(fixture.x, (value, i) => value * scale[i % features] + offset[i % features]);
    const { head, trials } = await fitHead(table(plain, features), labels, classes, ortRuntime, { ...options, grid: [l2] });
    expect(trials.map((trial) => trial.l2)).toEqual([l2]);
    const expected = Array.from({ length: samples * classes }, (_, i) => {
      const [n, c] = [Math.floor(i / classes), i % classes];
      let logit = bias[c];
      for (let f = 0; f < features; f++) logit += fixture.x[n * features + f] * weights[f * classes + c];
      return logit;
    });
    expect(relativeError(applyHead(head, plain), expected)).toBeLessThan(1e-4);
  });

  it('gives the same head for the same seed, and chooses among the strengths', async () => {
    const data = Float32Array.from(fixture.x);
    const first = await fitHead(table(data, features), labels, classes, ortRuntime, options);
    const second = await fitHead(table(data, features), labels, classes, ortRuntime, options);
    expect(second).toEqual(first);
    expect(first.trials.length).toBeGreaterThan(3);
    const chosen = first.trials.find(({ l2 }) => l2 === first.l2)!;
    expect(chosen.map).toBeGreaterThanOrEqual(Math.max(...first.trials.map(({ map }) => map)) - 0.01);
    // Another seed parts the images in another way.
    const other = await fitHead(table(data, features), labels, classes, ortRuntime, { ...options, seed: 4 });
    expect(other.trials).not.toEqual(first.trials);
  });

  it('scores images by heads that have not seen them: noise is told from knowledge', async () => {
    const random = noise(5);
    const count = 60;
    const own = Array.from({ length: count }, (_, i) => (i % 2 === 0 ? [0] : []));
    // As many random features as would fit any labels of the images that are trained on.
    const blind = await fitHead(table(Float32Array.from({ length: count * 80 }, random), 80), own, 1, ortRuntime, { ...options, grid: [0.001] });
    expect(blind.trials[0].map).toBeLessThan(0.75);
    const telling = Float32Array.from({ length: count * 4 }, (_, i) => (i % 4 === 0 ? (own[Math.floor(i / 4)].length > 0 ? 2 : -2) : 0) + random());
    expect((await fitHead(table(telling, 4), own, 1, ortRuntime, { ...options, grid: [0.1] })).trials[0].map).toBeCloseTo(1, 12);
  });

  it('keeps the views of an image in one part', async () => {
    const random = noise(6);
    const count = 40;
    const own = Array.from({ length: count }, (_, i) => (i % 2 === 0 ? [0] : []));
    // Both views are the same random numbers: with one of them to learn from, the other would be known by heart.
    const single = Float32Array.from({ length: count * 60 }, random);
    const twice = Float32Array.from({ length: 2 * single.length }, (_, i) => single[Math.floor(i / 120) * 60 + (i % 60)]);
    const { trials } = await fitHead(table(twice, 60, 2), own, 1, ortRuntime, { ...options, grid: [0.001] });
    expect(trials[0].map).toBeLessThan(0.8);
  });

  it('is not misled by a feature that never changes', async () => {
    const random = noise(7);
    const count = 30;
    const own = Array.from({ length: count }, (_, i) => (i % 3 === 0 ? [0] : []));
    // 0.1 has no exact representation: its mean is a rounding error away from it.
    const data = Float32Array.from({ length: count * 2 }, (_, i) => (i % 2 === 0 ? 0.1 : (own[Math.floor(i / 2)].length > 0 ? 1 : -1) + random()));
    const { head } = await fitHead(table(data, 2), own, 1, ortRuntime, { ...options, grid: [0.1] });
    expect(Math.abs(head.weights[0])).toBeLessThan(1e-3);
    const [before, after] = applyHead(head, Float32Array.from([0.1, 1, 0.1001, 1]));
    expect(Math.abs(before - after)).toBeLessThan(1e-3);
  });

  it('says what it cannot do', async () => {
    const few = table(new Float32Array(2 * features), features);
    await expect(fitHead(few, [[0], [1]], classes, ortRuntime, options)).rejects.toThrow('2 images are too few for a cross-validation in 4 parts');
    await expect(fitHead(table(new Float32Array(9 * features), features), Array.from({ length: 9 }, () => []), classes, ortRuntime, options))
      .rejects.toThrow('none of the 9 images shows a class');
  });
});

describe('viewMean', () => {
  it('is the mean over the views', () => {
    // Two images, two views, three classes.
    expect([...viewMean(Float32Array.from([1, 2, 3, 5, 6, 9, -1, 0, 1, 1, 0, -1]), 2, 3)]).toEqual([3, 4, 6, 0, 0, 0]);
    expect([...viewMean(Float32Array.from([1, 2, 3, 4]), 1, 2)]).toEqual([1, 2, 3, 4]);
  });
});

describe('graphs', () => {
  const network = identityNetwork();
  const [layer] = network.layers.filter(({ rectified }) => rectified);
  const [height, width] = [2, 3];
  // Red 0..5, green -3 everywhere, blue 10 in one pixel of six.
  const image = Float32Array.from([0, 1, 2, 3, 4, 5, -3, -3, -3, -3, -3, -3, 0, 0, 10, 0, 0, 0]);
  const feeds = { image: { type: 'float32', dims: [1, 3, height, width], data: image } as const };
  const means = [2.5, 0, 10 / 6];

  it('pools a layer', async () => {
    const session = await ortRuntime.load(serializeModel(buildFeatureGraph(network, layer)), { threads: 1 });
    const { features: pooled } = await session.run(feeds);
    await session.release();
    expect(pooled.dims).toEqual([1, 3]);
    expect(relativeError(pooled.data as Float32Array, means)).toBeLessThan(1e-6);
  });

  it('puts the head behind it: features times weights plus bias', async () => {
    const head = { weights: Float32Array.from([1, -1, 100, 100, 0.6, 3]), bias: Float32Array.from([0.5, 7]) };
    const model = buildClassifier(network, layer, head, new Map([['key', 'value']]));
    const session = await ortRuntime.load(serializeModel(model), { threads: 1 });
    const { logits } = await session.run(feeds);
    await session.release();
    expect(logits.dims).toEqual([1, 2]);
    // 2.5 + 0.6 * 10 / 6 + 0.5; -2.5 + 3 * 10 / 6 + 7
    expect(relativeError(logits.data as Float32Array, [4, 9.5])).toBeLessThan(1e-6);
    expect(relativeError(logits.data as Float32Array, applyHead(head, Float32Array.from(means)))).toBeLessThan(1e-6);
    expect(model.metadata).toEqual(new Map([['key', 'value']]));
  });
});

describe('random numbers', () => {
  it('are those of mulberry32', () => {
    // The first three values of seed 1, times 2^32, computed in Python's integers.
    const next = randomSequence(1);
    expect([next(), next(), next()].map((value) => value * 2 ** 32)).toEqual([2693262067, 11749833, 2265367787]);
  });

  it('shuffle: every number once, and all orders about equally often', () => {
    const random = randomSequence(0);
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = shuffled(3, random);
      expect([...order].sort()).toEqual([0, 1, 2]);
      counts.set(order.join(), (counts.get(order.join()) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // 1000 each, with a standard deviation of 29.
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(130);
  });
});
