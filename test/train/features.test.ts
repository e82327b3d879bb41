import { mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FeatureOptions } from '../../src/train/features.js';
import { extractFeatures } from '../../src/train/features.js';
import { identityNetwork } from './identity.js';

let folder: string;
let paths: string[];
let options: FeatureOptions;
let count = 0;

/** A picture whose left half has one colour and whose right half another. */
async function halves(path: string, left: number[], right: number[]): Promise<void> {
  const pixels = Buffer.from(Array.from({ length: 8 * 8 }, (_, i) => (i % 8 < 4 ? left : right)).flat());
  await sharp(pixels, { raw: { width: 8, height: 8, channels: 3 } }).png().toFile(path);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-features-'));
  paths = ['one.png', 'two.png'].map((name) => join(folder, name));
  await halves(paths[0], [10, 20, 30], [30, 60, 90]);
  await halves(paths[1], [255, 0, 100], [255, 0, 200]);
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => {
  const backbone = identityNetwork();
  options = {
    backbone, backboneHash: 'abc', layer: backbone.layers.find(({ rectified }) => rectified)!,
    normalisation: { channelOrder: 'rgb', scale: 1, mean: [0, 0, 0], std: [1, 1, 10] },
    inputSizes: [{ kind: 'native' }], flip: false, cache: join(folder, `cache-${count++}`), workers: 1,
  };
});

/** Extracts, and says how often images were counted. */
async function extract(changes: Partial<FeatureOptions> = {}, of = paths) {
  let progress = 0;
  const table = await extractFeatures(of, { ...options, onProgress: () => { progress++; }, ...changes });
  return { ...table, progress };
}

describe('extractFeatures', () => {
  it('is the mean of the layer over its positions', async () => {
    const { data, views, channels, failures, cached } = await extract();
    expect({ views, channels, failures, cached }).toEqual({ views: 1, channels: 3, failures: [], cached: false });
    expect([...data].map((value) => Number(value.toFixed(3)))).toEqual([20, 40, 6, 255, 0, 15]);
  });

  it('has a row for each view: sizes, and for each size the mirror image', async () => {
    const { data, views } = await extract({ flip: true, inputSizes: [{ kind: 'native' }, { kind: 'fixed', size: [4, 4] }] });
    expect(views).toBe(4);
    expect(data).toHaveLength(2 * 4 * 3);
    for (let view = 0; view < 4; view++) {
      // Colours are rounded at half the size.
      [20, 40, 6].forEach((value, c) => { expect(Math.abs(data[3 * view + c] - value)).toBeLessThan(1); });
    }
  });

  it('computes nothing the second time', async () => {
    const first = await extract();
    const second = await extract();
    expect([first.cached, first.progress, second.cached, second.progress]).toEqual([false, 2, true, 0]);
    expect({ ...second, cached: false, progress: 2 }).toEqual(first);
  });

  it('computes anew what another setting or file gives', async () => {
    await extract();
    const changes: Partial<FeatureOptions>[] = [
      { flip: true }, { inputSizes: [{ kind: 'short', pixels: 16 }] }, { backboneHash: 'other' },
      { normalisation: { ...options.normalisation, mean: [0, 1, 0] } }, { normalisation: { ...options.normalisation, channelOrder: 'bgr' } },
      { layer: options.backbone.layers.find(({ rectified }) => !rectified)! },
    ];
    for (const change of changes) expect((await extract(change)).cached, JSON.stringify(Object.keys(change))).toBe(false);
    expect((await extract({}, [paths[1], paths[0]])).cached).toBe(false);
    expect((await extract()).cached).toBe(true);
    await utimes(paths[0], new Date(2020, 1, 1), new Date(2020, 1, 1));
    expect((await extract()).cached).toBe(false);
    expect((await extract()).cached).toBe(true);
  });

  it('leaves out what cannot be read, says why, and keeps no cache of it', async () => {
    const wrong = join(folder, 'wrong.png');
    await writeFile(wrong, 'no picture');
    const list = [wrong, paths[1], join(folder, 'nowhere.png'), paths[0]];
    const table = await extract({ flip: true }, list);
    expect(table.paths).toEqual([paths[1], paths[0]]);
    expect([...table.data].map((value) => Math.round(value))).toEqual([255, 0, 15, 255, 0, 15, 20, 40, 6, 20, 40, 6]);
    expect(table.failures.map(({ path }) => path).sort()).toEqual([join(folder, 'nowhere.png'), wrong]);
    for (const { path, reason } of table.failures) expect(reason).toContain(`cannot read the photograph ${path}`);
    expect(await readdir(options.cache).catch(() => [])).toEqual([]);
    expect((await extract({ flip: true }, list)).cached).toBe(false);
  });

  it('does not believe a cache file of another length', async () => {
    const { data } = await extract();
    const [file] = await readdir(options.cache);
    await truncate(join(options.cache, file), 20);
    const again = await extract();
    expect(again.cached).toBe(false);
    expect(again.data).toEqual(data);
  });

  it('does not believe a cache file whose content has changed, and removes what a killed run left', async () => {
    const { data } = await extract();
    const [file] = await readdir(options.cache);
    const bytes = await readFile(join(options.cache, file));
    // The features as they are, and their SHA-256.
    expect(bytes.byteLength).toBe(data.byteLength + 32);
    bytes[2] ^= 1;
    await writeFile(join(options.cache, file), bytes);
    const leftover = join(options.cache, `${file}.1-0123abcd.tmp`);
    await writeFile(leftover, '');
    await utimes(leftover, 0, 0);
    const again = await extract();
    expect(again.cached).toBe(false);
    expect(again.data).toEqual(data);
    expect(await readdir(options.cache)).toEqual([file]);
    // Earlier versions wrote no hash.
    await truncate(join(options.cache, file), data.byteLength);
    expect((await extract()).cached).toBe(true);
  });
});
