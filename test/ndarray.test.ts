import ndarray from 'ndarray';
import { describe, expect, it } from 'vitest';
import { ArrayMaps } from '../src/maps/map-rows.js';
import { layerMapsToNdarray, mapsToNdarray, toMapRows } from '../src/maps/ndarray.js';
import { parseRefiners, refineMaps } from '../src/maps/refine/refiners.js';
import { ConfusionMatrix } from '../src/metrics/confusion.js';
import { rowMajor } from '../src/ndarray.js';
import { tensorToNdarray } from '../src/runtime/runtime.js';
import { assignSeeds } from '../src/seeds/assign.js';
import { makeSeeds } from '../src/seeds/make-seeds.js';
import { labelsToNdarray, toLabelMap } from '../src/datasets/label-map.js';
import { decodeMask, encodeMask } from '../src/datasets/masks.js';

describe('views', () => {
  it('of maps are [K, height, width] and share their memory', () => {
    const data = Float32Array.from({ length: 12 }, (_, i) => i);
    const view = mapsToNdarray(new ArrayMaps(data, 2, 2, 3));
    expect(view.shape).toEqual([2, 2, 3]);
    expect(view.get(1, 0, 2)).toBe(8);
    view.set(1, 0, 2, 99);
    expect(data[8]).toBe(99);
  });

  it('of a layer, of labels and of a tensor, too', () => {
    const data = Float32Array.from({ length: 6 }, (_, i) => i);
    expect(layerMapsToNdarray({ data, height: 1, width: 3 }).shape).toEqual([2, 1, 3]);
    expect(layerMapsToNdarray({ data, height: 1, width: 3 }).data).toBe(data);
    const labels = labelsToNdarray({ width: 3, height: 2, data: Uint8Array.of(0, 1, 2, 3, 4, 255) });
    expect([labels.shape, labels.get(1, 2), labels.dtype]).toEqual([[2, 3], 255, 'uint8']);
    expect(tensorToNdarray({ type: 'float32', dims: [1, 2, 3], data }).get(0, 1, 0)).toBe(3);
  });
});

describe('rowMajor', () => {
  const numbers = Float32Array.from({ length: 24 }, (_, i) => i);
  const array = ndarray(numbers, [2, 3, 4]);

  it('is a view of what lies in row-major order', () => {
    expect(rowMajor(array, Float32Array, 3, 'it').buffer).toBe(numbers.buffer);
    // The second of two maps: [12, ..., 23].
    const second = rowMajor(array.lo(1), Float32Array, 3, 'it');
    expect([second.buffer === numbers.buffer, second[0], second.length]).toEqual([true, 12, 12]);
  });

  it.each([
    ['transposed', array.pick(0, null, null).transpose(1, 0), [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]],
    ['a window', array.pick(1, null, null).lo(1, 1).hi(2, 2), [17, 18, 21, 22]],
    ['every second column, backwards', array.pick(0, null, null).step(1, -2), [3, 1, 7, 5, 11, 9]],
  ])('copies what does not: %s', (_, view, expected) => {
    expect([...rowMajor(view, Float32Array, 2, 'it')]).toEqual(expected);
  });

  it('refuses other types and other numbers of axes', () => {
    expect(() => rowMajor(array, Float32Array, 2, 'the maps')).toThrow('the maps is an ndarray of float32 with 3 axes');
    expect(() => toLabelMap(ndarray(new Float32Array(4), [2, 2]) as never)).toThrow(/ndarray of float32 with 2 axes/);
    expect(() => toMapRows(ndarray(new Float32Array(4), [2, 2]))).toThrow(/ndarray of float32 with 2 axes/);
  });
});

describe('ndarrays as inputs', () => {
  // Class 3 on the left, class 7 on the right, stored as [height, width, K].
  const maps = ndarray(Float32Array.of(0.9, 0.1, 0.2, 0.3, 0.1, 0.8), [1, 3, 2]).transpose(2, 0, 1);

  it('become seeds', () => {
    expect([...assignSeeds(maps, [3, 7], { thresholds: [0.5, 0.5] }).data]).toEqual([3, 0, 7]);
    const policies = { background: { kind: 'constant', threshold: 0.25 }, conflict: { kind: 'argmax' }, rescue: 0 } as const;
    expect([...makeSeeds(maps, [3, 7], policies).labels.data]).toEqual([3, 7, 7]);
  });

  it('are scored and written', () => {
    const truth = ndarray(Uint8Array.of(3, 0, 255, 7), [2, 2]).transpose(1, 0); // 3 255 / 0 7
    const prediction = ndarray(Uint8Array.of(3, 3, 3, 7), [2, 2]);
    const matrix = new ConfusionMatrix();
    matrix.add(truth, prediction);
    expect([matrix.at(3, 3), matrix.at(0, 3), matrix.at(7, 7), matrix.counts.reduce((a, b) => a + b)]).toEqual([1, 1, 1, 3]);
    expect([...decodeMask(encodeMask(truth, 'palette'), 'it').data]).toEqual([3, 255, 0, 7]);
  });

  it('are refined as plain arrays are', () => {
    const [height, width] = [9, 12];
    const plain = Float32Array.from({ length: 2 * height * width }, (_, i) => (i * 37 % 101) / 101);
    const image = Uint8Array.from({ length: height * width * 3 }, (_, i) => i * 53 % 256);
    const specs = parseRefiners('pamr:iterations=2');
    const refined = refineMaps(ndarray(plain, [2, height, width]), ndarray(image, [height, width, 3]), specs);
    expect(refined.shape).toEqual([2, height, width]);
    expect(refined.data).toEqual(refineMaps(plain, image, [height, width], specs));
  });
});
