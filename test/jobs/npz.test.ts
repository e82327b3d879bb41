import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import { describe, expect, it, vi } from 'vitest';
import { decodeNpy, decodeNpz, encodeNpy, encodeNpz, NpyError } from '../../src/jobs/npz.js';
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

describe('decodeNpy', () => {
  it.each(Object.keys(contents))('reads what numpy.save has written: %s', (name) => {
    const { shape, values } = decodeNpy(readFileSync(`${folder}${name}.npy`));
    expect(shape).toEqual(contents[name].shape);
    expect(Array.from(values)).toEqual(contents[name].values);
  });

  const maps = fileURLToPath(new URL('../fixtures/maps/', import.meta.url));
  const others = JSON.parse(readFileSync(`${maps}contents.json`, 'utf8')) as Record<string, { shape: number[]; values: (number | null)[] }>;

  it.each(Object.keys(others))('reads the type %s', (name) => {
    const { shape, values } = decodeNpy(readFileSync(`${maps}array-${name}.npy`));
    expect(shape).toEqual(others[name].shape);
    expect(Array.from(values)).toEqual(others[name].values.map((value) => value ?? Infinity));
  });

  it('refuses Fortran order, objects, and files that are cut short or something else', () => {
    const bytes = readFileSync(`${folder}float32-2x3x4.npy`);
    expect(() => decodeNpy(readFileSync(`${maps}array-fortran.npy`))).toThrow(/Fortran order/);
    expect(() => decodeNpy(readFileSync(`${maps}irn/a.npy`))).toThrow(/does not hold an array of numbers/);
    expect(() => decodeNpy(bytes.subarray(0, bytes.length - 2))).toThrow(NpyError);
    expect(() => decodeNpy(bytes.subarray(0, 9))).toThrow('it is cut short');
    expect(() => decodeNpy(Buffer.from('hello, world'))).toThrow('it is not an .npy file');
  });
});

describe('decodeNpz', () => {
  it('reads what numpy.savez has written', () => {
    const arrays = decodeNpz(readFileSync(fileURLToPath(new URL('../fixtures/maps/seeds/a.npz', import.meta.url))));
    expect([...arrays.keys()]).toEqual(['keys', 'maps']);
    expect(Array.from(arrays.get('keys')!.values)).toEqual([3, 15]);
    expect(arrays.get('maps')!.shape).toEqual([2, 17, 23]);
  });

  it('refuses other files', () => {
    expect(() => decodeNpz(Buffer.from('hello, world'))).toThrow('it is not an .npz file, or is cut short');
  });
});

it('writes the same arrays as the same bytes, whenever that is', () => {
  const encode = (): Buffer => Buffer.from(encodeNpz({ a: { shape: [2], data: Int32Array.of(1, 2) } }));
  vi.useFakeTimers();
  try {
    vi.setSystemTime(new Date(2026, 10, 5, 12, 34, 56));
    const first = encode();
    vi.setSystemTime(new Date(2031, 2, 4, 1, 2, 3));
    expect(encode().equals(first)).toBe(true);
    // The local header of a zip file holds the time at byte 10 and the date at 12: 1 January 1980 is day 1, month 1, year 0.
    expect([first.readUInt16LE(10), first.readUInt16LE(12)]).toEqual([0, 1 | (1 << 5)]);
  } finally {
    vi.useRealTimers();
  }
});
