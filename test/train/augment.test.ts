import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Augmentation, SampleDraw } from '../../src/train/augment.js';
import { drawSample, readSample, visibleRegion, writeSample } from '../../src/train/augment.js';
import type { Normalisation } from '../../src/image/normalise.js';
import { readPhoto } from '../../src/image/photo.js';
import { uniform } from '../random.js';

const plain: Normalisation = { channelOrder: 'rgb', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] };
const still: Augmentation = { crop: 8, resize: [8, 8], flip: false, jitter: { brightness: 0, contrast: 0, saturation: 0 } };
const limit = 2 ** 22;

/** Hands out these numbers, and throws for one more. */
function scripted(...values: number[]): () => number {
  return () => {
    const value = values.shift();
    if (value === undefined) throw new Error('no number is left');
    return value;
  };
}

describe('drawSample', () => {
  it('by hand: size, place, mirror, factors and order', () => {
    const augmentation: Augmentation = { crop: 100, resize: [150, 250], flip: true, jitter: { brightness: 0.4, contrast: 0.2, saturation: 0 } };
    // Short side 150 + floor(0.5 * 101) = 200, so 200 x 400 of 300 x 600; the shape stays whatever 0.9 says.
    // Corner y: -100 + floor(0.25 * 101) = -75; x: -300 + floor(0.999 * 301) = 0. Mirrored, since 0.49 < 0.5.
    // Brightness 0.6 + 0.8 * 0.75 = 1.2; contrast 0.8 + 0.4 * 0 = 0.8. Shuffling two: i = 1 changes places with floor(0.1 * 2) = 0.
    const draw = drawSample([300, 600], augmentation, scripted(0.5, 0.9, 0.25, 0.999, 0.49, 0.75, 0, 0.1), limit);
    expect(draw).toMatchObject({ resized: [200, 400], corner: [-75, 0], flip: true });
    expect(draw.adjustments.map(({ kind }) => kind)).toEqual(['contrast', 'brightness']);
    expect(draw.adjustments[0].factor).toBeCloseTo(0.8, 12);
    expect(draw.adjustments[1].factor).toBeCloseTo(1.2, 12);
    expect(draw.erased).toBeUndefined();
  });

  it('by hand: the ratio of sides', () => {
    // exp(1 * ln 4 / 2) = 2 nearly: 300 x 300 becomes as 150 x 600, with a short side of 50; with 0 it is 600 x 150.
    const augmentation = { ...still, crop: 1, resize: [50, 50], aspect: 4 } as const;
    expect(drawSample([300, 300], augmentation, scripted(0, 1 - 1e-12, 0, 0), limit).resized).toEqual([50, 200]);
    expect(drawSample([300, 300], augmentation, scripted(0, 0, 0, 0), limit).resized).toEqual([200, 50]);
    expect(drawSample([300, 300], augmentation, scripted(0, 0.5, 0, 0), limit).resized).toEqual([50, 50]);
  });

  it('by hand: an erased rectangle', () => {
    // Area 0.02 + 0.5 * 0.28 = 0.16 of 100 x 100 = 1600, ratio exp(0) = 1: 40 x 40 at floor(0.5 * 61) = 30 and floor(0 * 61) = 0.
    const augmentation = { ...still, crop: 100, resize: [100, 100], erase: { probability: 0.5, area: [0.02, 0.3] } } as const;
    const erased = (...random: number[]) => drawSample([100, 100], augmentation, scripted(0, 0, 0, 0, ...random), limit).erased;
    expect(erased(0.49, 0.5, 0.5, 0.5, 0)).toEqual({ top: 30, left: 0, height: 40, width: 40 });
    expect(erased(0.5)).toBeUndefined();
  });

  it('a photograph smaller than the crop gets a place in it', () => {
    // 50 x 25 of 100 x 50: y from 0 to 10, x from 0 to 35.
    const augmentation = { ...still, crop: 60, resize: [25, 25] } as const;
    expect(drawSample([100, 50], augmentation, scripted(0, 0, 0, 0), limit)).toMatchObject({ resized: [50, 25], corner: [0, 0] });
    expect(drawSample([100, 50], augmentation, scripted(0, 0, 0.9999, 0.9999), limit)).toMatchObject({ corner: [10, 35] });
  });

  it('holds a strip down to the limit of pixels', () => {
    const { resized } = drawSample([1, 100_000], { ...still, resize: [256, 256] }, () => 0, 10_000);
    expect(resized[0] * resized[1]).toBeLessThanOrEqual(10_000);
    expect(Math.min(...resized)).toBe(1);
  });

  it('stays in its ranges, and reaches their ends', () => {
    const random = uniform(3);
    const augmentation: Augmentation = {
      crop: 20, resize: [16, 24], aspect: 1.5, flip: true, jitter: { brightness: 0.3, contrast: 1, saturation: 0.1 },
      erase: { probability: 0.25, area: [0.1, 0.2] },
    };
    const draws = Array.from({ length: 4000 }, () => drawSample([300, 400], augmentation, random, limit));
    const shorts = draws.map(({ resized }) => Math.min(...resized));
    expect(new Set(shorts)).toEqual(new Set([16, 17, 18, 19, 20, 21, 22, 23, 24]));
    // A quarter and a half of 4000 draws, with deviations of 27 and 32.
    expect(Math.abs(draws.filter(({ erased }) => erased !== undefined).length - 1000)).toBeLessThan(4 * 27);
    expect(Math.abs(draws.filter(({ flip }) => flip).length - 2000)).toBeLessThan(4 * 32);
    // Six orders, each 667 times with a deviation of 24.
    const orders = new Map<string, number>();
    for (const { adjustments } of draws) {
      const order = adjustments.map(({ kind }) => kind).join();
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    expect(orders.size).toBe(6);
    for (const times of orders.values()) expect(Math.abs(times - 667)).toBeLessThan(4 * 24);
    for (const [kind, strength] of Object.entries(augmentation.jitter)) {
      const factors = draws.map(({ adjustments }) => adjustments.find((own) => own.kind === kind)!.factor);
      for (const [end, sign] of [[Math.min(...factors), -1], [Math.max(...factors), 1]]) {
        expect(sign * (end - 1)).toBeLessThanOrEqual(strength);
        expect(sign * (end - 1)).toBeGreaterThan(0.99 * strength);
      }
    }
    for (const { resized, corner, erased } of draws) {
      const ratio = resized[1] / resized[0] / (4 / 3);
      // Sides are rounded, by as much as half a pixel of 16.
      expect(Math.abs(Math.log(ratio))).toBeLessThanOrEqual(Math.log(1.5) + 0.06);
      for (const axis of [0, 1]) {
        const room = augmentation.crop - resized[axis];
        expect(corner[axis]).toBeGreaterThanOrEqual(Math.min(0, room));
        expect(corner[axis]).toBeLessThanOrEqual(Math.max(0, room));
      }
      if (erased === undefined) continue;
      expect(erased.top + erased.height).toBeLessThanOrEqual(20);
      expect(erased.left + erased.width).toBeLessThanOrEqual(20);
      // Each side is rounded by at most half a pixel; the area 40..80 lies between sides of 3 and 17.
      expect(Math.abs(erased.height * erased.width - 60)).toBeLessThan(20 + 10);
    }
  });
});

describe('visibleRegion', () => {
  it.each([
    // The crop lies in the photograph.
    [{ resized: [10, 12], corner: [-2, -3] }, { top: 2, left: 3, height: 6, width: 6 }],
    // The photograph lies in the crop.
    [{ resized: [4, 3], corner: [1, 3] }, { top: 0, left: 0, height: 4, width: 3 }],
    // Higher than the crop, narrower than it.
    [{ resized: [9, 5], corner: [-3, 1] }, { top: 3, left: 0, height: 6, width: 5 }],
  ] as const)('%j in a crop of 6', (draw, region) => {
    expect(visibleRegion(draw, 6)).toEqual(region);
  });
});

describe('writeSample', () => {
  // One row of two pixels in a crop of 3, at row 1 and column 0: red 10 and 20, green 30 and 40, blue 50 and 60.
  const pixels = Uint8Array.of(10, 30, 50, 20, 40, 60);
  const draw: SampleDraw = { resized: [1, 2], corner: [1, 0], flip: false, adjustments: [] };
  const written = (changes: Partial<SampleDraw>, normalisation = plain): number[] => {
    const into = new Float32Array(27).fill(9);
    writeSample(pixels, { ...draw, ...changes }, 3, normalisation, into);
    return [...into];
  };

  it('puts the photograph in its place, and 0 around it', () => {
    expect(written({})).toEqual([0, 0, 0, 10, 20, 0, 0, 0, 0, 0, 0, 0, 30, 40, 0, 0, 0, 0, 0, 0, 0, 50, 60, 0, 0, 0, 0]);
  });

  it('mirrors the crop as a whole', () => {
    expect(written({ flip: true })).toEqual([0, 0, 0, 0, 20, 10, 0, 0, 0, 0, 0, 0, 0, 40, 30, 0, 0, 0, 0, 0, 0, 0, 60, 50, 0, 0, 0]);
  });

  it('erases after mirroring, in all channels', () => {
    const erased = { top: 0, left: 2, height: 2, width: 1 };
    expect(written({ erased })).toEqual(written({}));
    expect(written({ erased, flip: true })).toEqual([0, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0, 0, 60, 0, 0, 0, 0]);
  });

  it('normalises what the photograph covers, and nothing else', () => {
    const values = written({ adjustments: [{ kind: 'brightness', factor: 2 }] }, { channelOrder: 'bgr', scale: 1, mean: [100, 50, 10], std: [1, 2, 1] });
    // Doubled: blue 100 and 120, green 60 and 80, red 20 and 40.
    expect(values).toEqual([0, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 5, 15, 0, 0, 0, 0, 0, 0, 0, 10, 30, 0, 0, 0, 0]);
  });
});

describe('readSample', () => {
  let folder: string;
  let gradient: string;
  // Red is 10 times the column, green 10 times the row, blue the same everywhere.
  const [height, width] = [16, 20];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'voc-seeds-augment-'));
    gradient = join(folder, 'gradient.png');
    const pixels = Uint8Array.from(Array.from({ length: height * width }, (_, i) => [10 * (i % width), 10 * Math.floor(i / width), 77]).flat());
    await sharp(pixels, { raw: { width, height, channels: 3 } }).png().toFile(gradient);
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function read(augmentation: Augmentation, ...random: number[]): Promise<(channel: number, y: number, x: number) => number> {
    const { crop } = augmentation;
    const into = new Float32Array(3 * crop * crop);
    await readSample(gradient, { augmentation, normalisation: plain, maxPixels: limit }, scripted(...random), into);
    return (channel, y, x) => into[(channel * crop + y) * crop + x];
  }

  it('cuts out the crop: at its own size every pixel is known', async () => {
    // Rows from floor(0.5 * 9) - 8 = -4, columns from floor(0.25 * 13) - 12 = -9.
    const at = await read({ ...still, resize: [16, 16] }, 0, 0, 0.5, 0.25);
    for (let y = 0; y < 8; y++) {
      for (let x = 0; x < 8; x++) expect([at(0, y, x), at(1, y, x), at(2, y, x)]).toEqual([10 * (9 + x), 10 * (4 + y), 77]);
    }
  });

  it('mirrors it', async () => {
    const at = await read({ ...still, resize: [16, 16], flip: true }, 0, 0, 0.5, 0.25, 0);
    for (let y = 0; y < 8; y++) {
      for (let x = 0; x < 8; x++) expect([at(0, y, x), at(1, y, x)]).toEqual([10 * (16 - x), 10 * (4 + y)]);
    }
  });

  it.each([[32, 16], [24, 10], [8, 6], [12, 12]])('resized to %i: a gradient stays one, cut at its place', async (short, crop) => {
    const scale = short / height;
    const place = (side: number, random: number): number => crop - side + Math.floor(random * (side - crop + 1));
    const [top, left] = [place(short, 0.5), place(Math.round(width * scale), 0.3)];
    const at = await read({ ...still, crop, resize: [short, short] }, 0, 0, 0.5, 0.3);
    // The centre of a pixel, in the photograph; away from the edges, where the filter sees what is not there.
    const source = (position: number): number => (position + 0.5) / scale - 0.5;
    // libvips places an enlarged picture half a pixel off; another pixel's value differs by 10 / scale.
    const tolerance = 1 + (scale > 1 ? 5 / scale : 0);
    let compared = 0;
    for (let y = 0; y < crop; y++) {
      for (let x = 0; x < crop; x++) {
        const [row, column] = [source(y - top), source(x - left)];
        if (row < 3 || row > height - 4 || column < 3 || column > width - 4) continue;
        expect(Math.abs(at(0, y, x) - 10 * column)).toBeLessThanOrEqual(tolerance);
        expect(Math.abs(at(1, y, x) - 10 * row)).toBeLessThanOrEqual(tolerance);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(8);
  });

  it('a crop of a JPEG that is shrunk while it is decoded has the pixels that the whole photograph would have', async () => {
    const path = join(folder, 'large.jpg');
    await sharp(gradient).resize({ width: 400, height: 320, fit: 'fill' }).jpeg({ quality: 95 }).toFile(path);
    const whole = await readPhoto(path, { input: { kind: 'fixed', size: [64, 80] }, maxPixels: limit });
    const into = new Float32Array(3 * 32 * 32);
    // Rows from floor(0.25 * 33) - 32 = -24, columns from floor(0.5 * 49) - 48 = -24.
    const augmentation: Augmentation = { ...still, crop: 32, resize: [64, 64] };
    await readSample(path, { augmentation, normalisation: plain, maxPixels: limit }, scripted(0, 0, 0.25, 0.5), into);
    for (let y = 0; y < 32; y++) {
      for (let x = 0; x < 32; x++) {
        for (const channel of [0, 1, 2]) expect(into[(channel * 32 + y) * 32 + x]).toBe(whole.pixels[((24 + y) * 80 + 24 + x) * 3 + channel]);
      }
    }
  });

  it('a photograph smaller than the crop is surrounded by 0', async () => {
    // 4 x 5 in a crop of 8: from row floor(0.99 * 5) = 4 and column floor(0 * 4) = 0.
    const at = await read({ ...still, resize: [4, 4] }, 0, 0, 0.99, 0);
    for (let y = 0; y < 8; y++) {
      for (let x = 0; x < 8; x++) expect(at(2, y, x)).toBe(y >= 4 && x < 5 ? 77 : 0);
    }
  });

  it('names a file that it cannot read, and leaves the tensor as it is', async () => {
    const path = join(folder, 'wrong.jpg');
    await writeFile(path, 'no photograph');
    const into = new Float32Array(3 * 64).fill(3);
    const reading = readSample(path, { augmentation: still, normalisation: plain, maxPixels: limit }, () => 0, into);
    await expect(reading).rejects.toThrow(`cannot read the photograph ${path}: `);
    expect(into.every((value) => value === 3)).toBe(true);
  });
});
