import { describe, expect, it } from 'vitest';
import { serializeModel } from '../../src/onnx/write.js';
import { ortRuntime } from '../../src/runtime/ort.js';
import type { RuntimeTensor } from '../../src/runtime/runtime.js';
import { groupParameters } from '../../src/train/parameters.js';
import type { Parameter } from '../../src/train/parameters.js';
import { AVERAGE_DECAY, buildUpdateGraph, GRADIENT_SCALE, RATE, updated, updateVector } from '../../src/train/training-graph.js';

const vector = (...values: number[]): RuntimeTensor => ({ type: 'float32', dims: [values.length], data: Float32Array.from(values) });

/** One update of two numbers (3, 4) with the summed gradient (0, 4) of two passes and the velocity (1, 1). */
async function update(parameter: Partial<Parameter>, gradient = [0, 4], weights = [3, 4]) {
  const groups = groupParameters([{ name: 'p', dims: [2, 1], head: false, decays: true, ...parameter }], true);
  const graph = buildUpdateGraph(groups, { optimiser: 'lars', momentum: 0.5, weightDecay: 0.1, headRate: 10, average: true });
  const session = await ortRuntime.load(serializeModel(graph), { threads: 1 });
  const results = await session.run({
    [RATE]: vector(0.1), [GRADIENT_SCALE]: vector(0.5), [AVERAGE_DECAY]: vector(0.75),
    [updateVector('weights', 0)]: vector(...weights), [updateVector('gradient', 0)]: vector(...gradient),
    [updateVector('velocity', 0)]: vector(1, 1), [updateVector('average', 0)]: vector(8, 8),
  });
  await session.release();
  const numbers = (kind: Parameters<typeof updateVector>[0]): number[] => [...results[updated(updateVector(kind, 0))].data as Float32Array];
  return { weights: numbers('weights'), velocity: numbers('velocity'), average: numbers('average') };
}

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  actual.forEach((value, i) => { expect(value).toBeCloseTo(expected[i], 5); });
}

describe('an update with rates relative to the size of a tensor', () => {
  it('scales gradient and decay alike', async () => {
    const { weights, velocity, average } = await update({});
    // |p| = 5, |g| = 2: 5 / (2 + 0.1 x 5) = 2 times (0.3, 2 + 0.4), onto half the velocity.
    expectClose(velocity, [0.5 + 0.6, 0.5 + 4.8]);
    expectClose(weights, [3 - 0.11, 4 - 0.53]);
    expectClose(average, [6 + 0.25 * 2.89, 6 + 0.25 * 3.47]);
  });

  it('without decay moves by the rate times the size of the tensor', async () => {
    const { velocity } = await update({ decays: false });
    // 5 / 2 times (0, 2)
    expectClose(velocity, [0.5, 5.5]);
  });

  it('leaves the head to its own rate', async () => {
    const { weights, velocity } = await update({ head: true });
    expectClose(velocity, [0.5 + 0.3, 0.5 + 2.4]);
    expectClose(weights, [3 - 0.8, 4 - 2.9]);
  });

  it('takes a tensor of zeros, or without gradient, as it is', async () => {
    expectClose((await update({}, [0, 4], [0, 0])).velocity, [0.5, 2.5]);
    expectClose((await update({}, [0, 0])).velocity, [0.8, 0.9]);
  });
});
