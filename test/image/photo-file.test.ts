import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Sharp } from 'sharp';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openPhoto } from '../../src/image/photo-file.js';
import type { Size } from '../../src/size.js';
import { repository } from '../helpers.js';

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-photo-file-')); });
afterAll(async () => { await rm(folder, { recursive: true }); });

const [width, height] = [90, 60];

/** Colours that change from pixel to pixel in no simple way: every filter shows. */
function picture(channels: 1 | 3 | 4): Sharp {
  const data = Uint8Array.from({ length: width * height * channels }, (_, i) => ((i * i) % 251 + 3 * (i % 89)) % 256);
  return sharp(data, { raw: { width, height, channels } });
}

const kinds: Record<string, () => Sharp> = {
  'colour.jpg': () => picture(3).jpeg(),
  'gray.jpg': () => picture(1).toColourspace('b-w').jpeg(),
  'cmyk.jpg': () => picture(3).toColourspace('cmyk').jpeg(),
  'colour.png': () => picture(3).png(),
  'alpha.png': () => picture(4).png(),
  'deep.png': () => picture(3).toColourspace('rgb16').png(),
  'photo.webp': () => picture(3).webp(),
};

describe.each(Object.keys(kinds))('%s', (name) => {
  it('a part is cut out of the resized whole, at one size after the other', async () => {
    const path = join(folder, name);
    await kinds[name]().toFile(path);
    const photo = await openPhoto(path);
    const region = { top: 5, left: 9, height: 11, width: 20 };
    // As it is, a little smaller, and so small that a JPEG is shrunk while it is decoded.
    for (const size of [[height, width], [51, 77], [20, 30], [51, 77]] as Size[]) {
      const whole = await photo.at(size);
      expect(whole).toHaveLength(3 * size[0] * size[1]);
      const part = await photo.at(size, region);
      for (let y = 0; y < region.height; y++) {
        const begin = ((region.top + y) * size[1] + region.left) * 3;
        const row = part.subarray(y * region.width * 3, (y + 1) * region.width * 3);
        expect(Buffer.compare(row, whole.subarray(begin, begin + region.width * 3)), `row ${y} of ${size.join('x')}`).toBe(0);
      }
    }
  });
});

describe('the original size', () => {
  it('is as stored, or upright where asked for', async () => {
    const path = join(folder, 'turned.jpg');
    await picture(3).withMetadata({ orientation: 6 }).jpeg().toFile(path);
    const stored = await openPhoto(path);
    const upright = await openPhoto(path, { upright: true });
    expect([stored.original, upright.original]).toEqual([[height, width], [width, height]]);
    // Turned by 90 degrees clockwise: the lower left corner comes to the upper left.
    const [pixels, turned] = [await stored.at([height, width]), await upright.at([width, height])];
    expect([...turned.subarray(0, 3)]).toEqual([...pixels.subarray((height - 1) * width * 3, (height - 1) * width * 3 + 3)]);
  });
});

describe('the pixels of a size', () => {
  const sample = join(repository, 'data/sample/JPEGImages/cat_on_floor.jpg');

  it.each([false, true])('do not depend on which sizes were asked for before; upright: %s', async (upright) => {
    const original = (await openPhoto(sample, { upright })).original;
    const sizes = [1, 0.85, 0.51, 0.49, 0.2, 1.3].map((factor): Size => [Math.round(factor * original[0]), Math.round(factor * original[1])]);
    const alone = await Promise.all(sizes.map(async (size) => (await openPhoto(sample, { upright })).at(size)));
    for (const order of [sizes, sizes.toReversed()]) {
      const photo = await openPhoto(sample, { upright });
      for (const size of order) expect(Buffer.compare(await photo.at(size), alone[sizes.indexOf(size)]), size.join('x')).toBe(0);
    }
  });

  it('at a JPEG\'s own size are those that it stores', async () => {
    const photo = await openPhoto(sample);
    expect(Buffer.compare(await photo.at(photo.original), await sharp(sample).raw().toBuffer())).toBe(0);
  });

  it('a damaged JPEG is reported for every size', async () => {
    const path = join(folder, 'cut.jpg');
    await writeFile(path, readFileSync(sample).subarray(0, 9000));
    const photo = await openPhoto(path);
    for (const size of [photo.original, [100, 90], photo.original] as Size[]) await expect(photo.at(size)).rejects.toThrow(`cannot read the photograph ${path}`);
  });
});

const fixtures = fileURLToPath(new URL('../fixtures/image/', import.meta.url));
/** Pixels as Pillow reads them: see make_cmyk.py. */
const pillow = JSON.parse(readFileSync(join(fixtures, 'cmyk.json'), 'utf8')) as Record<string, { rgb: number[]; half: number[] }>;

