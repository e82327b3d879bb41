import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { deflateSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { UserError } from '../../src/errors.js';
import { crc32 } from '../../src/formats/png/crc32.js';
import type { LabelMap } from '../../src/datasets/label-map.js';
import { decodeMask, encodeMask, readMask, writeMask } from '../../src/datasets/masks.js';

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
      name: 'UserError', message: expect.stringContaining(file), hint: expect.stringContaining('--rgb-masks palette'),
    });
    expect(plain(await readMask(fixture(file), { rgb: 'palette' }))).toEqual(expected.coloured[file]);
  });

  it.each([
    ['rgb-foreign-colour.png', 'x 2, y 1 has the colour (128, 64, 3)'],
    ['rgba-translucent.png', 'x 2, y 1 has the colour (128, 0, 0, 100)'],
    ['gray-alpha.png', 'grayscale with transparency'],
    ['gray16.png', '16 bits'],
    ['photo.jpg', 'it is a JPEG'],
    ['no-such-mask.png', 'does not exist'],
  ])('%s is refused by name: %s', async (file, reason) => {
    const error = await readMask(fixture(file), { rgb: 'palette' }).catch((thrown: unknown) => thrown);
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
    ['broken-no-size.png', 'its header is invalid'],
    ['broken-depth.png', 'its header is invalid'],
  ])('%s, whose checksums are right, is refused: %s', (file, reason) => {
    expect(refusal(readFileSync(fixture(file))).message).toBe(`mask broken.png cannot be read: the PNG is corrupt: ${reason}`);
  });

  it('says what is wrong', () => {
    expect(refusal(new Uint8Array()).message).toContain('the file is empty');
    expect(refusal(new TextEncoder().encode('not found, sorry')).message).toContain('it is not a PNG');
    expect(refusal(whole.subarray(0, whole.length - 12)).message).toContain('cut short');
  });
});

/** See make_palettes.py: what was painted, by Pillow's and by hand-made palettes. */
const palettes = JSON.parse(readFileSync(join(fixtures, 'palettes.json'), 'utf8')) as Record<'moved' | 'kept', Record<string, number[]>>;

describe('palettes', () => {
  const palette = (file: string): string => join(fixtures, 'palettes', file);

  it.each(Object.keys(palettes.moved))('%s, VOC\'s colours in another order, is refused, and read by colour when asked to', async (file) => {
    await expect(readMask(palette(file))).rejects.toMatchObject({
      name: 'UserError', message: expect.stringMatching(`${file}: its palette has VOC's colours in another order`), hint: expect.stringContaining('--rgb-masks palette'),
    });
    expect([...(await readMask(palette(file), { rgb: 'palette' })).data]).toEqual(palettes.moved[file]);
  });

  it('names the index, the colour and the label', async () => {
    await expect(readMask(palette('swapped.png'))).rejects.toThrow('the index 1 has the colour (0, 128, 0), which is VOC\'s colour of bicycle (2)');
  });

  it.each(Object.keys(palettes.kept))('%s: the indices are the labels', async (file) => {
    expect([...(await readMask(palette(file))).data]).toEqual(palettes.kept[file]);
  });

  // Two colours, black and white, may mean background and void: that is what --rgb-masks palette is for.
  it.each(Object.keys(palettes.kept).filter((file) => !/black/.test(file)))('%s: also where other masks are in colours', async (file) => {
    expect([...(await readMask(palette(file), { rgb: 'palette' })).data]).toEqual(palettes.kept[file]);
  });

  it('white is void in a mask that has a black background, and is said to be', async () => {
    expect((await readMask(palette('white-void.png'), { rgb: 'palette' })).whiteVoid).toBe(true);
    expect((await readMask(palette('quantize.png'), { rgb: 'palette' })).whiteVoid).toBeUndefined();
    const colours = (pixels: number[][]): Promise<Buffer> => (
      sharp(Uint8Array.from(pixels.flat()), { raw: { width: pixels.length, height: 1, channels: 3 } }).png().toBuffer());
    const [black, white, person] = [[0, 0, 0], [255, 255, 255], [192, 128, 128]];
    expect(decodeMask(await colours([black, white, person]), 'a.png', { rgb: 'palette' })).toMatchObject({ data: Uint8Array.of(0, 255, 15), whiteVoid: true });
    const lonely = await colours([person, white]);
    expect(() => decodeMask(lonely, 'a.png', { rgb: 'palette' })).toThrow(expect.objectContaining({
      message: expect.stringContaining('x 1, y 0 has the colour (255, 255, 255)'), hint: expect.stringContaining('White is read as void only if'),
    }));
  });

  it('a colour that is no label\'s is refused where the palette is read by colour', () => {
    const moved = pngOf({ width: 4, height: 1, type: 3, rows: [0, 0, 1, 2, 3], palette: [0, 0, 0, 128, 128, 0, 192, 128, 128, 9, 9, 9] });
    expect(() => decodeMask(moved, 'a.png', { rgb: 'palette' })).toThrow('the index 3 has the colour (9, 9, 9), which is not in the VOC palette');
  });

  it('an index without a colour is refused, except void, and so is a palette image without a palette', () => {
    const rows = (index: number): number[] => [0, 1, index];
    const of = (index: number, palette?: number[]): LabelMap => decodeMask(pngOf({ width: 2, height: 1, type: 3, rows: rows(index), palette }), 'a.png');
    expect([...of(255, [0, 0, 0, 128, 0, 0]).data]).toEqual([1, 255]);
    expect(() => of(2, [0, 0, 0, 128, 0, 0])).toThrow('it uses the index 2, but its palette has only 2 colours');
    expect(() => of(1)).toThrow('it has no palette');
    expect(() => of(1, [0, 0, 0, 1])).toThrow('its palette has the wrong length');
  });
});

