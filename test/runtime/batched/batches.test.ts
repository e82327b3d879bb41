import { describe, expect, it } from 'vitest';
import { Batches } from '../../../src/runtime/batched/batches.js';

describe('batches', () => {
  const wait = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

  it('are of inputs with one key, the largest group first, and not larger than allowed', async () => {
    const runs: number[][] = [];
    const batches = new Batches<number, number>({
      size: 2, keyOf: (input) => String(Math.floor(input / 10)),
      run: async (inputs) => {
        runs.push([...inputs]);
        await wait();
        return inputs.map((input) => input * 2);
      },
    });
    expect(await Promise.all([1, 11, 12, 13, 21].map((input) => batches.run(input)))).toEqual([2, 22, 24, 26, 42]);
    expect(runs).toEqual([[11, 12], [1], [21], [13]]);
  });

  it('that fail are run again one by one, and only what fails alone is rejected', async () => {
    const runs: number[][] = [];
    const batches = new Batches<number, number>({
      size: 3, keyOf: () => '',
      run: async (inputs) => {
        runs.push([...inputs]);
        await wait();
        if (inputs.includes(2)) throw new Error('two');
        return inputs.map((input) => -input);
      },
    });
    const results = await Promise.allSettled([1, 2, 3].map((input) => batches.run(input)));
    expect(results.map((result) => (result.status === 'fulfilled' ? result.value : (result.reason as Error).message))).toEqual([-1, 'two', -3]);
    expect(runs).toEqual([[1, 2, 3], [1], [2], [3]]);
  });
});
