import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { encodeNpy, encodeNpz } from '../../src/jobs/npz.js';
import type { NpyArray } from '../../src/jobs/npz.js';

const folder = fileURLToPath(new URL('../fixtures/jobs/', import.meta.url));
const contents = JSON.parse(readFileSync(`${folder}contents.json`, 'utf8')) as Record<string, { shape: number[]; type: string; values: number[] }>;

function array(name: string): NpyArray {
  const { shape, type, values } = contents[name];
  const data = type === 'float32' ? Float32Array.from(values) : type === 'int32' ? Int32Array.from(values) : Uint8Array.from(values);
  return { shape, data };
}

describe('encodeNpy', () => {
  it.each(Object.keys(contents))('writes the same bytes as numpy.save: %s', (name) => {
    expect(Buffer.from(encodeNpy(array(name))).equals(readFileSync(`${folder}${name}.npy`))).toBe(true);
  });

  it('refuses data that does not fill the shape', () => {
    expect(() => encodeNpy({ shape: [2, 3], data: new Float32Array(5) })).toThrow(RangeError);
  });

  it('writes a view of a larger buffer', () => {
    const { shape, data } = array('int32-3');
    const larger = Int32Array.from([99, ...data, 99]);
    expect(Buffer.from(encodeNpy({ shape, data: larger.subarray(1, 4) })).equals(readFileSync(`${folder}int32-3.npy`))).toBe(true);
  });
});

describe('encodeNpz', () => {
  it('is a zip of .npy files', () => {
    const files = unzipSync(encodeNpz({ keys: array('int32-3'), maps: array('float32-2x3x4') }));
    expect(Object.keys(files)).toEqual(['keys.npy', 'maps.npy']);
    expect(Buffer.from(files['keys.npy']).equals(readFileSync(`${folder}int32-3.npy`))).toBe(true);
    expect(Buffer.from(files['maps.npy']).equals(readFileSync(`${folder}float32-2x3x4.npy`))).toBe(true);
  });
});
