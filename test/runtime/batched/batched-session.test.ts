import { describe, expect, it } from 'vitest';
import { BatchedSession } from '../../../src/runtime/batched/batched-session.js';
import type { Batching, RuntimeTensor, Session } from '../../../src/runtime/runtime.js';

const batching: Batching = { size: 3, images: 'image', rows: 'class', imageOfRow: 'of' };

type Feeds = Parameters<Session['run']>[0];

/** For each row: 100 times the sum of its image, plus its class. */
function sums(runs: Feeds[]): Session {
  return {
    run: async (feeds) => {
      runs.push(structuredClone(feeds));
      await new Promise(setImmediate);
      const { image, class: classes, of } = feeds;
      const length = image.data.length / image.dims[0];
      const sum = (i: number): number => (image.data as Float32Array).subarray(i * length, (i + 1) * length).reduce((a, b) => a + b, 0);
      const data = Float32Array.from({ length: classes.dims[0] }, (_, row) => 100 * sum(Number(of.data[row])) + Number(classes.data[row]));
      return { sum: { type: 'float32', dims: [classes.dims[0], 1], data }, same: classes };
    },
    release: () => Promise.resolve(), [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function feedsOf(image: readonly number[], classes: readonly bigint[]): Record<string, RuntimeTensor> {
  return {
    image: { type: 'float32', dims: [1, 1, 1, image.length], data: Float32Array.from(image) },
    class: { type: 'int64', dims: [classes.length], data: BigInt64Array.from(classes) },
    of: { type: 'int64', dims: [classes.length], data: BigInt64Array.from(classes, () => 0n) },
  };
}

describe('a session that joins runs', () => {
  it('gives each its own rows, and joins only images of one shape', async () => {
    const runs: Feeds[] = [];
    const session = new BatchedSession(sums(runs), batching);
    const results = await Promise.all([
      session.run(feedsOf([1, 2], [5n, 6n])), session.run(feedsOf([9, 9, 9], [1n])), session.run(feedsOf([3, 4], [7n])),
    ]);
    expect(results.map(({ sum }) => [sum.dims, [...sum.data]])).toEqual([[[2, 1], [305, 306]], [[1, 1], [2701]], [[1, 1], [707]]]);
    expect(results.map(({ same }) => [...same.data])).toEqual([[5n, 6n], [1n], [7n]]);
    expect(runs.map(({ image, of }) => [image.dims, [...of.data]])).toEqual([[[2, 1, 1, 2], [0n, 0n, 1n]], [[1, 1, 1, 3], [0n]]]);
  });

  it('never divides an output that does not have a row per class: the runs are repeated one by one', async () => {
    const one: RuntimeTensor = { type: 'float32', dims: [1], data: Float32Array.of(1) };
    const session = new BatchedSession({ ...sums([]), run: async () => ({ one }) }, batching);
    const results = await Promise.all([session.run(feedsOf([1], [1n, 2n])), session.run(feedsOf([1], [3n]))]);
    expect(results).toEqual([{ one }, { one }]);
  });
});
