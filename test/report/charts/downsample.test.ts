import { describe, expect, it } from 'vitest';
import type { Point } from '../../../src/report/charts/downsample.js';
import { stretches } from '../../../src/report/charts/downsample.js';

describe('stretches', () => {
  it('keeps everything where a column has no more than four points', () => {
    const points: Point[] = [[0, 1], [0.2, 5], [0.4, 0], [0.9, 2], [1, 7], [2.5, 7]];
    expect(stretches(points)).toEqual([points]);
  });

  it('keeps the first, the lowest, the highest and the last point of a full column, in their order', () => {
    const points: Point[] = [[3.0, 5], [3.1, 4], [3.2, 9], [3.3, 6], [3.4, 1], [3.5, 2], [3.9, 3], [4, 8]];
    expect(stretches(points)).toEqual([[[3.0, 5], [3.2, 9], [3.4, 1], [3.9, 3], [4, 8]]]);
  });

  it('is broken where a value is missing', () => {
    expect(stretches([[0, 1], [1, NaN], [2, 3], [3, 4], [4, Infinity], [5, NaN], [6, 1]])).toEqual([[[0, 1]], [[2, 3], [3, 4]], [[6, 1]]]);
    expect(stretches([[0, NaN]])).toEqual([]);
    expect(stretches([])).toEqual([]);
  });

  it('keeps a gap at the edge of a full column and one that fills it', () => {
    const missing = (from: number): Point[] => [0, 0.1, 0.2, 0.3, 0.4, 0.5].map((x) => [from + x, NaN]);
    expect(stretches([[0, 1], ...missing(1), [2, 3]])).toEqual([[[0, 1]], [[2, 3]]]);
    expect(stretches([[0, 1], [1, NaN], [1.1, 2], [1.2, 2], [1.3, 2], [1.4, 2], [1.5, 4], [2, 3]])).toEqual([[[0, 1]], [[1.1, 2], [1.5, 4], [2, 3]]]);
  });
});
