import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import sharp from 'sharp';
import { openPhoto } from '../../src/image/photo-file.js';
import { mapsToArray } from '../../src/maps/map-rows.js';
import { serializeModel } from '../../src/onnx/file/write.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import { loadStudent } from '../../src/student/load.js';
import { planStudent, scaledInputSize, StudentRunner } from '../../src/student/predict.js';
import type { StudentMaps } from '../../src/student/predict.js';
import type { StudentSettings } from '../../src/student/settings.js';
import { photograph } from '../pipeline/tiny.js';
import { tinyStudent, writeTinyStudent } from './tiny.js';

const plain: StudentSettings = { studentScales: [1], studentFlip: false, studentRefine: 'none', camWeight: 0 };
const [width, height] = [90, 60];
// The tiny student's input for a landscape photograph, and its cells.
const [inputHeight, inputWidth] = [32, 48];
const [rows, columns] = [8, 12];
const channels = [3, 8];

let folder: string;
let photo: string;
let model: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'student-'));
  [photo, model] = [join(folder, 'photo.jpg'), join(folder, 'student.onnx')];
  await writeFile(photo, await photograph(5, width, height));
  await writeTinyStudent(model);
});
afterAll(() => rm(folder, { recursive: true }));

async function predict(settings: StudentSettings, seeds?: Uint8Array): Promise<StudentMaps> {
  const runner = await StudentRunner.load(planStudent(await loadStudent(model), settings), ortRuntime, { threads: 1 });
  const maps = await runner.maps(await openPhoto(photo), channels, channels, seeds && { width, height, data: seeds });
  await runner.release();
  return maps;
}

/** The logits [21, rows, columns] of the photograph, mirrored or not, from pixels resized by sharp. */
async function logits(flip: boolean): Promise<Float32Array> {
  const image = sharp(photo, { ignoreIcc: true }).resize({ width: inputWidth, height: inputHeight, fit: 'fill', kernel: 'cubic' }).removeAlpha();
  const pixels = await image.raw().toBuffer();
  const input = new Float32Array(3 * inputHeight * inputWidth);
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < inputHeight; y++) {
      for (let x = 0; x < inputWidth; x++) {
        const value = pixels[3 * (y * inputWidth + x) + c];
        input[(c * inputHeight + y) * inputWidth + (flip ? inputWidth - 1 - x : x)] = (value / 255 - 0.5) / 0.25;
      }
    }
  }
  const session = await ortRuntime.load(serializeModel(tinyStudent()), { threads: 1 });
  const { logits: { dims, data } } = await session.run({ input: { type: 'float32', dims: [1, 3, inputHeight, inputWidth], data: input } });
  await session.release();
  expect(dims).toEqual([1, 21, rows, columns]);
  return data as Float32Array;
}

/** Probabilities [3][cells] of the background and the two classes, in double precision. */
function probabilities(data: Float32Array, flip: boolean): number[][] {
  const cells = rows * columns;
  const result: number[][] = [[], [], []];
  for (let i = 0; i < cells; i++) {
    const from = flip ? Math.floor(i / columns) * columns + columns - 1 - i % columns : i;
    const values = [0, ...channels].map((channel) => Math.exp(data[channel * cells + from]));
    const sum = values.reduce((a, b) => a + b);
    values.forEach((value, k) => { result[k].push(value / sum); });
  }
  return result;
}

/** Bilinear between cell centres, constant outside of them. */
function upsampled(map: readonly number[], y: number, x: number): number {
  const cell = (i: number, pixels: number, cells: number): [number, number, number] => {
    const at = Math.min(Math.max((i + 0.5) / pixels * cells - 0.5, 0), cells - 1);
    return [Math.floor(at), Math.min(Math.floor(at) + 1, cells - 1), at - Math.floor(at)];
  };
  const [top, bottom, down] = cell(y, height, rows);
  const [left, right, along] = cell(x, width, columns);
  return (1 - down) * ((1 - along) * map[top * columns + left] + along * map[top * columns + right])
    + down * ((1 - along) * map[bottom * columns + left] + along * map[bottom * columns + right]);
}

function largestDifference({ maps, background }: StudentMaps, expected: (k: number, y: number, x: number) => number): number {
  const all = [background, ...channels.map((_, k) => mapsToArray(maps).subarray(k * height * width, (k + 1) * height * width))];
  let difference = 0;
  all.forEach((map, k) => {
    map.forEach((value, i) => { difference = Math.max(difference, Math.abs(value - expected(k, Math.floor(i / width), i % width))); });
  });
  return difference;
}

describe('StudentRunner', () => {
  it('gives the softmax over the background and the photograph\'s classes, upsampled', async () => {
    const cells = probabilities(await logits(false), false);
    expect(largestDifference(await predict(plain), (k, y, x) => upsampled(cells[k], y, x))).toBeLessThan(1e-5);
  });

  it('averages the photograph and its mirror image, and adds other seeds', async () => {
    const views = [probabilities(await logits(false), false), probabilities(await logits(true), true)];
    const mean = (k: number, y: number, x: number): number => (upsampled(views[0][k], y, x) + upsampled(views[1][k], y, x)) / 2;
    expect(largestDifference(await predict({ ...plain, studentFlip: true }), mean)).toBeLessThan(1e-5);
    // Left: class 8, the second one; middle: ignored; right: background.
    const seeds = Uint8Array.from({ length: width * height }, (_, i) => [8, 255, 0][Math.floor((i % width) / 30)]);
    const added = (k: number, y: number, x: number): number => {
      const own = [2, -1, 0][Math.floor(x / 30)];
      return own < 0 ? mean(k, y, x) : (mean(k, y, x) + (k === own ? 0.5 : 0)) / 1.5;
    };
    expect(largestDifference(await predict({ ...plain, studentFlip: true, camWeight: 0.5 }, seeds), added)).toBeLessThan(1e-5);
  });
});

describe('scaledInputSize', () => {
  it('puts the long side along that of the photograph, and rounds scaled sides to whole cells of stride 32', () => {
    const sides = { short: 320, long: 448 };
    expect(scaledInputSize([375, 500], sides, 1)).toEqual([320, 448]);
    expect(scaledInputSize([500, 375], sides, 1)).toEqual([448, 320]);
    // 320 * 1.25 = 400 -> 12.5 cells, 448 * 1.25 = 560 -> 17.5 cells.
    expect(scaledInputSize([375, 500], sides, 1.25)).toEqual([416, 576]);
    expect(scaledInputSize([375, 500], sides, 0.01)).toEqual([32, 32]);
  });
});
