import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeNpz } from '../../../src/jobs/npz.js';
import { readMapDump } from '../../../src/metrics/maps/dump.js';

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
    await expect(readMapDump(zip)).rejects.toThrow(/cut\.npz cannot be read: it is not an \.npz file, or is cut short/);
    await expect(readMapDump(join(temporary, 'none.npy'))).rejects.toThrow(/none\.npy cannot be read/);
  });

  it('refuses maps that do not go with their keys, and values that are no numbers', async () => {
    const file = join(temporary, 'odd.npz');
    await writeFile(file, encodeNpz({ keys: { shape: [2], data: Int32Array.of(1, 2) }, maps: { shape: [1, 2, 2], data: new Float32Array(4) } }));
    await expect(readMapDump(file)).rejects.toThrow(/'maps' is \[1, 2, 2\], but there are 2 keys/);
    await writeFile(file, encodeNpz({ keys: { shape: [1], data: Int32Array.of(1) }, maps: { shape: [1, 1, 2], data: Float32Array.of(0, NaN) } }));
    await expect(readMapDump(file)).rejects.toThrow(/no finite numbers/);
  });
});
