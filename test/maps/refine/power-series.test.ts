import { describe, expect, it } from 'vitest';
import { powerSeries } from '../../../src/maps/refine/power-series.js';

describe('powers as Chebyshev polynomials', () => {
  it('of small numbers of steps are exact', () => {
    // x^2 = (T_0 + T_2) / 2, x^3 = (3 T_1 + T_3) / 4, and on 0..1 with t = 2 x - 1: x^2 = (3 T_0 + 4 T_1 + T_2) / 8.
    const near = (values: readonly number[]): number[] => values.map((value) => Math.round(1e12 * value) / 1e12 + 0);
    expect(near(powerSeries(2, -1).shares)).toEqual([0.5, 0, 0.5]);
    expect(near(powerSeries(3, -1).shares)).toEqual([0, 0.75, 0, 0.25]);
    expect(near(powerSeries(2, 0).shares)).toEqual([0.375, 0.5, 0.125]);
  });

  it.each([[64, -1 / 3, 33], [64, -1, 43], [1000, -1 / 3, 135]])('of x^%d on %d..1 need fewer than %d', (n, lowest, most) => {
    const { shares } = powerSeries(n, lowest);
    expect(shares.length).toBeLessThan(most);
    for (let i = 0; i <= 200; i++) {
      const angle = (i * Math.PI) / 200;
      const x = (1 - lowest) / 2 * Math.cos(angle) + (1 + lowest) / 2;
      const sum = shares.reduce((total, share, k) => total + share * Math.cos(k * angle), 0);
      expect(Math.abs(sum - x ** n)).toBeLessThan(1.1e-6);
    }
  });
});
