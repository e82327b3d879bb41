import { describe, expect, it } from 'vitest';
import { formatRefiners, parseRefiners, refineGrid, refineMaps, REFINERS } from '../../../src/maps/refine/refiners.js';
import { parseUpsampler, UPSAMPLERS, upsampleMaps } from '../../../src/maps/refine/upsamplers.js';
import { noise, uniform } from '../../random.js';
import { largestDifference } from './fixtures.js';

const names = Object.keys(REFINERS) as (keyof typeof REFINERS)[];
const upsamplers = Object.keys(UPSAMPLERS) as (keyof typeof UPSAMPLERS)[];

function randomPicture(height: number, width: number): Uint8Array {
  const next = uniform(7);
  return Uint8Array.from({ length: 3 * height * width }, () => Math.floor(256 * next()));
}

describe('the text of refiners', () => {
  it('names refiners and their options', () => {
    expect(parseRefiners('pamr')).toEqual([{ name: 'pamr', options: { iterations: 10, dilations: [1, 2, 4, 8, 12, 24] } }]);
    expect(parseRefiners('guided:radius=16:eps=1e-3:guide=gray, pamr:dilations=1-2-48')).toEqual([
      { name: 'guided', options: { radius: 16, eps: 0.001, guide: 'gray' } },
      { name: 'pamr', options: { iterations: 10, dilations: [1, 2, 48] } },
    ]);
  });

  it.each(['', 'none'])('%j means none', (text) => { expect(parseRefiners(text)).toEqual([]); });

  it.each([
    ['crf', 'there is no refiner "crf"'],
    ['toString', 'there is no refiner "toString"'],
    ['pamr,', 'there is no refiner ""'],
    ['pamr:steps=3', 'has no option "steps"'],
    ['pamr:iterations', '"iterations" of the refiner pamr is not an option'],
    ['pamr:iterations=0x10', 'iterations is \'0x10\'; it must be a whole number'],
    ['pamr:iterations=3:iterations=4', 'the option iterations of the refiner pamr is given twice'],
    ['pamr:iterations=ten', 'the refiner pamr: iterations is \'ten\'; it must be a whole number from 1 to 1000'],
    ['pamr:iterations=0', 'iterations is 0; it must be a whole number from 1 to 1000'],
    ['pamr:dilations=1--2', 'dilations[1] is \'\'; it must be a whole number from 1 to 256'],
    ['pamr:dilations=0', 'dilations[0] is 0; it must be a whole number from 1 to 256'],
    ['guided:guide=green', 'guide is \'green\'; it must be '],
  ])('%s is refused: %s', (text, message) => {
    expect(() => parseRefiners(text)).toThrow(message);
  });

  it('is written as short as it is read', () => {
    const text = 'guided:radius=16,pamr:iterations=3:dilations=1-2,slic';
    expect(formatRefiners(parseRefiners(text))).toBe(text);
    expect(formatRefiners(parseRefiners('pamr:iterations=10'))).toBe('pamr');
    expect(formatRefiners([])).toBe('none');
  });

  it('takes one upsampler', () => {
    expect(parseUpsampler('joint-bilateral:sigmaRange=0.2')).toEqual({ name: 'joint-bilateral', options: { radius: 2, sigmaSpatial: 1, sigmaRange: 0.2 } });
    expect(() => parseUpsampler('none')).toThrow('is not one upsampler');
    expect(() => parseUpsampler('bicubic')).toThrow('there is no upsampler "bicubic"');
  });
});

