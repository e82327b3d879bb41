import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeView, readView, viewBytes } from '../../../src/train/segment/feature-file.js';
import type { CachedTensor } from '../../../src/train/segment/pass.js';
import { refusal } from '../../helpers.js';

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-features-')); });
afterAll(() => rm(folder, { recursive: true }));

const tensors: CachedTensor[] = [{ name: 'a', dims: [1, 1, 3] }, { name: 'b', dims: [2, 1, 1] }];
const views = [[[1, -2.5, 65504], [0, 2 ** -24]], [[3, 4, 5], [6, 7]]].map((view) => view.map((values) => Float32Array.from(values)));

describe('a file of features', () => {
  it('gives back the numbers of a view, as far as float16 can hold them', async () => {
    const path = join(folder, 'photo.f16');
    await writeFile(path, Buffer.concat(views.flatMap(encodeView)));
    expect((await readFile(path)).length).toBe(2 * viewBytes(tensors));
    const into = [new Float32Array(3), new Float32Array(2)];
    for (const [i, view] of views.entries()) {
      await readView(path, i, tensors, into);
      expect(into).toEqual(view);
    }
    const bytes = await readFile(path);
    bytes[viewBytes(tensors) + 2] ^= 1;
    await writeFile(path, bytes);
    await readView(path, 0, tensors, into);
    await expect(readView(path, 1, tensors, into)).rejects.toThrow(`the file of features ${path} is damaged`);
    await expect(readView(join(folder, 'none'), 0, tensors, into)).rejects.toThrow('is gone');
  });

  it.each([70000, NaN, Infinity])('cannot hold %d', (value) => {
    expect(refusal(() => encodeView([Float32Array.of(value)])).message).toContain('beyond the range of float16');
  });
});
