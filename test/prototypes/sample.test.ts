import { describe, expect, it } from 'vitest';
import { randomCells, randomOf, unitFeatures, valuesAt } from '../../src/prototypes/sample.js';
import { decodeSample, encodeSamples } from '../../src/prototypes/sample-file.js';
import { relativeError } from '../helpers.js';
import { fixture, numbers } from './fixture.js';

const { samples } = fixture;
const [, height, width] = samples.features.shape;
const features = { height, width, data: numbers(samples.features) };

describe('samples of a photograph', () => {
  it('are features of length 1 and values of the map, as PyTorch computes them', () => {
    expect(relativeError(unitFeatures(features, samples.cells), numbers(samples.unit))).toBeLessThan(1e-6);
    const [, h, w] = samples.coarse.shape;
    const values = valuesAt({ height: h, width: w, data: numbers(samples.coarse) }, features, samples.cells);
    expect(relativeError(values, numbers(samples.values))).toBeLessThan(1e-6);
  });

  it('are zero for a map that is zero everywhere', () => {
    expect([...valuesAt({ height: 1, width: 1, data: new Float32Array(1) }, features, [0, 3])]).toEqual([0, 0]);
  });

  it('come back from the cache', () => {
    const one = { features: Float32Array.of(0.6, 0.8, 1, 0), channels: 2, guide: Float32Array.of(0.5, 1) };
    const two = { features: Float32Array.of(1), channels: 1, guide: Float32Array.of(0.25) };
    const bytes = encodeSamples([one, two]);
    expect(decodeSample(bytes, 0)).toEqual(one);
    expect(decodeSample(bytes, 1)).toEqual(two);
  });
});

describe('random cells', () => {
  it('are different ones, without those whose feature is zero, and the same for the same seed and name', () => {
    const data = new Float32Array(2 * 12).fill(1);
    data[5] = data[17] = 0;
    data[3] = 0;
    const grid = { height: 3, width: 4, data };
    const all = randomCells(grid, 100, randomOf(0, 'a.jpg'));
    expect([...all].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]);
    expect(randomCells(grid, 4, randomOf(0, 'a.jpg'))).toEqual(all.slice(0, 4));
    expect(randomCells(grid, 100, randomOf(1, 'a.jpg'))).not.toEqual(all);
    expect(randomCells(grid, 100, randomOf(0, 'b.jpg'))).not.toEqual(all);
  });
});