describe('.npy', () => {
  /** As numpy.save writes it: format version 1.0. */
  function npy(descr: string, shape: number[], content: ArrayBufferView): Uint8Array {
    const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
    const length = Math.ceil((11 + header.length) / 64) * 64 - 10;
    const start = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, length & 255, length >> 8]);
    return Buffer.concat([start, Buffer.from(header.padEnd(length - 1) + '\n'), Buffer.from(content.buffer, content.byteOffset, content.byteLength)]);
  }

  it.each([
    ['|u1', [2, 3], Uint8Array.of(0, 1, 20, 255, 15, 0)], ['<i8', [2, 3], BigInt64Array.of(0n, 1n, 20n, 255n, 15n, 0n)],
    ['<u2', [2, 3, 1], Uint16Array.of(0, 1, 20, 255, 15, 0)], ['<i4', [1, 2, 3], Int32Array.of(0, 1, 20, 255, 15, 0)],
  ] as const)('integers %s [%s] are labels', (descr, shape, values) => {
    expect(plain(decodeMask(npy(descr, [...shape], values), 'a.npy'))).toEqual({ width: 3, height: 2, labels: [0, 1, 20, 255, 15, 0] });
  });

  it.each([
    ['<f4', [1, 2], Float32Array.of(0, 1), 'contains floating-point numbers, not labels'], ['|b1', [1, 2], Uint8Array.of(0, 1), 'contains booleans, not labels'],
    ['|u1', [2], Uint8Array.of(0, 1), 'has the shape (2), not (height, width)'], ['<i2', [1, 2], Int16Array.of(0, -1), 'has the value -1 at x 1, y 0'],
    ['<i2', [1, 2], Int16Array.of(300, 0), 'has the value 300 at x 0, y 0'], ['|u1', [2, 2], Uint8Array.of(0, 1), 'cut short'],
    ['|u1', [90000, 90000], Uint8Array.of(0), 'more than the limit of 67108864 pixels'],
  ] as const)('%s [%s] is refused', (descr, shape, values, reason) => {
    expect(() => decodeMask(npy(descr, [...shape], values), 'a.npy')).toThrow(reason);
  });
});

