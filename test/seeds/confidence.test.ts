import { describe, expect, it } from 'vitest';
import { ArrayMaps } from '../../src/maps/map-rows.js';
import { confidenceOf } from '../../src/seeds/confidence.js';

// Two classes, 2 x 3 pixels.
const maps = new ArrayMaps(Float32Array.of(
  0, 0.25, 1, 0.5, 0.125, 0.75,
  0, 0.5, 0.25, 0.75, 0.125, 1.5,
), 2, 2, 3);
const seeds = (...labels: number[]) => ({ width: 3, height: 2, data: Uint8Array.from(labels) });

describe('confidenceOf', () => {
  it('is the map of the label, and for the background what the strongest map leaves', () => {
    // 255 * (1 - 0), 255 * (1 - 0.5) = 127.5, 255 * 1, 255 * 0.75 = 191.25, 255 * (1 - 0.125) = 223.125, above 1
    expect([...confidenceOf(seeds(0, 0, 8, 15, 0, 15), maps, [8, 15])]).toEqual([255, 128, 255, 191, 223, 255]);
  });

  it('is the map of the class that has the pixel, also if another is stronger, and 0 where the label is ignored', () => {
    // 255 * 0.25 = 63.75, 255 * 0.5 = 127.5; a class that was given pixels of no strength; 255
    expect([...confidenceOf(seeds(8, 8, 255, 8, 15, 255), maps, [8, 15])]).toEqual([0, 64, 0, 128, 32, 0]);
  });

  it('refuses maps of another size, and labels without a map', () => {
    expect(() => confidenceOf({ width: 2, height: 3, data: new Uint8Array(6) }, maps, [8, 15])).toThrow(RangeError);
    expect(() => confidenceOf(seeds(0, 0, 7, 0, 0, 0), maps, [8, 15])).toThrow('no map for the label 7');
  });
});
