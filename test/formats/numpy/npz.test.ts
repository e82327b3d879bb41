import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { unzipSync, zipSync } from 'fflate';
import { describe, expect, it, vi } from 'vitest';
import { decodeNpy, decodeNpz, encodeNpy, encodeNpz, NpyError } from '../../../src/formats/numpy/npz.js';
import type { NpyArray } from '../../../src/formats/numpy/npz.js';
import { npyOf, savedArrays } from '../../fixtures/arrays/load.js';

const folder = fileURLToPath(new URL('../../fixtures/jobs/', import.meta.url));
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

  const maps = fileURLToPath(new URL('../../fixtures/maps/', import.meta.url));
  const others = JSON.parse(readFileSync(`${maps}contents.json`, 'utf8')) as Record<string, { shape: number[]; values: (number | null)[] }>;

  it.each(Object.keys(others))('reads the type %s', (name) => {
    const { shape, values } = decodeNpy(readFileSync(`${maps}array-${name}.npy`));
    expect(shape).toEqual(others[name].shape);
    expect(Array.from(values)).toEqual(others[name].values.map((value) => value ?? Infinity));
  });

  it.each(savedArrays.flatMap(([version, { arrays }]) => Object.entries(arrays).map(([name, saved]) => [`${name} (${version})`, saved] as const)))('reads %s', (_, saved) => {
    const { shape, values } = decodeNpy(Buffer.from(saved.hex, 'hex'));
    expect(shape).toEqual(saved.shape);
    expect(Array.from(values)).toEqual(saved.values);
  });

  // numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3))
  it('reads Fortran order', () => {
    const { shape, values } = decodeNpy(readFileSync(`${maps}array-fortran.npy`));
    expect([shape, Array.from(values)]).toEqual([[2, 3], [0, 1, 2, 3, 4, 5]]);
  });

  it('refuses objects, and files that are cut short or something else', () => {
    const bytes = readFileSync(`${folder}float32-2x3x4.npy`);
    expect(() => decodeNpy(readFileSync(`${maps}irn/a.npy`))).toThrow(/does not contain an array of numbers/);
    expect(() => decodeNpy(bytes.subarray(0, bytes.length - 2))).toThrow(NpyError);
    expect(() => decodeNpy(bytes.subarray(0, 9))).toThrow('it is cut short');
    expect(() => decodeNpy(Buffer.from('hello, world'))).toThrow('it is not an .npy file');
  });

  it.each([
    ['nothing', '', 'it does not contain a supported array'],
    ['records', '{\'descr\': [(\'a\', \'<f4\'), (\'shape\', \'<f4\')], \'fortran_order\': False, \'shape\': (2,), }', 'it does not contain a supported array'],
    ['records in records', `{'descr': ${'[(\'a\', '.repeat(500)}'<f4'${')]'.repeat(500)}, 'fortran_order': False, 'shape': (2,), }`, 'it does not contain a supported array'],
    ['an order in a text', '{\'descr\': \'<f4\', \'note\': "\'shape\': (1,)", \'fortran_order\': False, }', 'it does not contain a supported array'],
    ['texts', '{\'descr\': \'<U3\', \'fortran_order\': False, \'shape\': (2,), }', 'an array of an unsupported type (U3)'],
    ['complex numbers', '{\'descr\': \'<c8\', \'fortran_order\': False, \'shape\': (2,), }', 'an array of an unsupported type (c8)'],
    ['more numbers than there are', '{\'descr\': \'<f4\', \'fortran_order\': False, \'shape\': (1000000000, 1000000000), }', 'it is cut short or longer than its header says'],
    ['many axes', `{'descr': '|u1', 'fortran_order': False, 'shape': (${'1, '.repeat(65)}), }`, 'it does not contain a supported array'],
    ['a long header', `{${' '.repeat(20_000)}'descr': '|u1', 'fortran_order': False, 'shape': (), }`, 'its header takes'],
  ])('refuses a header with %s', (_, header, message) => {
    expect(() => decodeNpy(npyOf(header, new Uint8Array(8)))).toThrow(NpyError);
    expect(() => decodeNpy(npyOf(header, new Uint8Array(8)))).toThrow(message);
  });

  it('reads a header in another order, in double quotes, and in Python 2\'s notation', () => {
    expect(decodeNpy(npyOf('{"shape": (2L, 1L), "fortran_order": False, "descr": "|u1"}', Uint8Array.of(3, 4)))).toEqual({ shape: [2, 1], values: Uint8Array.of(3, 4) });
  });

  it('says what is taken for an .npy file', () => {
    expect(() => decodeNpy(Buffer.from('{"a": [1]}'))).toThrow(/JSON/);
    expect(() => decodeNpy(Buffer.from('\x80\x04}.', 'latin1'))).toThrow(/plain pickle/);
    expect(() => decodeNpy(zipSync({ a: new Uint8Array(3) }))).toThrow(/zip archive/);
    expect(() => decodeNpy(new Uint8Array())).toThrow(/empty/);
  });
});

