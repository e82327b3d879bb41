import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Sharp } from 'sharp';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import type { PhotoOptions } from '../../src/image/photo.js';
import { DEFAULT_MAX_PIXELS, readPhoto } from '../../src/image/photo.js';

const native: PhotoOptions = { input: { kind: 'native' }, maxPixels: DEFAULT_MAX_PIXELS };

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-photo-')); });
afterAll(async () => { await rm(folder, { recursive: true }); });

type Channels = 1 | 2 | 3 | 4;
type Colour = readonly number[];

/** An image of two halves side by side, 24 x 16 pixels. */
function halves(left: Colour, right: Colour): Sharp {
  const [width, height] = [24, 16];
  const data = Uint8Array.from(Array.from({ length: width * height }, (_, i) => (i % width < width / 2 ? left : right)).flat());
  return sharp(data, { raw: { width, height, channels: left.length as Channels } });
}

/** Expects two halves of these colours, each channel within `tolerance`. */
async function expectHalves(path: string, left: Colour, right: Colour, tolerance: number): Promise<void> {
  const { original, size, pixels, limited } = await readPhoto(path, native);
  expect([original, size, limited]).toEqual([[16, 24], [16, 24], false]);
  expect(pixels).toHaveLength(16 * 24 * 3);
  // Away from the edge between them, where JPEG rings.
  for (const [x, colour] of [[2, left], [21, right]] as const) {
    const at = (8 * 24 + x) * 3;
    colour.forEach((value, c) => { expect(Math.abs(pixels[at + c] - value), `channel ${c} at ${x}: ${pixels[at + c]}`).toBeLessThanOrEqual(tolerance); });
  }
}

const path = (name: string): string => join(folder, name);

describe('every kind of file becomes RGB, 8 bits', () => {
  it('RGB JPEG', async () => {
    await halves([200, 40, 90], [10, 220, 130]).jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toFile(path('rgb.jpg'));
    await expectHalves(path('rgb.jpg'), [200, 40, 90], [10, 220, 130], 2);
  });

  it('gray JPEG', async () => {
    await halves([200], [40]).toColourspace('b-w').jpeg({ quality: 100 }).toFile(path('gray.jpg'));
    expect((await sharp(path('gray.jpg')).metadata()).channels).toBe(1);
    await expectHalves(path('gray.jpg'), [200, 200, 200], [40, 40, 40], 1);
  });

  it('gray PNG of 16 bits', async () => {
    const data = Uint16Array.from({ length: 24 * 16 }, (_, i) => (i % 24 < 12 ? 200 : 40) * 257);
    await sharp(data, { raw: { width: 24, height: 16, channels: 1 } }).toColourspace('grey16').png().toFile(path('gray16.png'));
    const { depth, channels } = await sharp(path('gray16.png')).metadata();
    expect([depth, channels]).toEqual(['ushort', 1]);
    await expectHalves(path('gray16.png'), [200, 200, 200], [40, 40, 40], 1);
  });

  it('RGB PNG of 16 bits', async () => {
    const data = Uint16Array.from({ length: 24 * 16 * 3 }, (_, i) => (Math.floor(i / 3) % 24 < 12 ? [200, 40, 90] : [10, 220, 130])[i % 3] * 257);
    await sharp(data, { raw: { width: 24, height: 16, channels: 3 } }).toColourspace('rgb16').png().toFile(path('rgb16.png'));
    expect((await sharp(path('rgb16.png')).metadata()).depth).toBe('ushort');
    await expectHalves(path('rgb16.png'), [200, 40, 90], [10, 220, 130], 1);
  });

  it('PNG with alpha: the colours as stored, whatever shows', async () => {
    await halves([200, 40, 90, 255], [10, 220, 130, 128]).png().toFile(path('rgba.png'));
    await expectHalves(path('rgba.png'), [200, 40, 90], [10, 220, 130], 1);
  });

  it('gray PNG with alpha', async () => {
    await halves([200, 255], [40, 255]).toColourspace('b-w').png().toFile(path('gray-alpha.png'));
    expect((await sharp(path('gray-alpha.png')).metadata()).channels).toBe(2);
    await expectHalves(path('gray-alpha.png'), [200, 200, 200], [40, 40, 40], 1);
  });

  it('PNG with a palette', async () => {
    await halves([255, 0, 0], [0, 0, 255]).png({ palette: true }).toFile(path('palette.png'));
    await expectHalves(path('palette.png'), [255, 0, 0], [0, 0, 255], 0);
  });

  it('CMYK JPEG', async () => {
    await halves([255, 255, 255], [0, 0, 0]).toColourspace('cmyk').jpeg({ quality: 100 }).toFile(path('cmyk.jpg'));
    expect((await sharp(path('cmyk.jpg')).metadata()).channels).toBe(4);
    // How dark black ink is depends on the printing profile; paper is white.
    await expectHalves(path('cmyk.jpg'), [255, 255, 255], [30, 30, 30], 30);
  });

  it('WebP without loss, TIFF', async () => {
    await halves([200, 40, 90], [10, 220, 130]).webp({ lossless: true }).toFile(path('photo.webp'));
    await expectHalves(path('photo.webp'), [200, 40, 90], [10, 220, 130], 0);
    await halves([200, 40, 90], [10, 220, 130]).tiff({ compression: 'lzw' }).toFile(path('photo.tiff'));
    await expectHalves(path('photo.tiff'), [200, 40, 90], [10, 220, 130], 0);
  });

  it('a colour profile is left aside', async () => {
    await halves([200, 40, 90], [10, 220, 130]).withIccProfile('p3').png().toFile(path('p3.png'));
    const stored = await sharp(path('p3.png'), { ignoreIcc: true }).raw().toBuffer();
    expect([...stored.subarray(0, 3)]).not.toEqual([200, 40, 90]);
    await expectHalves(path('p3.png'), [...stored.subarray(0, 3)], [...stored.subarray(69, 72)], 0);
  });
});

