import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { averagePrecision, meanAveragePrecision } from '../../src/metrics/average-precision.js';

const fixture = new URL('../fixtures/train/average-precision.json', import.meta.url);
const cases = JSON.parse(readFileSync(fixture, 'utf8')) as { scores: number[]; positive: boolean[]; ap: number }[];

/** Scores that fall from image to image. */
const ranked = (...positive: (0 | 1)[]): number => averagePrecision(positive.map((_, i) => -i), positive.map(Boolean));

describe('averagePrecision', () => {
  it('is the area under the monotone precision/recall curve, by hand', () => {
    expect(ranked(1, 1, 0, 0)).toBe(1);
    expect(ranked(1)).toBe(1);
    // One hit at rank 2: precision 1/2 over the whole recall.
    expect(ranked(0, 1)).toBe(0.5);
    // Hits at ranks 1 and 3: precision 1 up to recall 1/2, 2/3 up to recall 1.
    expect(ranked(1, 0, 1, 0)).toBeCloseTo(1 / 2 + 1 / 3, 12);
    // Hits at ranks 3, 4, 5: precisions 1/3, 2/4, 3/5, made monotone to 3/5 everywhere. Without that step it were 0.478.
    expect(ranked(0, 0, 1, 1, 1)).toBeCloseTo(0.6, 12);
    // Hits at ranks 1, 4, 5: precisions 1, 2/4, 3/5: the second becomes 3/5.
    expect(ranked(1, 0, 0, 1, 1)).toBeCloseTo(1 / 3 + 2 / 3 * 0.6, 12);
  });

  it('is 1 where all images are positive, whatever the scores', () => {
    expect(averagePrecision([0.1, 5, -3], [true, true, true])).toBe(1);
  });

  it('is NaN where none is', () => {
    expect(averagePrecision([1, 2], [false, false])).toBeNaN();
    expect(averagePrecision([], [])).toBeNaN();
  });

  it('takes equal scores as one step: the order of the list does not matter', () => {
    expect(averagePrecision([1, 1], [true, false])).toBe(0.5);
    expect(averagePrecision([1, 1], [false, true])).toBe(0.5);
    // A hit, then a group of one hit among three: precision 1 up to recall 1/2, then 2/4.
    expect(averagePrecision([9, 2, 2, 2], [true, false, false, true])).toBe(0.75);
    expect(averagePrecision([2, 2, 9, 2], [true, false, true, false])).toBe(0.75);
    // All equal: the share of positives.
    expect(averagePrecision([4, 4, 4, 4, 4], [false, true, false, false, true])).toBe(0.4);
  });

  it('does not depend on the scale of the scores', () => {
    expect(averagePrecision([-300, -100, -200, -400], [true, true, false, false])).toBeCloseTo(1 / 2 + 1 / 3, 12);
  });

  it.each(cases.map((c, i) => [i, c] as const))('equals numpy, case %i', (_, { scores, positive, ap }) => {
    expect(averagePrecision(scores, positive)).toBeCloseTo(ap, 12);
  });
});

describe('meanAveragePrecision', () => {
  it('is the mean over the classes that have positive images', () => {
    // Images by rows; class 0: ranked 0, 1, 2; class 1: 2, 1, 0; class 2 has no image.
    const scores = Float32Array.from([3, 1, 0, 2, 2, 0, 1, 3, 0]);
    const { perClass, mean } = meanAveragePrecision(scores, [[0], [0, 1], []], 3);
    expect(perClass[0]).toBe(1);
    expect(perClass[1]).toBe(0.5);
    expect(perClass[2]).toBeNaN();
    expect(mean).toBe(0.75);
  });
});
