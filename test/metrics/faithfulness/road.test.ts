import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { imputed } from '../../../src/metrics/faithfulness/impute.js';
import type { RoadTies } from '../../../src/metrics/faithfulness/names.js';
import type { Picture } from '../../../src/metrics/faithfulness/perturb.js';
import { removedShare, strongestFirst } from '../../../src/metrics/faithfulness/pixels.js';
import { columnsOf, makerOf, runTests, Subject } from '../../../src/metrics/faithfulness/tests.js';
import { relativeError, repository } from '../../helpers.js';
import { floats, forwardPass } from './tiny-network.js';

type Scores = Record<'distinct' | 'tied', [morf: number, lerf: number, combined: number]>;

interface Fixture {
  size: [number, number]; class: number; percent: number[]; deviation: number; image: string; noise: string;
  maps: { distinct: string; tied: string };
  filled: Record<string, { removed: number; image: string }>;
  scores: { quiet: Scores; noisy: Scores; rows: Scores };
}

const fixture = JSON.parse(readFileSync(join(repository, 'test/fixtures/road/road.json'), 'utf8')) as Fixture;
const picture: Picture = { data: floats(fixture.image), size: fixture.size, fill: [0, 0, 0] };
const maps = { distinct: floats(fixture.maps.distinct), tied: floats(fixture.maps.tied) };
const area = fixture.size[0] * fixture.size[1];

describe('imputation', () => {
  it.each(Object.keys(fixture.filled))('fills %s %% of the pixels as pytorch-grad-cam does', (percent) => {
    const { removed, image } = fixture.filled[percent];
    const expected = floats(image);
    const pixels = removedShare(maps.distinct, strongestFirst(maps.distinct), Number(percent), 'rows');
    expect(pixels).toHaveLength(removed);
    const values = imputed(picture.data, picture.size, pixels);
    const wanted = Float32Array.from(values, (_, i) => expected[Math.floor(i / removed) * area + pixels[i % removed]]);
    expect(relativeError(values, wanted)).toBeLessThan(1e-5);
  });

  it('fulfils its equations', () => {
    // Both pixels between have two neighbours at their sides: x = (3 + y) / 2 and y = (x + 9) / 2.
    const [y, x] = imputed(Float32Array.of(3, 0, 0, 9), [1, 4], Uint32Array.of(2, 1));
    expect(x).toBeCloseTo(5, 5);
    expect(y).toBeCloseTo(7, 5);
    // The middle of 3 x 3: sides (2 + 4 + 6 + 8) / 6, corners (1 + 3 + 7 + 9) / 12.
    expect(imputed(Float32Array.of(1, 2, 3, 4, 0, 6, 7, 8, 9), [3, 3], Uint32Array.of(4))[0]).toBeCloseTo(20 / 6 + 20 / 12, 6);
    // A corner: its two sides and the corner between, whose weights add up to 5/12.
    expect(imputed(Float32Array.of(0, 12, 24, 36), [2, 2], Uint32Array.of(0))[0]).toBeCloseTo((12 / 6 + 24 / 6 + 36 / 12) / (5 / 12), 5);
  });

  it('keeps a constant, whatever the shape of the hole', () => {
    for (const [height, width] of [[1, 9], [9, 1], [2, 2], [5, 4], [17, 33]] as const) {
      const pixels = Uint32Array.from({ length: height * width - 1 }, (_, i) => i + 1);
      const filled = imputed(new Float32Array(height * width).fill(0.7), [height, width], pixels);
      for (const value of filled) expect(Math.abs(value - 0.7)).toBeLessThan(1e-5);
    }
  });

  it('has nothing to fill a whole picture from', () => {
    expect([...imputed(Float32Array.of(1, 2, 3, 4), [2, 2], Uint32Array.of(0, 1, 2, 3))]).toEqual([0, 0, 0, 0]);
  });
});

describe('removed pixels', () => {
  it('are as many as pytorch-grad-cam removes, or with all equal ones', () => {
    const map = Float32Array.of(0.5, 0, 1, 0, 0.5, 0);
    const order = strongestFirst(map);
    const removed = (percent: number, ties: RoadTies): number[] => [...removedShare(map, order, percent, ties)];
    // The percentiles 90, 50 and 20 are at 4.5, 2.5 and 1 of 0..5 in ascending order: 5, 3 and 1 pixels are below.
    expect([10, 50, 80].map((percent) => removed(percent, 'rows'))).toEqual([[2], [2, 0, 4], [2, 0, 4, 1, 3]]);
    expect([10, 40, 80].map((percent) => removed(percent, 'together'))).toEqual([[2], [2, 0, 4], [2, 0, 4, 1, 3, 5]]);
  });
});

describe('ROAD', () => {
  async function scores(map: Float32Array, deviation: number, ties: RoadTies): Promise<number[]> {
    const forward = await forwardPass(8);
    const [plain] = await forward.scores(picture, fixture.class, [(out) => { out.set(picture.data); }]);
    const made = { ...makerOf(picture), noise: () => floats(fixture.noise) };
    const options = { tests: ['road'], thresholds: [], areas: [], steps: 1, roadAreas: fixture.percent, roadNoise: deviation, roadTies: ties } as const;
    expect(columnsOf(options).map(({ value }) => value)).toEqual(['morf', 'lerf', 'combined']);
    return runTests(new Subject(picture, map, plain, made), options, (pictures) => forward.scores(picture, fixture.class, pictures));
  }

  it.each(['distinct', 'tied'] as const)('is that of pytorch-grad-cam without and with its noise, for a map of %s values', async (name) => {
    const { quiet, noisy } = fixture.scores;
    for (const [deviation, expected] of [[0, quiet[name]], [fixture.deviation, noisy[name]]] as const) {
      const own = await scores(maps[name], deviation, 'together');
      own.forEach((value, i) => { expect(Math.abs(value - expected[i])).toBeLessThan(1e-5); });
    }
  });

  it.each(['distinct', 'tied'] as const)('takes pixels row by row by default, for a map of %s values', async (name) => {
    const own = await scores(maps[name], 0, 'rows');
    own.forEach((value, i) => { expect(Math.abs(value - fixture.scores.rows[name][i])).toBeLessThan(1e-5); });
  });
});

describe('the noise', () => {
  it('is normally distributed, and always the same', () => {
    const [noise, again] = [0, 1].map(() => makerOf({ ...picture, data: new Float32Array(50_000) }).noise());
    expect(again).toEqual(noise);
    const mean = noise.reduce((sum, value) => sum + value, 0) / noise.length;
    expect(Math.abs(mean)).toBeLessThan(0.02);
    expect(Math.abs(noise.reduce((sum, value) => sum + (value - mean) ** 2, 0) / noise.length - 1)).toBeLessThan(0.03);
    // 68.27 % are within a standard deviation.
    expect(Math.abs(noise.filter((value) => Math.abs(value) < 1).length / noise.length - 0.6827)).toBeLessThan(0.01);
  });
});
