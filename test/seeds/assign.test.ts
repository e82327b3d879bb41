import { describe, expect, it } from 'vitest';
import { assignSeeds } from '../../src/seeds/assign.js';
import type { MapRows } from '../../src/seeds/assign.js';

/** Maps [K][height][width] as numbers. */
function rows(maps: number[][][]): MapRows {
  return {
    classCount: maps.length, height: maps[0].length, width: maps[0][0].length,
    row: (k, y) => Float32Array.from(maps[k][y]),
  };
}

const seeds = (maps: number[][][], labels: number[], threshold: number, backgroundThreshold = threshold): number[] =>
  [...assignSeeds(rows(maps), labels, { threshold, backgroundThreshold }).data];

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
    expect(assignSeeds(rows([[[0, 0, 1], [0, 1, 1]]]), [4], { threshold: 0.5, backgroundThreshold: 0.5 }))
      .toEqual({ width: 3, height: 2, data: Uint8Array.from([0, 0, 4, 0, 4, 4]) });
  });

  it('is all background where the maps are zero', () => {
    expect(seeds([[[0, 0]], [[0, 0]]], [1, 2], 0)).toEqual([0, 0]);
  });
});
