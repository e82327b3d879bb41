import { describe, expect, it } from 'vitest';
import { niceRange, niceTicks } from '../../../src/report/charts/ticks.js';

describe('niceTicks', () => {
  const cases: [string, Parameters<typeof niceTicks>, number[], string[]][] = [
    ['steps of 2 tenths', [0, 1, 5], [0, 0.2, 0.4, 0.6, 0.8, 1], ['0', '0.2', '0.4', '0.6', '0.8', '1.0']],
    ['steps of 20, ending below the maximum', [0, 97, 5], [0, 20, 40, 60, 80], ['0', '20', '40', '60', '80']],
    ['starting above the minimum', [0.13, 0.31, 5], [0.15, 0.2, 0.25, 0.3], ['0.15', '0.20', '0.25', '0.30']],
    ['on both sides of zero', [-2.5, 2.5, 5], [-2, -1, 0, 1, 2], ['-2', '-1', '0', '1', '2']],
    ['thousands', [0, 99_999, 6], [0, 20_000, 40_000, 60_000, 80_000], ['0', '20,000', '40,000', '60,000', '80,000']],
    ['learning rates', [0, 2.5e-5, 5], [0, 5e-6, 1e-5, 1.5e-5, 2e-5, 2.5e-5], ['0', '5e-6', '1e-5', '1.5e-5', '2e-5', '2.5e-5']],
    ['very large numbers', [0, 3e7, 3], [0, 1e7, 2e7, 3e7], ['0', '1e7', '2e7', '3e7']],
    ['a rough step between 5 and 10', [0, 30, 4], [0, 10, 20, 30], ['0', '10', '20', '30']],
  ];
  for (const [name, request, values, labels] of cases) {
    it(name, () => expect(niceTicks(...request)).toMatchObject({ values, labels }));
  }

  it('at whole numbers only, if asked', () => {
    expect(niceTicks(1, 3, 6).values).toEqual([1, 1.5, 2, 2.5, 3]);
    expect(niceTicks(1, 3, 6, true).values).toEqual([1, 2, 3]);
  });
});

describe('niceRange', () => {
  it('ends at whole steps', () => {
    expect(niceRange(0.12, 0.97, 5)).toEqual([0, 1]);
    expect(niceRange(-3, 41, 5)).toEqual([-10, 50]);
    expect(niceRange(0, 100, 5)).toEqual([0, 100]);
  });
});
