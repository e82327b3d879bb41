import { describe, expect, it } from 'vitest';
import { DEFAULT_MULTI_SCALE } from './defaults.js';
import { CombinedMaps } from '../../src/maps/combine.js';
import { DEFAULT_FUSION } from '../../src/maps/fusion.js';
import { ArrayMaps, mapsToArray } from '../../src/maps/map-rows.js';
import { fuseViews, turnedBack, viewsOf } from '../../src/maps/multi-scale.js';
import type { MultiScaleOptions } from '../../src/maps/multi-scale.js';

const layer = (width: number, ...data: number[]): { height: number; width: number; data: Float32Array } =>
  ({ height: data.length / width, width, data: Float32Array.from(data) });
const options = (changes: Partial<MultiScaleOptions> = {}): MultiScaleOptions => ({ ...DEFAULT_FUSION, ...DEFAULT_MULTI_SCALE, ...changes });
const rounded = (values: Iterable<number>): number[] => Array.from(values, (value) => Number(value.toFixed(6)));

describe('views', () => {
  it('are every scale and its mirror image', () => {
    expect(viewsOf({ scales: [0.5, 1], flip: true })).toEqual([
      { scale: 0.5, flip: false }, { scale: 0.5, flip: true }, { scale: 1, flip: false }, { scale: 1, flip: true },
    ]);
    expect(viewsOf({ scales: [1], flip: false })).toEqual([{ scale: 1, flip: false }]);
  });

  it('turn mirrored maps back', () => {
    expect([...turnedBack(layer(3, 1, 2, 3, 4, 5, 6)).data]).toEqual([3, 2, 1, 6, 5, 4]);
  });
});

describe('fuseViews', () => {
  // Two views of one layer at the size of the picture, maxima 4 and 2.
  const views = [[layer(2, 4, 2)], [layer(2, 1, 2)]];

  it('is the mean of the views, each divided by its maximum, divided by its own maximum', () => {
    // (1, .5) and (.5, 1): .75 and .75, divided by .75.
    expect(rounded(mapsToArray(fuseViews(views, 1, [1, 2], options())))).toEqual([1, 1]);
    expect(rounded(mapsToArray(fuseViews(views, 1, [1, 2], options({ mapNorm: 'none' }))))).toEqual([0.75, 0.75]);
  });

  it('lets strong views count more without normalisation', () => {
    // (4 + 1) / 2 and (2 + 2) / 2, divided by 2.5.
    expect(rounded(mapsToArray(fuseViews(views, 1, [1, 2], options({ scaleNorm: 'none', layerNorm: 'none' }))))).toEqual([1, 0.8]);
  });

  it('takes the maximum of the views', () => {
    expect(rounded(mapsToArray(fuseViews(views, 1, [1, 2], options({ scaleFuse: 'max', scaleNorm: 'none', layerNorm: 'none', mapNorm: 'none' }))))).toEqual([4, 2]);
  });

  it('combines the views of each layer first where asked', () => {
    const two = [[layer(2, 4, 2), layer(2, 0, 1)], [layer(2, 1, 2), layer(2, 1, 0)]];
    // Shallow: (1, .5) and (.5, 1) make (.75, .75), normalised (1, 1), scaled tanh 2. Deep: (0, 1) and (1, 0) make (.5, .5), normalised (1, 1).
    const fused = fuseViews(two, 1, [1, 2], options({ fuseFirst: 'scales', fuse: 'mean', mapNorm: 'none' }));
    const expected = Number(((Math.tanh(2) + 1) / 2).toFixed(6));
    expect(rounded(mapsToArray(fused))).toEqual([expected, expected]);
    // Layers first, view 1: shallow tanh(2), tanh(1), deep 0, 1: means tanh(2)/2 and
    // (tanh(1) + 1)/2; view 2 the other way about.
    const layersFirst = fuseViews(two, 1, [1, 2], options({ fuse: 'mean', mapNorm: 'none', scaleNorm: 'none' }));
    const [t1, t2] = [Math.tanh(1), Math.tanh(2)];
    expect(rounded(mapsToArray(layersFirst))).toEqual(rounded([(t2 / 2 + (t1 + 1) / 2) / 2, ((t1 + 1) / 2 + t2 / 2) / 2]));
  });

  it('is plain fusion for a single view', () => {
    expect(rounded(mapsToArray(fuseViews([[layer(2, 4, 2)]], 1, [1, 2], options())))).toEqual([1, 0.5]);
  });

  it('keeps classes apart and says each one\'s maximum', () => {
    const maps = fuseViews([
      [{ ...layer(2, 4, 2, 0, 0), height: 1 }], [{ ...layer(2, 1, 2, 0, 0), height: 1 }],
    ], 2, [1, 2], options({ scaleNorm: 'none', layerNorm: 'none' }));
    expect(rounded(maps.maxima)).toEqual([2.5, 0]);
    expect(rounded(mapsToArray(maps))).toEqual([1, 0.8, 0, 0]);
  });
});

describe('CombinedMaps', () => {
  const parts = [new ArrayMaps(Float32Array.from([1, 2, 3, 4]), 1, 2, 2), new ArrayMaps(Float32Array.from([3, 0, 1, 2]), 1, 2, 2)];

  it('reads the same numbers whether it keeps them or not', () => {
    const kept = new CombinedMaps(parts, { fuse: 'mean', norm: 'max', gamma: 2 });
    const read = new CombinedMaps(parts, { fuse: 'mean', norm: 'max', gamma: 2 }, 0);
    // Means 2, 1, 2, 3; divided by 3.
    const expected = rounded([2 / 3, 1 / 3, 2 / 3, 1].map((value) => Math.tanh(2 * value)));
    expect(rounded(mapsToArray(kept))).toEqual(expected);
    expect(rounded(mapsToArray(read))).toEqual(expected);
    expect([...read.maxima]).toEqual([3]);
    expect([...kept.maxima]).toEqual([3]);
  });

  it.each(['mean', 'max'] as const)('gives the same bits whether it keeps them or not: %s of three', (fuse) => {
    const three = [...parts, new ArrayMaps(Float32Array.from([0.1, 0.7, 0.3, 0.9]), 1, 2, 2)];
    const kept = new CombinedMaps(three, { fuse, norm: 'max' });
    const read = new CombinedMaps(three, { fuse, norm: 'max' }, 0);
    expect(mapsToArray(kept)).toEqual(mapsToArray(read));
    expect(kept.maxima).toEqual(read.maxima);
  });
});