describe('files that would take too much', () => {
  afterEach(() => { vi.unstubAllEnvs(); });

  it('more pixels than the limit are refused before anything is unpacked; the limit can be raised', () => {
    const large = readFileSync(fixture('broken-size.png'));
    expect(() => decodeMask(large, 'a.png')).toThrow(expect.objectContaining({
      message: 'mask a.png has 2147483647 x 2147483647 pixels, more than the limit of 67108864 pixels', hint: expect.stringContaining('VOC_SEEDS_MAX_MASK_PIXELS'),
    }));
    vi.stubEnv('VOC_SEEDS_MAX_MASK_PIXELS', '5');
    const mask = pngOf({ width: 2, height: 3, type: 0, rows: [0, 1, 2, 0, 3, 4, 0, 5, 6] });
    expect(() => decodeMask(mask, 'a.png')).toThrow('mask a.png has 2 x 3 pixels, more than the limit of 5 pixels');
    vi.stubEnv('VOC_SEEDS_MAX_MASK_PIXELS', '6');
    expect([...decodeMask(mask, 'a.png').data]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('pixels that unpack to more than the header says, millions of chunks and empty blocks end soon', () => {
    const header = { width: 2, height: 1, type: 0 };
    const start = performance.now();
    expect(() => decodeMask(pngOf({ ...header, packed: [deflateSync(new Uint8Array(3e8))] }), 'a.png')).toThrow('cannot be decompressed');
    const packed = deflateSync(Uint8Array.of(0, 7, 8));
    const pieces = [...packed].map((byte) => Uint8Array.of(byte));
    expect([...decodeMask(pngOf({ ...header, packed: [...pieces, ...Array<Uint8Array>(3e5).fill(new Uint8Array())] }), 'a.png').data]).toEqual([7, 8]);
    const empty = Buffer.concat([Buffer.from([0x78, 1]), Buffer.alloc(5e6, Buffer.from([0, 0, 0, 255, 255]))]);
    expect(() => decodeMask(pngOf({ ...header, packed: [empty] }), 'a.png')).toThrow('cannot be decompressed');
    expect(performance.now() - start).toBeLessThan(20_000);
  });
});

/** A PNG of 8 bits per sample by the specification, its rows with their filter bytes. */
function pngOf({ width, height, type, rows = [], palette, packed = [deflateSync(Uint8Array.from(rows))] }: {
  width: number; height: number; type: number; rows?: number[]; palette?: number[]; packed?: Uint8Array[];
}): Uint8Array {
  const chunk = (name: string, body: Uint8Array): Buffer => {
    const out = Buffer.concat([Buffer.alloc(4), Buffer.from(name), body, Buffer.alloc(4)]);
    out.writeUInt32BE(body.length, 0);
    out.writeUInt32BE(crc32(out.subarray(4, -4)), out.length - 4);
    return out;
  };
  const header = Buffer.from([0, 0, 0, width, 0, 0, 0, height, 8, type, 0, 0, 0]);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', header), ...palette === undefined ? [] : [chunk('PLTE', Uint8Array.from(palette))],
    ...packed.map((body) => chunk('IDAT', body)), chunk('IEND', new Uint8Array()),
  ]);
}

describe('what lies in place of a mask', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'masks-'));
    for (const name of ['a.jpg', 'b.mat', 'c.tif', 'd.txt']) await writeFile(join(folder, name), '');
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each([['a', 'a.jpg: label masks must be PNG'], ['b', 'b.mat: MATLAB files are not supported'], ['c', 'c.tif: label masks must be PNG']])('%s: it is named', async (id, hint) => {
    await expect(readMask(join(folder, `${id}.png`))).rejects.toMatchObject({ message: expect.stringContaining('does not exist'), hint: expect.stringContaining(hint) });
  });

  it('nothing is said of other files, and a folder is no mask', async () => {
    await expect(readMask(join(folder, 'd.png'))).rejects.toMatchObject({ hint: undefined });
    await expect(readMask(folder)).rejects.toThrow('is a folder');
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