describe.each(names)('%s', (name) => {
  const size: [number, number] = [29, 38];
  const image = randomPicture(...size);
  const specs = parseRefiners(name);
  const area = size[0] * size[1];

  it('leaves a constant map as it is', () => {
    expect(largestDifference(refineMaps(new Float32Array(area).fill(0.3), image, size, specs), new Float32Array(area).fill(0.3))).toBeLessThan(2e-6);
  });

  it('treats each map on its own', () => {
    const maps = noise(3 * area, 1, 0.5).map((value) => value + 0.5);
    const together = refineMaps(maps, image, size, specs);
    for (let k = 0; k < 3; k++) {
      const alone = refineMaps(maps.slice(k * area, (k + 1) * area), image, size, specs);
      expect([...together.subarray(k * area, (k + 1) * area)]).toEqual([...alone]);
    }
  });

  it('stays within 0..1', () => {
    const maps = Float32Array.from({ length: 2 * area }, (_, i) => (i % 5 < 2 ? 1 : 0));
    for (const value of refineMaps(maps, image, size, specs)) expect(value >= 0 && value <= 1 + 2e-6).toBe(true);
  });

  it('sharpens a blurred edge where the picture has one', () => {
    // The picture's edge lies between columns 31 and 32; the map falls from 1 to 0 between columns 22 and 42.
    const width = 64;
    const picture = Uint8Array.from({ length: 3 * 64 * width }, (_, i) => (Math.floor(i / 3) % width < 32 ? 60 : 190));
    const blurred = Float32Array.from({ length: 64 * width }, (_, i) => Math.min(Math.max((42 - (i % width)) / 20, 0), 1));
    const refined = refineMaps(blurred, picture, [64, width], specs);
    const jump = (map: Float32Array): number => map[32 * width + 28] - map[32 * width + 35];
    expect(jump(blurred)).toBeCloseTo(0.35);
    expect(jump(refined)).toBeGreaterThan(1.3 * jump(blurred));
  });
});

describe.each(upsamplers)('%s upsampling', (name) => {
  it('leaves a constant map as it is', () => {
    const result = upsampleMaps(new Float32Array(12).fill(0.7), [3, 4], randomPicture(24, 35), [24, 35], parseUpsampler(name));
    expect(largestDifference(result, new Float32Array(24 * 35).fill(0.7))).toBeLessThan(2e-6);
  });
});

describe('a chain', () => {
  it('refines step by step', () => {
    const image = randomPicture(20, 24);
    const map = noise(480, 3, 0.5).map((value) => value + 0.5);
    const first = refineMaps(map, image, [20, 24], parseRefiners('guided:radius=3'));
    expect(refineMaps(map, image, [20, 24], parseRefiners('guided:radius=3,pamr:iterations=2')))
      .toEqual(refineMaps(first, image, [20, 24], parseRefiners('pamr:iterations=2')));
  });

  it('of none gives the maps themselves', () => {
    const map = new Float32Array(12);
    expect(refineMaps(map, randomPicture(3, 4), [3, 4], [])).toBe(map);
  });
});

describe('large photographs', () => {
  it('are refined on a grid within the limit', () => {
    expect(refineGrid([375, 500])).toEqual([375, 500]);
    const [height, width] = refineGrid([6000, 8000]);
    expect(height * width).toBeLessThanOrEqual(2 ** 19);
    expect(height * width).toBeGreaterThan(0.99 * 2 ** 19);
    // Not thinner than one pixel.
    expect(refineGrid([1, 1_000_000], 10_000)).toEqual([1, 10_000]);
    expect(refineGrid([1_000_000, 1], 10_000)).toEqual([10_000, 1]);
  });

  it('give what their reduced picture gives, upsampled', () => {
    // Blocks of 2 x 2 equal pixels: the grid of half the size holds everything there is.
    const small = randomPicture(10, 12);
    const map = noise(120, 5, 0.5).map((value) => value + 0.5);
    const place = (i: number): number => Math.floor(Math.floor(i / 24) / 2) * 12 + Math.floor((i % 24) / 2);
    const image = Uint8Array.from({ length: 3 * 480 }, (_, i) => small[3 * place(Math.floor(i / 3)) + (i % 3)]);
    const large = refineMaps(Float32Array.from({ length: 480 }, (_, i) => map[place(i)]), image, [20, 24], parseRefiners('pamr'), 120);
    const expected = refineMaps(map, small, [10, 12], parseRefiners('pamr'));
    // By half-pixel centres the corners take the corner cells' values, and the middle of four cells is a blend of them.
    expect(large[0]).toBeCloseTo(expected[0], 6);
    expect(large[479]).toBeCloseTo(expected[119], 6);
    expect(large[24 + 1]).toBeCloseTo(0.75 * (0.75 * expected[0] + 0.25 * expected[1]) + 0.25 * (0.75 * expected[12] + 0.25 * expected[13]), 5);
  });
});
