import { describe, expect, it } from 'vitest';
import { ArrayMaps } from '../../src/maps/map-rows.js';
import { otsuThreshold, percentileOf, powerThreshold, thresholdsOf } from '../../src/seeds/background.js';
import { powerBackground } from '../../src/maps/power-background.js';

const maps = (...classes: number[][]): ArrayMaps => new ArrayMaps(Float32Array.from(classes.flat()), classes.length, 1, classes[0].length);

describe('background policies', () => {
  it('constant: one threshold for every class', () => {
    expect(thresholdsOf({ kind: 'constant', threshold: 0.3 }, maps([0, 1], [1, 0]), [3, 9])).toEqual([0.3, 0.3]);
  });

  it('per-class: by VOC index, the others by the common one', () => {
    expect(thresholdsOf({ kind: 'per-class', thresholds: { 9: 0.2 }, otherwise: 0.5 }, maps([0, 1], [1, 0]), [3, 9])).toEqual([0.5, 0.2]);
  });

  // t = (1 - t)^alpha: alpha 1: 1/2; alpha 2: t = 1 - 2t + t^2, so (3 - sqrt 5) / 2.
  it.each([[1, 0.5], [2, (3 - Math.sqrt(5)) / 2]])('power: alpha %d is the threshold %d', (alpha, threshold) => {
    expect(powerThreshold(alpha)).toBeCloseTo(threshold, 12);
  });

  it('power: the background map is the strongest map\'s distance from 1, to the power alpha', () => {
    expect([...powerBackground(Float32Array.from([0, 0.5, 1, 0.25, 0, 0]), 3, 2)]).toEqual([0.5625, 0.25, 0]);
  });

  it('power: without refinement it decides as its threshold does', () => {
    const values = Float32Array.from({ length: 1001 }, (_, i) => i / 1000);
    const background = powerBackground(values, values.length, 4);
    const threshold = powerThreshold(4);
    expect([...values].map((value) => value > threshold)).toEqual([...values].map((value, i) => value > background[i]));
  });

  it('percentile: so many percent of the pixels are background', () => {
    // The strongest maps are .1, .2, ..., 1: 70 % of them are at most .7; a bin is 1/1024 wide.
    const image = maps([0.1, 0.2, 0.3, 0.4, 0.5, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0.6, 0.7, 0.8, 0.9, 1]);
    const [threshold, other] = thresholdsOf({ kind: 'percentile', percent: 70 }, image, [1, 2]);
    expect(threshold).toBeGreaterThanOrEqual(0.7);
    expect(threshold).toBeLessThan(0.7 + 1.01 / 1024);
    expect(other).toBe(threshold);
  });

  it('percentile: 100 leaves no foreground, 0 takes the weakest bin', () => {
    expect(percentileOf(Uint32Array.from([4, 0, 2]), 100)).toBe(1);
    expect(percentileOf(Uint32Array.from([4, 0, 2]), 0)).toBeCloseTo(1 / 3, 12);
  });

  it('otsu: parts two clusters', () => {
    // Variances between the sides at the bounds 1..3 of [3, 1, 0, 4], bins as values, in eighths: by hand (with w0 w1 (m0 - m1)^2)
    // bound 1: 3*5*(0 - 13/5)^2 = 101.4; bounds 2 and 3: 4*4*(1/4 - 3)^2 = 121. The first of equals is taken.
    expect(otsuThreshold(Uint32Array.from([3, 1, 0, 4]))).toBe(0.5);
  });

  it('otsu: nothing to part in a map of one value', () => {
    expect(otsuThreshold(Uint32Array.from([0, 7, 0, 0]))).toBe(0);
  });
});
