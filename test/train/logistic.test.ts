import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import { applyHead, LogisticRegression } from '../../src/train/logistic.js';
import type { LabelledFeatures, LinearHead } from '../../src/train/logistic.js';

interface Fixture {
  samples: number; features: number; classes: number;
  x: number[]; y: number[];
  optima: { l2: number; weights: number[]; bias: number[]; loss: number }[];
}

const fixture = JSON.parse(readFileSync(new URL('../fixtures/train/logistic.json', import.meta.url), 'utf8')) as Fixture;
const data: LabelledFeatures = { features: Float32Array.from(fixture.x), targets: Float32Array.from(fixture.y), samples: fixture.samples };

let regression: LogisticRegression;
beforeAll(async () => { regression = await LogisticRegression.create(fixture.features, fixture.classes, ortRuntime, 1); });
afterAll(() => regression.release());

/** The loss by loops in double precision. */
function lossOf({ weights, bias }: LinearHead, l2: number): number {
  let loss = 0;
  for (let n = 0; n < fixture.samples; n++) {
    for (let c = 0; c < fixture.classes; c++) {
      let z = bias[c];
      for (let f = 0; f < fixture.features; f++) z += fixture.x[n * fixture.features + f] * weights[f * fixture.classes + c];
      loss += (Math.log1p(Math.exp(-Math.abs(z))) + Math.max(z, 0) - fixture.y[n * fixture.classes + c] * z) / fixture.samples;
    }
  }
  return loss + l2 / 2 * weights.reduce((sum, weight) => sum + weight * weight, 0);
}

function distance(actual: ArrayLike<number>, expected: readonly number[]): number {
  expect(actual.length).toBe(expected.length);
  return Math.max(...expected.map((value, i) => Math.abs(value - actual[i])));
}

describe('LogisticRegression', () => {
  it.each(fixture.optima)('finds the optimum that Newton\'s method in double precision finds, l2 = $l2', async ({ l2, weights, bias, loss }) => {
    const head = await regression.fit(data, l2);
    expect(lossOf(head, l2) - loss).toBeLessThan(1e-6);
    // The gradient vanishes up to 1e-5: how far that is from the optimum depends on the curvature, and so on l2.
    const tolerance = l2 >= 0.05 ? 1e-4 : 1e-3;
    expect(distance(head.weights, weights)).toBeLessThan(tolerance);
    expect(distance(head.bias, bias)).toBeLessThan(tolerance);
  });

  it('arrives at the same place from another start', async () => {
    const { l2, weights } = fixture.optima[1];
    const start = { weights: Float32Array.from(weights, (_, i) => Math.sin(i)), bias: Float32Array.from([1, -2, 3]) };
    expect(distance((await regression.fit(data, l2, start)).weights, weights)).toBeLessThan(1e-3);
  });
});

describe('applyHead', () => {
  it('is features times weights plus bias', () => {
    const head = { weights: Float32Array.from([1, 10, 2, 20, 3, 30]), bias: Float32Array.from([0.5, -0.5]) };
    expect([...applyHead(head, Float32Array.from([1, 2, 3, 0, 0, -1]))]).toEqual([14.5, 139.5, -2.5, -30.5]);
  });
});
