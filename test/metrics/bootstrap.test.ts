import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { bootstrapMeanIou, differenceInterval, drawWithReplacement, percentileInterval } from '../../src/metrics/bootstrap.js';
import type { SparseMatrices } from '../../src/metrics/bootstrap.js';
import { uniform } from '../random.js';

interface Fixture {
  matrices: [truth: number, column: number, count: number][][][];
  draws: number[][];
  scores: number[][];
  intervals: [number, number][];
  difference: [number, number];
  ninety: [number, number];
}
const fixture = JSON.parse(readFileSync(fileURLToPath(new URL('../fixtures/maps/bootstrap.json', import.meta.url)), 'utf8')) as Fixture;

function sparse(images: Fixture['matrices'][number]): SparseMatrices {
  const starts = [0];
  for (const cells of images) starts.push(starts[starts.length - 1] + cells.length);
  const all = images.flat();
  return {
    starts: Uint32Array.from(starts),
    cells: Uint16Array.from(all, ([t, c]) => t * 22 + c),
    counts: Float64Array.from(all, ([, , count]) => count),
  };
}

describe('bootstrapMeanIou', () => {
  const draws = fixture.draws[Symbol.iterator]();
  const results = bootstrapMeanIou(fixture.matrices.map(sparse), {
    resamples: fixture.draws.length,
    draw: (weights) => {
      weights.fill(0);
      for (const image of draws.next().value as number[]) weights[image]++;
    },
  });

  it('equals numpy on given draws', () => {
    expect(results.length).toBe(2);
    results.forEach((scores, p) => {
      expect(scores.length).toBe(40);
      scores.forEach((score, i) => { expect(score).toBeCloseTo(fixture.scores[p][i], 12); });
    });
  });

  it('gives the intervals of numpy.percentile, of scores and of paired differences', () => {
    results.forEach((scores, p) => {
      const { low, high } = percentileInterval(scores);
      expect(low).toBeCloseTo(fixture.intervals[p][0], 12);
      expect(high).toBeCloseTo(fixture.intervals[p][1], 12);
    });
    const ninety = percentileInterval(results[0], 0.9);
    expect([ninety.low, ninety.high].map((end) => end.toFixed(10))).toEqual(fixture.ninety.map((end) => end.toFixed(10)));
    const difference = differenceInterval(results[1], results[0]);
    expect(difference.low).toBeCloseTo(fixture.difference[0], 12);
    expect(difference.high).toBeCloseTo(fixture.difference[1], 12);
  });

  it('of one image alone is that image, whatever is drawn', () => {
    // Class 2: 6 of 8 true pixels found and 2 false ones of background, whose other 10 are right: IoU 6/10 and 10/14.
    const one = sparse([[[2, 2, 6], [2, 0, 2], [0, 2, 2], [0, 0, 10]]]);
    const [scores] = bootstrapMeanIou([one], { resamples: 3, draw: drawWithReplacement(uniform(1)) });
    scores.forEach((score) => { expect(score).toBeCloseTo((6 / 10 + 10 / 14) / 2, 12); });
  });
});

describe('drawWithReplacement', () => {
  it('draws as many as there are, each as often as any other', () => {
    const draw = drawWithReplacement(uniform(5));
    const weights = new Uint32Array(10);
    const sums = new Float64Array(10);
    let never = 0;
    for (let i = 0; i < 2000; i++) {
      draw(weights);
      expect(weights.reduce((a, b) => a + b)).toBe(10);
      weights.forEach((weight, image) => { sums[image] += weight; });
      never += weights.filter((weight) => weight === 0).length;
    }
    // Binomial: mean 2000, standard deviation sqrt(20000 * 0.1 * 0.9) = 42; 0.9^10 = 0.349 of the images are not drawn.
    for (const sum of sums) expect(Math.abs(sum - 2000)).toBeLessThan(5 * 42);
    expect(never / 20000).toBeCloseTo(0.9 ** 10, 1);
  });
});

describe('percentileInterval', () => {
  it('lies between the quantiles of a known distribution', () => {
    // 0, 1, ..., 1000 in another order.
    const values = Float64Array.from({ length: 1001 }, (_, i) => (i * 2) % 1001);
    const { low, high } = percentileInterval(values);
    expect(low).toBeCloseTo(25, 9);
    expect(high).toBeCloseTo(975, 9);
  });

  it('leaves out what is no number, and has no ends without numbers', () => {
    expect(percentileInterval(Float64Array.of(NaN, 3, NaN))).toEqual({ low: 3, high: 3 });
    expect(percentileInterval(Float64Array.of(NaN))).toEqual({ low: NaN, high: NaN });
  });
});
