import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Sharp } from 'sharp';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPhoto } from '../../src/image/photo-file.js';
import type { Size } from '../../src/onnx/shapes.js';

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
  'progressive.jpg': () => picture(3).jpeg({ progressive: true, chromaSubsampling: '4:4:4' }),
  'gray.jpg': () => picture(1).toColourspace('b-w').jpeg(),
  'cmyk.jpg': () => picture(3).toColourspace('cmyk').jpeg(),
  'turned.jpg': () => picture(3).withMetadata({ orientation: 6 }).jpeg(),
  'colour.png': () => picture(3).png(),
  'alpha.png': () => picture(4).png(),
  'palette.png': () => picture(3).png({ palette: true }),
  'deep.png': () => picture(3).toColourspace('rgb16').png(),
  'profile.png': () => picture(3).withIccProfile('p3').png(),
  'photo.webp': () => picture(3).webp(),
  'photo.tiff': () => picture(3).tiff(),
};

/** Larger, as it is, a little and much smaller, and so small that a JPEG is shrunk while it is decoded. */
const sizes: Size[] = [[77, 121], [height, width], [51, 77], [33, 48], [20, 30], [7, 80]];

describe.each(Object.keys(kinds))('%s at several sizes', (name) => {
  const path = (): string => join(folder, name);
  beforeAll(async () => { await kinds[name]().toFile(path()); });

  it.each([false, true])('has the pixels that it has when it is opened for each of them (upright: %s)', async (upright) => {
    const photo = await openPhoto(path(), { several: true, upright });
    for (const size of [...sizes, ...sizes.toReversed()]) {
      const alone = await openPhoto(path(), { upright });
      expect(photo.original).toEqual(alone.original);
      const pixels = await alone.at(size);
      expect(pixels).toHaveLength(size[0] * size[1] * 3);
      expect(Buffer.compare(await photo.at(size), pixels), size.join('x')).toBe(0);
    }
  });

  it('a part is cut out of the resized whole', async () => {
    const region = { top: 5, left: 9, height: 11, width: 20 };
    const photo = await openPhoto(path(), { several: true });
    for (const size of [[height, width], [51, 77], [20, 30]] as Size[]) {
      const whole = await photo.at(size);
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
    await kinds['turned.jpg']().toFile(path);
    expect((await openPhoto(path)).original).toEqual([height, width]);
    expect((await openPhoto(path, { upright: true })).original).toEqual([width, height]);
  });
});
