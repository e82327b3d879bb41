import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import type { LabelMap } from '../../src/voc/label-map.js';
import { decodeMask, encodeMask, readMask, writeMask } from '../../src/voc/masks.js';

const fixtures = fileURLToPath(new URL('../fixtures/voc/', import.meta.url));
const real = resolve(fixtures, '../../../../shared/voc/VOCdevkit/VOC2012/SegmentationClass');

interface Expected { width: number; height: number; labels: number[] }
/** Labels as Pillow reads them: see make_masks.py. */
const expected = JSON.parse(readFileSync(join(fixtures, 'masks.json'), 'utf8')) as
  { labels: Record<string, Expected>; coloured: Record<string, Expected> };

const fixture = (file: string): string => join(fixtures, 'masks', file);
const plain = ({ width, height, data }: LabelMap): Expected => ({ width, height, labels: [...data] });

/** Labels 0..20 and 255 in a 6 x 4 picture, the last two pixels background. */
const map = { width: 6, height: 4, data: Uint8Array.from([...Array(21).keys(), 255, 0, 0]) };

describe('reading', () => {
  it.each(Object.keys(expected.labels))('%s holds the labels that Pillow reads', async (file) => {
    expect(plain(await readMask(fixture(file)))).toEqual(expected.labels[file]);
  });

  it.each(Object.keys(expected.coloured))('%s is refused, and converted by the VOC palette when asked to', async (file) => {
    await expect(readMask(fixture(file))).rejects.toMatchObject({
      name: 'UserError', message: expect.stringContaining(file), hint: expect.stringContaining('--rgb-masks voc'),
    });
    expect(plain(await readMask(fixture(file), { rgb: 'voc' }))).toEqual(expected.coloured[file]);
  });

  it.each([
    ['rgb-foreign-colour.png', 'x 2, y 1 has the colour (128, 64, 3)'],
    ['rgba-translucent.png', 'x 2, y 1 has the colour (128, 0, 0, 100)'],
    ['gray-alpha.png', 'grayscale with transparency'],
    ['gray16.png', '16 bits'],
    ['photo.jpg', 'it is a JPEG'],
    ['no-such-mask.png', 'does not exist'],
  ])('%s is refused by name: %s', async (file, reason) => {
    const error = await readMask(fixture(file), { rgb: 'voc' }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toContain(file);
    expect((error as UserError).message).toContain(reason);
  });
});

describe('broken files', () => {
  const whole = readFileSync(fixture('palette8.png'));
  const refusal = (bytes: Uint8Array): UserError => {
    try {
      decodeMask(bytes, 'broken.png');
    } catch (error) {
      expect(error).toBeInstanceOf(UserError);
      return error as UserError;
    }
    throw new Error('the broken file was accepted');
  };

  it('a file cut at any byte is refused with its name', () => {
    for (let length = 0; length < whole.length; length++) {
      expect(refusal(whole.subarray(0, length)).message).toMatch(/^mask broken\.png cannot be read: /);
    }
  });

  it('a file with any byte changed is refused', () => {
    for (let at = 0; at < whole.length; at++) {
      const bytes = Uint8Array.from(whole);
      bytes[at] ^= 0x55;
      expect(refusal(bytes).message).toContain('broken.png');
    }
  });

  it.each([
    ['broken-filter.png', 'unknown row filter 9'], ['broken-rows.png', 'pixels are missing'], ['broken-zlib.png', 'its pixels cannot be decompressed'],
    ['broken-size.png', 'its pixels cannot be decompressed'], ['broken-no-size.png', 'its header breaks the format'],
    ['broken-depth.png', 'its header breaks the format'],
  ])('%s, whose checksums are right, is refused: %s', (file, reason) => {
    expect(refusal(readFileSync(fixture(file))).message).toBe(`mask broken.png cannot be read: the PNG is corrupt: ${reason}`);
  });

  it('says what is wrong', () => {
    expect(refusal(new Uint8Array()).message).toContain('the file is empty');
    expect(refusal(new TextEncoder().encode('not found, sorry')).message).toContain('it is not a PNG');
    expect(refusal(whole.subarray(0, whole.length - 12)).message).toContain('cut short');
  });
});

describe('writing', () => {
  let folder: string;
  beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'masks-')); });
  afterAll(() => rm(folder, { recursive: true }));

  it('palette: sharp (libpng) sees an 8-bit indexed PNG whose colours are those published for VOC', async () => {
    const image = sharp(encodeMask(map, 'palette'));
    expect(await image.metadata()).toMatchObject({ width: 6, height: 4, isPalette: true, bitsPerSample: 8 });
    const { data, info } = await image.removeAlpha().raw().toBuffer({ resolveWithObject: true });
    expect(info.channels).toBe(3);
    const colourOf = (label: number): number[] => [...data.subarray(map.data.indexOf(label) * 3, map.data.indexOf(label) * 3 + 3)];
    // The colours of the devkit's own table.
    expect(colourOf(0)).toEqual([0, 0, 0]);
    expect(colourOf(1)).toEqual([128, 0, 0]);
    expect(colourOf(8)).toEqual([64, 0, 0]);
    expect(colourOf(15)).toEqual([192, 128, 128]);
    expect(colourOf(20)).toEqual([0, 64, 128]);
    expect(colourOf(255)).toEqual([224, 224, 192]);
  });

  it('gray: sharp reads the labels', async () => {
    const image = sharp(encodeMask(map, 'gray'));
    expect(await image.metadata()).toMatchObject({ width: 6, height: 4, isPalette: false, channels: 1, depth: 'uchar' });
    const { data, info } = await image.toColourspace('b-w').raw().toBuffer({ resolveWithObject: true });
    expect(info.channels).toBe(1);
    expect([...data]).toEqual([...map.data]);
  });

  it.each(['palette', 'gray'] as const)('%s: what is written is read again, missing folders are made', async (format) => {
    const path = join(folder, format, 'deep', 'mask.png');
    await writeMask(path, map, format);
    expect(plain(await readMask(path))).toEqual(plain(map));
    expect(await readdir(join(folder, format, 'deep'))).toEqual(['mask.png']);
  });

  it('refuses a map whose data does not fill it', () => {
    expect(() => encodeMask({ width: 6, height: 5, data: map.data }, 'gray')).toThrow(RangeError);
    expect(() => encodeMask({ width: 0, height: 0, data: new Uint8Array() }, 'gray')).toThrow(RangeError);
  });
});

describe.skipIf(!existsSync(real))('the official masks in ../shared', () => {
  it('survive both formats, and their palette is ours', async () => {
    const files = (await readdir(real)).slice(0, 25);
    expect(files).toHaveLength(25);
    for (const file of files) {
      const bytes = await readFile(join(real, file));
      const mask = decodeMask(bytes, file);
      const official = await sharp(bytes).removeAlpha().raw().toBuffer();
      const ours = await sharp(encodeMask(mask, 'palette')).removeAlpha().raw().toBuffer();
      expect(ours.equals(official), `${file} in colours`).toBe(true);
      expect(Buffer.from(decodeMask(encodeMask(mask, 'gray'), file).data).equals(mask.data), `${file} in gray`).toBe(true);
    }
  });
});
