import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FusionOptions } from '../../src/maps/fusion.js';
import type { LayerMaps } from '../../src/cam/layer-maps.js';
import { mapsToArray } from '../../src/maps/map-rows.js';
import { DEFAULT_FUSION, FusedMaps, normaliseLayer } from '../../src/maps/fusion.js';
import { repository } from '../helpers.js';

interface Stored {
  classes: number;
  layers: Record<string, { shape: [number, number]; maps: string }[]>;
  cases: { name: string; layers: string; size: [number, number]; options: FusionOptions; maps: string }[];
}

function floats(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
}

const stored = JSON.parse(readFileSync(resolve(repository, 'test/fixtures/cam-fusion/fusion.json'), 'utf8')) as Stored;

function layersOf(name: string): LayerMaps[] {
  return stored.layers[name].map(({ shape: [height, width], maps }) => ({ height, width, data: floats(maps) }));
}

function largestDifference(actual: Float32Array, expected: Float32Array): number {
  expect(actual).toHaveLength(expected.length);
  // NaN must not pass: the maximum with NaN is NaN.
  return Math.max(...expected.map((value, i) => Math.abs(value - actual[i])));
}

describe('fused maps equal PyTorch\'s', () => {
  for (const { name, layers, size, options, maps } of stored.cases) {
    it(name, () => {
      const fused = new FusedMaps(layersOf(layers), stored.classes, size, options);
      expect([fused.height, fused.width]).toEqual(size);
      expect(largestDifference(mapsToArray(fused), floats(maps))).toBeLessThan(1e-6);
    });
  }

  it('the options not named in a case are LayerCAM\'s', () => {
    expect(stored.cases[0].options).toEqual(DEFAULT_FUSION);
  });
});

describe('reading row by row', () => {
  it('gives the rows of the whole, in any order', () => {
    const kept = new FusedMaps(layersOf('three'), stored.classes, [9, 14], DEFAULT_FUSION);
    const computed = new FusedMaps(layersOf('three'), stored.classes, [9, 14], DEFAULT_FUSION, 0);
    const all = mapsToArray(kept);
    expect(mapsToArray(computed)).toEqual(all);
    for (const [k, y] of [[1, 8], [0, 3], [1, 0], [0, 3]]) {
      const expected = [...all.subarray((k * 9 + y) * 14, (k * 9 + y + 1) * 14)];
      expect([...kept.row(k, y)]).toEqual(expected);
      expect([...computed.row(k, y)]).toEqual(expected);
    }
  });

  it('tells the largest value before the last normalisation', () => {
    const { size, options, maps } = stored.cases.find(({ name }) => name === 'maps not normalised')!;
    const expected = floats(maps);
    const area = size[0] * size[1];
    const fused = new FusedMaps(layersOf('three'), stored.classes, size, { ...options, mapNorm: 'max' });
    for (let k = 0; k < stored.classes; k++) {
      expect(fused.maxima[k]).toBeCloseTo(Math.max(...expected.subarray(k * area, (k + 1) * area)), 6);
    }
  });
});

describe('a map that is zero everywhere', () => {
  const zero: LayerMaps = { height: 2, width: 3, data: new Float32Array(6) };

  for (const layerNorm of ['max', 'none'] as const) {
    for (const mapNorm of ['max', 'none'] as const) {
      it(`stays zero: layers ${layerNorm}, map ${mapNorm}`, () => {
        const fused = new FusedMaps([zero, zero], 1, [4, 5], { ...DEFAULT_FUSION, layerNorm, mapNorm });
        expect([...mapsToArray(fused)]).toEqual(Array(20).fill(0));
        expect([...fused.maxima]).toEqual([0]);
      });
    }
  }

  it('in one layer leaves the map to the others', () => {
    const some: LayerMaps = { height: 1, width: 2, data: Float32Array.of(1, 3) };
    const fused = new FusedMaps([zero, some], 1, [1, 2], DEFAULT_FUSION);
    expect([...mapsToArray(fused)]).toEqual([Math.fround(1 / 3), 1]);
  });
});

describe('normaliseLayer', () => {
  const maps: LayerMaps = { height: 1, width: 2, data: Float32Array.of(1, 4, 0.5, 0) };

  it('divides each class by its own maximum and leaves its input alone', () => {
    expect([...normaliseLayer(maps, 2, 'max')]).toEqual([0.25, 1, 1, 0]);
    expect([...maps.data]).toEqual([1, 4, 0.5, 0]);
  });

  it('scales by tanh(gamma x)', () => {
    expect([...normaliseLayer(maps, 2, 'max', 2)]).toEqual([Math.tanh(0.5), Math.tanh(2), Math.tanh(2), 0].map(Math.fround));
    expect([...normaliseLayer(maps, 2, 'none', 1)]).toEqual([Math.tanh(1), Math.tanh(4), Math.tanh(0.5), 0].map(Math.fround));
  });
});
