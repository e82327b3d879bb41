import { describe, expect, it } from 'vitest';
import type { ImageRecord } from '../../src/ablate/record.js';
import { eachCell, MeasureSums } from '../../src/ablate/sums.js';
import { curveOf, largestOf, tunePerClass } from '../../src/ablate/tune.js';

const image = (label: number, counts: Int32Array): ImageRecord => (
  { truths: [0, label], totals: Float64Array.of(100, 50), labels: [label], measures: [{ parameters: 3, columns: 1, counts }] }
);

// Two images, true labels 0, 1 and 0, 2, thresholds 0, 1/3, 2/3. Class 1 wants a low threshold, class 2 a high one.
const images: ImageRecord[] = [
  image(1, Int32Array.of(10, 50, 5, 25, 0, 5)),
  image(2, Int32Array.of(90, 50, 60, 50, 10, 50)),
];
const totals = Float64Array.from({ length: 21 }, (_, label) => [200, 50, 50][label] ?? 0);
const sums = new MeasureSums(3, totals);
for (const each of images) sums.add(each, each.measures[0]);

/** Mean over background and both classes of TP / (TP + FP + FN), from what is foreground of each. */
const mean = (...ious: [number, number][]): number => ious.reduce((sum, [over, under]) => sum + over / under, 0) / ious.length;

describe('MeasureSums', () => {
  it('adds up images; what is nowhere foreground is background', () => {
    const matrix = sums.matrix(1);
    const cells = Object.fromEntries([...matrix.entries()].filter(([, count]) => count > 0).map(([cell, count]) => [`${Math.floor(cell / 22)}->${cell % 22}`, count]));
    // Of 200 background pixels 5 go to class 1 and 60 to class 2.
    expect(cells).toEqual({ '0->0': 135, '0->1': 5, '0->2': 60, '1->0': 25, '1->1': 25, '2->2': 50 });
  });

  it('takes each class at a threshold of its own', () => {
    const choice = new Array<number>(21).fill(0);
    choice[2] = 2;
    const matrix = sums.matrix(choice);
    expect([matrix[0], matrix[1], matrix[2], matrix[22 + 1], matrix[22], matrix[44 + 2]]).toEqual([180, 10, 10, 50, 0, 50]);
  });

  it('is the sum of the cells of its images', () => {
    for (const choice of [1, Array.from({ length: 21 }, (_, label) => label % 3)]) {
      const sum = new Float64Array(21 * 22);
      for (const each of images) eachCell(each, each.measures[0], choice, 21, (cell, count) => { sum[cell] += count; });
      expect([...sum]).toEqual([...sums.matrix(choice)]);
    }
  });
});

describe('tuning', () => {
  it('scores every threshold, by hand', () => {
    const curve = curveOf(sums, 'error');
    expect(curve[0]).toBeCloseTo(mean([100, 200], [50, 60], [50, 140]), 12);
    expect(curve[1]).toBeCloseTo(mean([135, 225], [25, 55], [50, 110]), 12);
    expect(curve[2]).toBeCloseTo(mean([190, 245], [5, 50], [50, 60]), 12);
    expect(largestOf(curve)).toBe(2);
  });

  it('finds the threshold of each class', () => {
    const choice = tunePerClass(sums, 'error');
    // Class 1 at 0: 50 of 60; class 2 at 2/3: 50 of 60; background 180 of 200.
    expect([choice[1], choice[2]]).toEqual([0, 2]);
  });

  it('takes the first of equals, and passes over what is no number', () => {
    expect(largestOf([0.2, 0.5, 0.5])).toBe(1);
    expect(largestOf([NaN, 0.1])).toBe(1);
  });
});
