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
