import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { encodeNpz } from '../../../src/formats/numpy/npz.js';
import { readMapDump } from '../../../src/metrics/maps/dump.js';
import { npyOf, npyOfPickle, savedArrays } from '../../fixtures/arrays/load.js';

const folder = fileURLToPath(new URL('../../fixtures/maps/', import.meta.url));
const { values } = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as { values: { c: number[]; half: number[] } };

let temporary: string;
beforeAll(async () => { temporary = await mkdtemp(join(tmpdir(), 'voc-seeds-dump-')); });
afterAll(() => rm(temporary, { recursive: true }));

/** The first values of the second class, whose map is 25 x 14. */
const second = (maps: Float32Array): number[] => [...maps.subarray(25 * 14, 25 * 14 + 10)];

describe('readMapDump', () => {
  it('reads the dictionaries of IRN, their maps of full size', async () => {
    const dump = await readMapDump(join(folder, 'irn/c.npy'));
    expect(dump).toMatchObject({ keys: [0, 11, 19], height: 25, width: 14, array: 'high_res' });
    expect(second(dump.maps)).toEqual(values.c);
  });

  it('reads another array where one is named', async () => {
    const dump = await readMapDump(join(folder, 'irn/c.npy'), 'cam');
    expect(dump).toMatchObject({ keys: [0, 11, 19], height: 7, width: 4, array: 'cam' });
    expect(dump.maps.length).toBe(3 * 7 * 4);
  });

  it('reads the half-precision maps of CLIP-ES', async () => {
    const dump = await readMapDump(join(folder, 'clip-es/c.npy'));
    expect(dump).toMatchObject({ keys: [0, 11, 19], height: 25, width: 14, array: 'attn_highres' });
    expect(second(dump.maps)).toEqual(values.half);
  });

  it('reads the dictionaries of PSA', async () => {
    const dump = await readMapDump(join(folder, 'psa/c.npy'));
    expect(dump).toMatchObject({ keys: [0, 11, 19], height: 25, width: 14 });
    expect(dump.array).toBeUndefined();
    expect(second(dump.maps)).toEqual(values.c);
  });

  it('reads .npz', async () => {
    const dump = await readMapDump(join(folder, 'seeds/c.npz'));
    expect(dump).toMatchObject({ keys: [1, 12, 20], height: 25, width: 14, array: 'maps' });
    expect(second(dump.maps)).toEqual(values.c);
  });

  it.each(['irn/d.npy', 'clip-es/d.npy', 'psa/d.npy', 'seeds/d.npz'])('reads an image without classes: %s', async (file) => {
    expect((await readMapDump(join(folder, file))).keys).toEqual([]);
  });

  it('executes nothing', async () => {
    await expect(readMapDump(join(folder, 'hostile/a.npy'))).rejects.toThrow(/posix\.system.*refused/);
  });

  it('names what is there where an array is missing', async () => {
    await expect(readMapDump(join(folder, 'irn/c.npy'), 'logits')).rejects.toThrow(/no array 'logits'; there are keys, cam, high_res/);
  });

  it('says which file is damaged, and how', async () => {
    const file = join(temporary, 'cut.npy');
    await writeFile(file, readFileSync(join(folder, 'irn/c.npy')).subarray(0, 900));
    await expect(readMapDump(file)).rejects.toThrow(/cut\.npy cannot be read: it is cut short/);
    const zip = join(temporary, 'cut.npz');
    await writeFile(zip, readFileSync(join(folder, 'seeds/c.npz')).subarray(0, 500));
    await expect(readMapDump(zip)).rejects.toThrow(/cut\.npz cannot be read: it is not an \.npz file or is cut short/);
    await expect(readMapDump(join(temporary, 'none.npy'))).rejects.toThrow(/none\.npy cannot be read/);
  });

  it('refuses maps that do not go with their keys, and values that are no numbers', async () => {
    const file = join(temporary, 'odd.npz');
    await writeFile(file, encodeNpz({ keys: { shape: [2], data: Int32Array.of(1, 2) }, maps: { shape: [1, 2, 2], data: new Float32Array(4) } }));
    await expect(readMapDump(file)).rejects.toThrow(/'maps' is \[1, 2, 2\], but there are 2 keys/);
    await writeFile(file, encodeNpz({ keys: { shape: [1], data: Int32Array.of(1) }, maps: { shape: [1, 1, 2], data: Float32Array.of(0, NaN) } }));
    await expect(readMapDump(file)).rejects.toThrow(/contain values that are not finite/);
  });

  it.each(savedArrays.flatMap(([version, saved]) => Object.entries(saved.maps).map(([name, { hex, array }]) => [`${name} (${version})`, hex, array ?? undefined, saved] as const)))(
    'reads %s', async (_, hex, array, { keys, mapsExpected }) => {
      const file = join(temporary, 'saved.npy');
      await writeFile(file, Buffer.from(hex, 'hex'));
      const dump = await readMapDump(file);
      expect(dump).toMatchObject({ keys, height: 3, width: 4 });
      expect(dump.array).toBe(array);
      expect([...dump.maps]).toEqual(mapsExpected);
    });

  const header = (descr: string, shape: string): string => `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`;
  const text = (name: string): string => `X${String.fromCharCode(name.length)}\0\0\0${name}`;
  /** A list of 1000 lists of 1000 lists of 1000 lists of 1000 times `last`, in some thousand bytes. */
  const cube = (last: string): string => `](${last}e${[0, 1, 2].map((i) => `q${String.fromCharCode(i)}0](${`h${String.fromCharCode(i)}`.repeat(1000)}e`).join('')}`;

  it.each([
    ['maps alone', npyOf(header('<f4', '(1, 2, 2)'), new Uint8Array(16)), 'are a single array of shape (1, 2, 2), without the classes'],
    ['a list', npyOfPickle('](K\x01e'), 'are not a dictionary, but [1]'],
    ['keys that are texts', npyOfPickle(`}(${text('keys')}](${text('dog')}e${text('cam')}](K\x01eu`), '\'keys\' is not a list of class indices'],
    ['maps that are texts', npyOfPickle(`}(${text('keys')}](K\x01e${text('cam')}](${text('dog')}eu`), '\'cam\' is not an array of numbers'],
    ['more keys than classes', npyOfPickle(`}(${text('keys')}](${'K\x01'.repeat(22)}e${text('cam')}](K\x01eu`), 'have 22 keys, but there are 20 classes'],
    ['maps without pixels', npyOfPickle(`}(${text('keys')}](K\x01e${text('cam')}](](]eeu`), '\'cam\' is [1, 1, 0], which is empty'],
    ['lists that hold one another', npyOfPickle(`}(${text('keys')}](K\x01e${text('cam')}${cube('K\x01'.repeat(1000))}u`), 'it contains lists of 1000000000000 numbers'],
    ['lists of nothing that hold one another', npyOfPickle(`}(${text('keys')}](K\x01e${text('cam')}${cube('')}u`), '\'cam\' is [1000, 1000, 1000, 0]'],
    ['a list in itself', npyOfPickle(`}(${text('keys')}]q\0h\0a${text('cam')}](K\x01eu`), '\'keys\' is not a list of class indices'],
    ['a list as key', npyOfPickle(`}(${']'.repeat(20_000)}${'a'.repeat(19_999)}Nu`), 'have no array \'keys\'; there are none'],
  ])('refuses %s', async (_, bytes, message) => {
    const file = join(temporary, 'wrong.npy');
    await writeFile(file, bytes);
    await expect(readMapDump(file)).rejects.toMatchObject({ name: 'UserError', message: expect.stringContaining(`the maps ${file}`) as string });
    await expect(readMapDump(file)).rejects.toThrow(message);
  });

  it('refuses maps that would take more than the limit, of one class or of all', async () => {
    vi.stubEnv('VOC_SEEDS_MAX_ARRAY_BYTES', '4000');
    const file = join(temporary, 'large.npz');
    await writeFile(file, encodeNpz({ keys: { shape: [1], data: Int32Array.of(1) }, maps: { shape: [1, 40, 40], data: new Uint8Array(1600) } }));
    await expect(readMapDump(file)).rejects.toThrow(/large\.npz need 6400 bytes, more than the limit of 4000 bytes/);
    // One map [30, 30], which all 20 classes share: 72000 bytes of single floats, from a pickle of some 2000.
    vi.stubEnv('VOC_SEEDS_MAX_ARRAY_BYTES', '60000');
    const shared = join(temporary, 'shared.npy');
    const map = `](${`](${'K\x01'.repeat(30)}e`.repeat(30)}eq\x07`;
    await writeFile(shared, npyOfPickle(`}(${Array.from({ length: 20 }, (_, k) => `K${String.fromCharCode(k)}${k === 0 ? map : 'h\x07'}`).join('')}u`));
    await expect(readMapDump(shared)).rejects.toThrow(/shared\.npy need 72000 bytes, more than the limit of 60000 bytes/);
    vi.unstubAllEnvs();
    expect((await readMapDump(shared)).maps).toHaveLength(18_000);
  });
});