describe('decodeNpz', () => {
  it('reads what numpy.savez has written', () => {
    const arrays = decodeNpz(readFileSync(fileURLToPath(new URL('../../fixtures/maps/seeds/a.npz', import.meta.url))));
    expect([...arrays.keys()]).toEqual(['keys', 'maps']);
    expect(Array.from(arrays.get('keys')!.values)).toEqual([3, 15]);
    expect(arrays.get('maps')!.shape).toEqual([2, 17, 23]);
  });

  it('refuses other files', () => {
    expect(() => decodeNpz(Buffer.from('hello, world'))).toThrow('it is not an .npz file or is cut short');
  });

  const one = { 'a.npy': encodeNpy({ shape: [3], data: Float32Array.of(1, 2, 3) }) };

  it('reads what is compressed, without looking at what is not asked for', () => {
    const arrays = decodeNpz(zipSync({ ...one, 'notes.txt': Buffer.from('hello') }));
    expect([...arrays.keys()]).toEqual(['a', 'notes.txt']);
    expect(arrays.get('a')).toEqual({ shape: [3], values: Float32Array.of(1, 2, 3) });
    expect(arrays.get('b')).toBeUndefined();
    expect(() => arrays.get('notes.txt')).toThrow('its array \'notes.txt\' cannot be read: it is not an .npy file');
  });

  it('finds a changed byte by the checksum', () => {
    const bytes = Buffer.from(zipSync(one, { level: 0 }));
    bytes[bytes.indexOf(Buffer.from(Float32Array.of(2).buffer))] ^= 1;
    expect(() => decodeNpz(bytes).get('a')).toThrow('\'a\' in the zip archive is damaged');
  });

  it('refuses what would unpack to more than the limit', () => {
    vi.stubEnv('VOC_SEEDS_MAX_ARRAY_BYTES', '1000');
    const bytes = zipSync({ 'a.npy': encodeNpy({ shape: [30], data: new Float32Array(30) }), 'b.npy': encodeNpy({ shape: [1000], data: new Float32Array(1000) }) });
    const arrays = decodeNpz(bytes);
    expect(arrays.get('a')!.shape).toEqual([30]);
    expect(() => arrays.get('b')).toThrow(expect.objectContaining({ message: 'its arrays unpack to 4376 bytes, more than the limit of 1000 bytes', hint: expect.stringContaining('VOC_SEEDS_MAX_ARRAY_BYTES') as string }) as Error);
    vi.unstubAllEnvs();
  });

  // The central directory says that a file unpacks to less than it does, to more, or begins inside another one.
  it('refuses sizes that are not true, and files that overlap or have one name', () => {
    const changed = (files: Record<string, Uint8Array>, change: (bytes: Buffer, directory: number) => void): Buffer => {
      const bytes = Buffer.from(zipSync(files));
      change(bytes, bytes.indexOf('PK\x01\x02', 0, 'latin1'));
      return bytes;
    };
    const zeros = { 'a.npy': encodeNpy({ shape: [5000], data: new Float32Array(5000) }) };
    expect(() => decodeNpz(changed(zeros, (bytes, at) => bytes.writeUInt32LE(100, at + 24))).get('a')).toThrow('\'a\' in the zip archive is damaged');
    expect(() => decodeNpz(changed(zeros, (bytes, at) => bytes.writeUInt32LE(30_000, at + 24))).get('a')).toThrow('\'a\' in the zip archive is damaged');
    const two = { 'a.npy': one['a.npy'], 'b.npy': one['a.npy'] };
    const second = (bytes: Buffer, at: number): number => bytes.indexOf('PK\x01\x02', at + 4, 'latin1');
    expect(() => decodeNpz(changed(two, (bytes, at) => bytes.writeUInt32LE(0, second(bytes, at) + 42)))).toThrow('files overlap');
    expect(() => decodeNpz(changed(two, (bytes, at) => bytes.write('a', second(bytes, at) + 46)))).toThrow('two files named \'a.npy\'');
    expect(() => decodeNpz(changed(one, (bytes, at) => bytes.writeUInt16LE(12, at + 10))).get('a')).toThrow('has an unsupported compression (method 12)');
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