describe('orientation', () => {
  // Turned by 90 degrees: as stored 16 x 24, upright 24 x 16 with the left half on top.
  beforeAll(async () => {
    await halves([255, 0, 0], [0, 0, 255]).withMetadata({ orientation: 6 }).jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toFile(path('turned.jpg'));
  });

  it('is as stored unless asked for: masks belong to those pixels', async () => {
    await expectHalves(path('turned.jpg'), [255, 0, 0], [0, 0, 255], 2);
  });

  it('is upright where asked for', async () => {
    const { original, size, pixels } = await readPhoto(path('turned.jpg'), { ...native, upright: true });
    expect([original, size]).toEqual([[24, 16], [24, 16]]);
    // The corners, top left and right, then bottom left and right.
    const corners = [[0, [255, 0, 0]], [15, [255, 0, 0]], [23 * 16, [0, 0, 255]], [24 * 16 - 1, [0, 0, 255]]] as const;
    for (const [at, colour] of corners) colour.forEach((value, c) => { expect(Math.abs(pixels[3 * at + c] - value)).toBeLessThanOrEqual(2); });
  });

  it('upright makes no difference without EXIF data', async () => {
    await halves([1, 2, 3], [4, 5, 6]).png().toFile(path('plain.png'));
    expect(await readPhoto(path('plain.png'), { ...native, upright: true })).toEqual(await readPhoto(path('plain.png'), native));
  });
});

describe('sizes', () => {
  it('one pixel', async () => {
    await sharp(Uint8Array.of(9, 8, 7), { raw: { width: 1, height: 1, channels: 3 } }).png().toFile(path('pixel.png'));
    expect(await readPhoto(path('pixel.png'), native)).toMatchObject({ original: [1, 1], size: [1, 1], pixels: Buffer.from([9, 8, 7]) });
    const large = await readPhoto(path('pixel.png'), { ...native, input: { kind: 'short', pixels: 5 } });
    expect([...large.pixels]).toEqual(Array(25).fill([9, 8, 7]).flat());
  });

  it('resizes, keeping mean colours', async () => {
    const { size, pixels, original } = await readPhoto(path('rgb.jpg'), { ...native, input: { kind: 'fixed', size: [8, 6] } });
    expect([original, size]).toEqual([[16, 24], [8, 6]]);
    expect(pixels).toHaveLength(8 * 6 * 3);
    [200, 40, 90].forEach((value, c) => { expect(Math.abs(pixels[c] - value)).toBeLessThan(6); });
  });

  it('resizes gray pictures, with and without alpha', async () => {
    for (const name of ['gray.jpg', 'gray16.png', 'gray-alpha.png']) {
      const { pixels } = await readPhoto(path(name), { ...native, input: { kind: 'fixed', size: [5, 4] } });
      expect(pixels).toHaveLength(5 * 4 * 3);
      for (const value of pixels.subarray(0, 3)) expect(Math.abs(value - 200)).toBeLessThan(6);
    }
  });

  it('48 megapixels are held down to the limit', async () => {
    await sharp({ create: { width: 8000, height: 6000, channels: 3, background: { r: 30, g: 60, b: 90 } } }).jpeg().toFile(path('large.jpg'));
    const { original, size, limited, pixels } = await readPhoto(path('large.jpg'), native);
    expect([original, size, limited]).toEqual([[6000, 8000], [1773, 2364], true]);
    expect(pixels.length).toBe(1773 * 2364 * 3);
    [30, 60, 90].forEach((value, c) => { expect(Math.abs(pixels[c] - value)).toBeLessThanOrEqual(2); });
  });
});

describe('files that are no photographs', () => {
  async function refusal(name: string): Promise<string> {
    const error: unknown = await readPhoto(path(name), native).then(() => undefined, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).message;
  }

  it('a truncated JPEG or PNG is named, not filled with gray', async () => {
    const noisy = sharp({ create: { width: 64, height: 64, channels: 3, background: 'gray', noise: { type: 'gaussian', mean: 128, sigma: 50 } } });
    for (const [name, whole] of [['cut.jpg', await noisy.jpeg().toBuffer()], ['cut.png', await noisy.png().toBuffer()]] as const) {
      for (const share of [0.9, 0.5, 0.05]) {
        await writeFile(path(name), whole.subarray(0, Math.floor(whole.length * share)));
        expect(await refusal(name)).toContain(path(name));
      }
    }
  });

  it('text, an empty file, a missing file, a folder', async () => {
    await writeFile(path('text.jpg'), 'not a picture');
    await writeFile(path('empty.jpg'), '');
    for (const name of ['text.jpg', 'empty.jpg', 'missing.jpg', '']) {
      const message = await refusal(name);
      expect(message).toContain(path(name));
      expect(message).not.toContain('\n');
    }
  });

  it('a whole file is no such case', async () => {
    expect((await readFile(path('rgb.jpg'))).length).toBeGreaterThan(100);
    await expect(readPhoto(path('rgb.jpg'), native)).resolves.toBeDefined();
  });
});
