import { describe, expect, it } from 'vitest';
import { runBatch } from '../../../src/jobs/workers/batch.js';

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, milliseconds); });
const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe('runBatch', () => {
  it('runs every item once and hands over each result', async () => {
    const results = new Map<number, number>();
    const begun = await runBatch(numbers(50), { concurrency: 7, run: async (n) => n * n, done: (n, square) => { results.set(n, square); } });
    expect(begun).toBe(50);
    expect([...results].sort(([a], [b]) => a - b)).toEqual(numbers(50).map((n) => [n, n * n]));
  });

  it('holds no more than the given number of items at once', async () => {
    let open = 0;
    let most = 0;
    await runBatch(numbers(30), {
      concurrency: 4,
      run: async () => {
        most = Math.max(most, ++open);
        await pause(1);
      },
      done: async () => {
        await pause(1);
        open--;
      },
    });
    expect(most).toBe(4);
  });

  it('takes items from the list only when there is room for them', async () => {
    let taken = 0;
    let ended = 0;
    function* list(): Generator<number> {
      for (let i = 0; i < 20; i++) {
        taken++;
        expect(taken - ended).toBeLessThanOrEqual(3);
        yield i;
      }
    }
    await runBatch(list(), { concurrency: 3, run: () => pause(1), done: () => { ended++; } });
    expect(ended).toBe(20);
  });

  it('calls done in the order of completion, one at a time', async () => {
    const order: number[] = [];
    let busy = false;
    await runBatch([30, 1, 15], {
      concurrency: 3, run: pause,
      done: async (n) => {
        expect(busy).toBe(false);
        busy = true;
        await pause(20);
        busy = false;
        order.push(n);
      },
    });
    expect(order).toEqual([1, 15, 30]);
  });

  it('begins nothing new once aborted, and finishes what is under way', async () => {
    const stop = new AbortController();
    const ended: number[] = [];
    const begun = await runBatch(numbers(100), {
      concurrency: 2, signal: stop.signal, run: () => pause(1),
      done: (n) => {
        ended.push(n);
        if (n === 5) stop.abort();
      },
    });
    expect(begun).toBe(ended.length);
    expect(ended.length).toBeGreaterThanOrEqual(6);
    expect(ended.length).toBeLessThanOrEqual(8);
  });

  it.each(['run', 'done'] as const)('throws the first error of %s, after the others have come to rest', async (where) => {
    let open = 0;
    const fail = (n: number): void => { if (n === 3) throw new Error(`${where} failed`); };
    await expect(runBatch(numbers(50), {
      concurrency: 4,
      run: async (n) => {
        open++;
        try {
          await pause(n === 3 ? 1 : 5);
          if (where === 'run') fail(n);
        } finally {
          open--;
        }
      },
      done: (n) => { if (where === 'done') fail(n); },
    })).rejects.toThrow(`${where} failed`);
    expect(open).toBe(0);
  });

  it('does nothing for an empty list', async () => {
    expect(await runBatch([], { concurrency: 3, run: () => Promise.reject(new Error('never')), done: () => undefined })).toBe(0);
  });
});
