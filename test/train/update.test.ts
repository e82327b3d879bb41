import { describe, expect, it } from 'vitest';
import { updateGroup } from '../../src/train/update.js';
import type { UpdateSettings } from '../../src/train/update.js';

const lars: UpdateSettings = { optimiser: 'lars', momentum: 0.5, weightDecay: 0.1, headRate: 10, average: true };

/** One update of two numbers (3, 4) with the summed gradient (0, 4) of two passes and the velocity (1, 1). */
function update(
  group: { head?: boolean; decays?: boolean }, gradient = [0, 4], weights = [3, 4], settings = lars, range: readonly [number, number] = [0, 2],
) {
  const vectors = {
    weights: Float32Array.from(weights), gradients: [Float32Array.from(gradient)], velocity: Float32Array.of(1, 1), average: Float32Array.of(8, 8),
  };
  updateGroup({ head: false, decays: true, ...group }, vectors, range, settings, { number: 1, rate: 0.1, scale: 0.5, averageDecay: 0.75 });
  return { weights: [...vectors.weights], velocity: [...vectors.velocity], average: [...vectors.average] };
}

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  actual.forEach((value, i) => { expect(value).toBeCloseTo(expected[i], 5); });
}

describe('an update with one rate for all', () => {
  const sgd: UpdateSettings = { ...lars, optimiser: 'sgd' };

  it('adds gradient and decay to the velocity', () => {
    const { weights, velocity, average } = update({}, [0, 4], [3, 4], sgd);
    // (0, 2) + 0.1 (3, 4), onto half the velocity.
    expectClose(velocity, [0.8, 2.9]);
    expectClose(weights, [3 - 0.08, 4 - 0.29]);
    expectClose(average, [6 + 0.25 * 2.92, 6 + 0.25 * 3.71]);
  });

  it('of a part leaves the rest alone', () => {
    const { weights, velocity, average } = update({}, [0, 4], [3, 4], sgd, [1, 2]);
    expectClose(velocity, [1, 2.9]);
    expectClose(weights, [3, 4 - 0.29]);
    expectClose(average, [8, 6 + 0.25 * 3.71]);
  });
});

describe('an update of many numbers', () => {
  it('takes the sum of all gradients at each of them', () => {
    const length = 10_001;
    const vectors = {
      weights: new Float32Array(length).fill(4), velocity: new Float32Array(length).fill(1),
      gradients: [Float32Array.from({ length }, (_, i) => i), Float32Array.from({ length }, (_, i) => 2 - i)],
    };
    const settings = { ...lars, optimiser: 'sgd', average: false } as const;
    updateGroup({ head: false, decays: false }, vectors, [1, length], settings, { number: 1, rate: 0.1, scale: 0.5, averageDecay: 0 });
    // Half of i + (2 - i), onto half the velocity; the first number is not in the range.
    expect(vectors.velocity[0]).toBe(1);
    expect(new Set(vectors.velocity.subarray(1))).toEqual(new Set([1.5]));
    expect(new Set(vectors.weights.subarray(1))).toEqual(new Set([Math.fround(4 - Math.fround(Math.fround(0.1) * 1.5))]));
  });

  it('measures a tensor by the sum of its gradients', () => {
    const vectors = { weights: Float32Array.of(3, 4), velocity: Float32Array.of(1, 1), gradients: [Float32Array.of(5, 1), Float32Array.of(-5, 3)] };
    updateGroup({ head: false, decays: true }, vectors, [0, 2], { ...lars, average: false }, { number: 1, rate: 0.1, scale: 0.5, averageDecay: 0 });
    // As the first of those below, whose gradient is (0, 4).
    expectClose([...vectors.velocity], [0.5 + 0.6, 0.5 + 4.8]);
    expectClose([...vectors.weights], [3 - 0.11, 4 - 0.53]);
  });
});

describe('an update with rates relative to the size of a tensor', () => {
  it('scales gradient and decay alike', () => {
    const { weights, velocity, average } = update({});
    // |p| = 5, |g| = 2: 5 / (2 + 0.1 x 5) = 2 times (0.3, 2 + 0.4), onto half the velocity.
    expectClose(velocity, [0.5 + 0.6, 0.5 + 4.8]);
    expectClose(weights, [3 - 0.11, 4 - 0.53]);
    expectClose(average, [6 + 0.25 * 2.89, 6 + 0.25 * 3.47]);
  });

  it('without decay moves by the rate times the size of the tensor', () => {
    const { velocity } = update({ decays: false });
    // 5 / 2 times (0, 2)
    expectClose(velocity, [0.5, 5.5]);
  });

  it('leaves the head to its own rate', () => {
    const { weights, velocity } = update({ head: true });
    expectClose(velocity, [0.5 + 0.3, 0.5 + 2.4]);
    expectClose(weights, [3 - 0.8, 4 - 2.9]);
  });

  it('takes a tensor of zeros, or without gradient, as it is', () => {
    expectClose(update({}, [0, 4], [0, 0]).velocity, [0.5, 2.5]);
    expectClose(update({}, [0, 0]).velocity, [0.8, 0.9]);
  });
});