describe('CMYK and transparency', () => {
  it.each(Object.keys(pillow))('%s has Pillow\'s pixels, also resized', async (name) => {
    const photo = await openPhoto(join(fixtures, name));
    expect(photo.original).toEqual([16, 24]);
    expect([...await photo.at([16, 24])]).toEqual(pillow[name].rgb);
    const half = await photo.at([8, 12]);
    const differences = pillow[name].half.map((value, i) => Math.abs(value - half[i]));
    // Pillow and libvips round their filters' weights differently.
    expect(Math.max(...differences)).toBeLessThanOrEqual(3);
    expect(differences.reduce((sum, difference) => sum + difference) / differences.length).toBeLessThan(0.7);
  });

  it('16 bits are shortened to 8, and the picture is turned upright where asked for', async () => {
    const ink = Uint16Array.from({ length: 4 * 6 }, (_, i) => i * 2000);
    const path = join(folder, 'ink.tif');
    await writeFile(path, cmykTiff(3, 2, ink, 6));
    const stored = await openPhoto(path);
    const upright = await openPhoto(path, { upright: true });
    expect([stored.original, upright.original]).toEqual([[2, 3], [3, 2]]);
    // By Pillow's formula, from the high bytes of the fourth pixel, which comes to the upper left corner.
    const [c, m, y, k] = [...ink.subarray(12, 16)].map((value) => value >> 8);
    const expected = [c, m, y].map((value) => 255 - k - Math.round(value * (255 - k) / 255));
    expect([...(await upright.at([3, 2])).subarray(0, 3)]).toEqual(expected);
    expect([...(await stored.at([2, 3])).subarray(9, 12)]).toEqual(expected);
  });
});

/** An uncompressed TIFF of 16 bits per sample, by the specification (TIFF 6.0, pages 14 and 69). */
function cmykTiff(columns: number, rows: number, samples: Uint16Array, orientation: number): Buffer {
  const entries = [
    [256, 3, 1, columns], [257, 3, 1, rows], [258, 3, 4, 8], [259, 3, 1, 1], [262, 3, 1, 5], [273, 4, 1, 16],
    [274, 3, 1, orientation], [277, 3, 1, 4], [278, 3, 1, rows], [279, 4, 1, samples.byteLength],
  ];
  const head = Buffer.alloc(16);
  head.write('II*\0', 'latin1');
  head.writeUInt32LE(16 + samples.byteLength, 4);
  for (let i = 0; i < 4; i++) head.writeUInt16LE(16, 8 + 2 * i);
  const directory = Buffer.alloc(2 + 12 * entries.length + 4);
  directory.writeUInt16LE(entries.length, 0);
  for (const [i, [tag, type, count, value]] of entries.entries()) {
    directory.writeUInt16LE(tag, 2 + 12 * i);
    directory.writeUInt16LE(type, 4 + 12 * i);
    directory.writeUInt32LE(count, 6 + 12 * i);
    directory.writeUInt32LE(value, 10 + 12 * i);
  }
  return Buffer.concat([head, Buffer.from(samples.buffer), directory]);
}

describe('what is not read', () => {
  afterEach(() => { vi.unstubAllEnvs(); });

  it.each([
    ['a.bmp', 'BM\x36\0\0\0\0\0\0\0\x36\0\0\0', 'it is a BMP, which is not supported', 'convert it to PNG or JPEG'],
    ['a.heic', '\0\0\0\x18ftypheic\0\0\0\0mif1', 'it is a HEIC, which is not supported', 'convert it to PNG or JPEG'],
    ['a.jpg', 'version https://git-lfs.github.com/spec/v1\n', 'it is a Git LFS pointer', 'convert it to PNG or JPEG'],
    ['b.jpg', '', 'the file is empty', undefined],
  ])('%s', async (name, content, reason, hint) => {
    await writeFile(join(folder, name), content, 'latin1');
    await expect(openPhoto(join(folder, name))).rejects.toMatchObject({ name: 'UserError', message: expect.stringContaining(`${name}: ${reason}`), hint });
  });

  it('a file that is missing, and a folder', async () => {
    await expect(openPhoto(join(folder, 'none.jpg'))).rejects.toThrow('none.jpg: it does not exist');
    await expect(openPhoto(folder)).rejects.toThrow('is a folder');
  });

  it('more pixels than the limit, which is named and can be raised', async () => {
    const path = join(folder, 'large.png');
    await picture(3).png().toFile(path);
    vi.stubEnv('VOC_SEEDS_MAX_PHOTO_PIXELS', String(width * height - 1));
    await expect(openPhoto(path)).rejects.toMatchObject({
      message: `the photograph ${path} has 90 x 60 pixels, more than the limit of 5399 pixels`, hint: expect.stringContaining('VOC_SEEDS_MAX_PHOTO_PIXELS'),
    });
    vi.stubEnv('VOC_SEEDS_MAX_PHOTO_PIXELS', String(width * height));
    expect(await (await openPhoto(path)).at([6, 9])).toHaveLength(3 * 6 * 9);
  });
});
