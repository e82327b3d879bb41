import { describe, expect, it } from 'vitest';
import { ConfusionMatrix } from '../../../src/metrics/confusion.js';
import { mostConfused } from '../../../src/report/run/confused.js';

describe('mostConfused', () => {
  it('sorts pairs by pixels, with their share of the true label', () => {
    const matrix = new ConfusionMatrix();
    const set = (truth: number, column: number, count: number): void => { matrix.counts[truth * 22 + column] = count; };
    set(0, 0, 900);
    set(0, 12, 100);
    set(12, 12, 50);
    set(12, 0, 30);
    set(12, 8, 15);
    // The last column is what was ignored.
    set(12, 21, 5);
    expect(mostConfused(matrix, 3)).toEqual([
      { truth: 0, predicted: 12, pixels: 100, share: 0.1 }, { truth: 12, predicted: 0, pixels: 30, share: 0.3 },
      { truth: 12, predicted: 8, pixels: 15, share: 0.15 },
    ]);
    expect(mostConfused(matrix, 9)).toHaveLength(4);
    expect(mostConfused(matrix, 9)[3]).toEqual({ truth: 12, predicted: 255, pixels: 5, share: 0.05 });
    expect(mostConfused(matrix, 9, true)).toEqual([{ truth: 12, predicted: 8, pixels: 15, share: 0.15 }]);
    expect(mostConfused(new ConfusionMatrix(), 9)).toEqual([]);
  });
});
