import { describe, expect, it } from 'vitest';
import { ArrayMaps } from '../../src/maps/map-rows.js';
import { assignSeeds, giveStrongest, lostClasses } from '../../src/seeds/assign.js';
import type { MapRows } from '../../src/maps/map-rows.js';

/** Maps [K][height][width] as numbers. */
function rows(maps: number[][][]): MapRows {
  return {
    classCount: maps.length, height: maps[0].length, width: maps[0][0].length,
    row: (k, y) => Float32Array.from(maps[k][y]),
  };
}

const seeds = (maps: number[][][], labels: number[], threshold: number, backgroundThreshold = threshold): number[] =>
  [...assignSeeds(rows(maps), labels, { thresholds: labels.map(() => threshold), backgroundThreshold }).data];

describe('assignSeeds', () => {
  it('takes the largest map of each pixel where it exceeds the threshold', () => {
    const maps = [
      [[0.9, 0.2, 0.6], [0.4, 1, 0]],
      [[0.1, 0.8, 0.7], [0.3, 0.9, 0]],
    ];
    expect(seeds(maps, [1, 2], 0.5)).toEqual([1, 2, 2, 0, 1, 0]);
  });

  it('is background at the threshold itself', () => {
    expect(seeds([[[0.5, 0.5000001, 0.4999999]]], [7], 0.5)).toEqual([0, 7, 0]);
    expect(seeds([[[0, 1e-6, 1]]], [7], 0)).toEqual([0, 7, 7]);
    expect(seeds([[[0, 0.5, 1]]], [7], 1)).toEqual([0, 0, 0]);
  });

  it('ignores what lies between two thresholds, the lower one not included', () => {
    expect(seeds([[[0.1, 0.25, 0.26, 0.5, 0.51, 1]]], [7], 0.5, 0.25)).toEqual([0, 0, 255, 255, 7, 7]);
  });

  it('judges the largest map, not the class: no pixel is 255 because a second class is undecided', () => {
    expect(seeds([[[0.9, 0.4]], [[0.4, 0.3]]], [3, 4], 0.5, 0.25)).toEqual([3, 255]);
  });

  it('gives ties to the first class', () => {
    expect(seeds([[[0.8]], [[0.8]], [[0.8]]], [12, 5, 20], 0.5)).toEqual([12]);
    expect(seeds([[[0.7]], [[0.8]], [[0.8]]], [12, 5, 20], 0.5)).toEqual([5]);
  });

  it('writes the labels that the maps stand for, whatever their order', () => {
    expect(seeds([[[1, 0, 0]], [[0, 1, 0]], [[0, 0, 1]]], [20, 1, 15], 0.5)).toEqual([20, 1, 15]);
  });

  it('says the size of the maps', () => {
    expect(assignSeeds(rows([[[0, 0, 1], [0, 1, 1]]]), [4], { thresholds: [0.5] }))
      .toEqual({ width: 3, height: 2, data: Uint8Array.from([0, 0, 4, 0, 4, 4]) });
  });

  it('is all background where the maps are zero', () => {
    expect(seeds([[[0, 0]], [[0, 0]]], [1, 2], 0)).toEqual([0, 0]);
  });
});

describe('assignSeeds on wide maps', () => {
  // Tenths, so that maps tie and meet thresholds exactly; 37 pixels are two times sixteen and a rest.
  const [classes, height, width] = [3, 5, 37];
  const area = height * width;
  const tenth = (i: number): number => Math.floor(10 * Math.abs(Math.sin(i * 12.9898) * 43758.5453 % 1)) / 10;
  const data = Float32Array.from({ length: classes * area }, (_, i) => tenth(i));
  const floor = Float32Array.from({ length: area }, (_, i) => tenth(i + 7777));
  const labels = [20, 3, 11];
  const thresholds = [0.3, 0.7, 0.5];

  const expected = (background: Float32Array | undefined): number[] => Array.from({ length: area }, (_, i) => {
    const values = labels.map((__, k) => data[k * area + i]);
    const best = Math.max(...values);
    const k = values.indexOf(best);
    if (best > thresholds[k] && (background === undefined || best > background[i])) return labels[k];
    return best > 0.2 ? 255 : 0;
  });

  it.each([['without', undefined], ['with', floor]])('judges every pixel alone, %s a background map', (_, background) => {
    const seeds = assignSeeds(new ArrayMaps(data, classes, height, width), labels, { thresholds, backgroundThreshold: 0.2, background });
    expect([...seeds.data]).toEqual(expected(background));
    expect(new Set(seeds.data)).toEqual(new Set([0, 3, 11, 20, 255]));
  });

  it('compares with thresholds in double precision, not rounded to the maps\'', () => {
    // 0.7 rounds down to a float32, 0.3 and 0.1 round up.
    for (const threshold of [0.1, 0.3, 0.7]) {
      const near = Float32Array.from({ length: 20 }, () => threshold);
      const [seed] = assignSeeds(new ArrayMaps(near, 1, 1, 20), [9], { thresholds: [threshold] }).data;
      expect(seed).toBe(near[0] > threshold ? 9 : 0);
    }
  });
});

describe('assignSeeds with other policies', () => {
  const two = new ArrayMaps(Float32Array.from([0.9, 0.6, 0.2, 0.7, 0.8, 0.55, 0.9, 0.1]), 2, 1, 4);
  const all = (options: Omit<Parameters<typeof assignSeeds>[2], 'thresholds'>, thresholds = [0.5, 0.5]): number[] =>
    [...assignSeeds(two, [3, 8], { thresholds, ...options }).data];

  it('judges the strongest map by the threshold of its own class', () => {
    expect(all({}, [0.65, 0.95])).toEqual([3, 0, 0, 3]);
  });

  it('wants foreground to exceed the background map, too', () => {
    expect(all({ background: Float32Array.from([0.9, 0.1, 0.95, 0.6]) })).toEqual([0, 3, 0, 3]);
  });

  it('ignores pixels where the second class comes close', () => {
    // Differences of the two maps: .1, .05, .7, .6; in the third pixel class 3 is no foreground.
    expect(all({ conflict: { kind: 'ignore', margin: 0.08 } })).toEqual([3, 255, 8, 3]);
    expect(all({ conflict: { kind: 'ignore', margin: 0.2 } })).toEqual([255, 255, 8, 3]);
  });

  it('does not ignore a pixel that is background anyway', () => {
    expect(all({ conflict: { kind: 'ignore', margin: 0.2 } }, [0.95, 0.5])).toEqual([0, 0, 8, 0]);
  });

  it('gives contested pixels to the class with fewer', () => {
    // Alone, class 3 would have the pixels 0, 1 and 3, class 8 the pixels 0, 1 and 2; with .58 only 0 and 2.
    expect(all({ conflict: { kind: 'smaller-first' } }, [0.5, 0.58])).toEqual([8, 3, 8, 3]);
  });

  it('names the classes that got nothing, and gives them their strongest pixels where asked', () => {
    const weak = new ArrayMaps(Float32Array.from([0.9, 0.8, 0.7, 0.6, 0.1, 0.3, 0.2, 0.25]), 2, 2, 2);
    const seeds = assignSeeds(weak, [3, 8], { thresholds: [0.5, 0.5] });
    expect(lostClasses(seeds, [3, 8])).toEqual([8]);
    giveStrongest(seeds, weak, 1, 8, 0.5);
    expect([...seeds.data]).toEqual([3, 8, 3, 8]);
  });

  it('gives nothing to a class whose map is zero', () => {
    const zero = new ArrayMaps(new Float32Array(4), 1, 2, 2);
    const seeds = assignSeeds(zero, [3], { thresholds: [0.5] });
    giveStrongest(seeds, zero, 0, 3, 0.5);
    expect([...seeds.data]).toEqual([0, 0, 0, 0]);
  });
});
