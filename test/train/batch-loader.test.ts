import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { UserError } from '../../src/errors.js';
import { BatchLoader } from '../../src/train/batch-loader.js';
import type { Batch, BatchLoaderOptions, TrainingSample } from '../../src/train/batch-loader.js';
import { uniform } from '../random.js';

const COUNT = 14;
let folder: string;
let samples: TrainingSample[];
let corrupt: TrainingSample;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-batches-'));
  const random = uniform(1);
  samples = [];
  for (let i = 0; i < COUNT; i++) {
    const [width, height] = [24 + i, 20 + (i * 5) % 13];
    // Green names the photograph; the rest is noise.
    const pixels = Uint8Array.from({ length: 3 * width * height }, (_, at) => (at % 3 === 1 ? 10 * (i + 1) : 256 * random()));
    const path = join(folder, `photo${i}.png`);
    await sharp(pixels, { raw: { width, height, channels: 3 } }).png().toFile(path);
    samples.push({ path, labels: i % 4 === 0 ? [0, 2] : i % 4 === 1 ? [1] : i % 4 === 2 ? [2] : [] });
  }
  corrupt = { path: join(folder, 'corrupt.jpg'), labels: [1, 2] };
  await writeFile(corrupt.path, 'no photograph');
});
afterAll(() => rm(folder, { recursive: true }));

function open(changes: Partial<BatchLoaderOptions> = {}): BatchLoader {
  const loader = BatchLoader.create({
    samples, classCount: 3, batchSize: 4, seed: 5, sampler: 'shuffle', workers: 1,
    augmentation: {
      crop: 16, resize: [12, 24], aspect: 1.3, flip: true, jitter: { brightness: 0.3, contrast: 0.3, saturation: 0.3 },
      erase: { probability: 0.5, area: [0.05, 0.2] },
    },
    normalisation: { channelOrder: 'rgb', scale: 1 / 255, mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4] },
    ...changes,
  });
  onTestFinished(() => loader.close());
  return loader;
}

async function collect(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const all: Batch[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

/** Nothing is changed but the photographs' size: green tells which one a sample is. */
const recognisable: Partial<BatchLoaderOptions> = {
  augmentation: { crop: 8, resize: [20, 20], flip: false, jitter: { brightness: 0, contrast: 0, saturation: 0 } },
  normalisation: { channelOrder: 'rgb', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] },
};

/** The index of the photograph that each sample of a batch of {@link recognisable} shows. */
function shown({ images }: Batch): number[] {
  return Array.from({ length: images.length / 192 }, (_, row) => images[row * 192 + 64] / 10 - 1);
}

describe('BatchLoader', () => {
  it('an epoch shows each photograph once, apart from an incomplete last batch, with its own targets', async () => {
    const batches = await collect(open(recognisable).batches(0));
    expect(batches).toHaveLength(3);
    for (const batch of batches) {
      expect(batch.images).toHaveLength(4 * 3 * 8 * 8);
      expect(batch.failures).toEqual([]);
      const photographs = batch.paths.map((path) => samples.findIndex((sample) => sample.path === path));
      expect(shown(batch)).toEqual(photographs);
      expect([...batch.targets]).toEqual(photographs.flatMap((i) => [[1, 0, 1], [0, 1, 0], [0, 0, 1], [0, 0, 0]][i % 4]));
    }
    expect(new Set(batches.flatMap(({ paths }) => paths)).size).toBe(12);
  });

  it('makes the same batches with one worker and with two, and with any prefetch', async () => {
    const one = await collect(open().batches(1));
    expect(one).toHaveLength(3);
    expect(await collect(open({ workers: 2 }).batches(1))).toEqual(one);
    expect(await collect(open({ workers: 2, prefetch: 5 }).batches(1))).toEqual(one);
    expect(await collect(open({ prefetch: 0 }).batches(1))).toEqual(one);
  });

  it('resumes at any batch of any epoch', async () => {
    const whole = open({ workers: 2 });
    const epochs = [await collect(whole.batches(0)), await collect(whole.batches(1))];
    expect(epochs[1]).not.toEqual(epochs[0]);
    for (const [epoch, from] of [[0, 2], [1, 0], [1, 1]]) {
      expect(await collect(open().batches(epoch, from))).toEqual(epochs[epoch].slice(from));
    }
    // Back and forth on one loader, left in the middle.
    for (const from of [2, 0, 1]) {
      for await (const batch of whole.batches(1, from)) {
        expect(batch).toEqual(epochs[1][from]);
        break;
      }
    }
    expect(await collect(whole.batches(1, 2))).toEqual(epochs[1].slice(2));
  });

  it('varies a photograph from epoch to epoch, and by the seed', async () => {
    const alone = { samples: samples.slice(0, 1), batchSize: 1 };
    const [loader, other] = [open(alone), open({ ...alone, seed: 6 })];
    const images = [...await collect(loader.batches(0)), ...await collect(loader.batches(1)), ...await collect(other.batches(0))];
    expect(images).toHaveLength(3);
    expect(new Set(images.map((batch) => batch.images.join())).size).toBe(3);
  });

  it('balanced: each class is the reason of equally many draws', async () => {
    // One photograph of class 0 and seven of class 1.
    const few = [{ path: samples[0].path, labels: [0] }, ...samples.slice(1, 8).map(({ path }) => ({ path, labels: [1] }))];
    const [batch] = await collect(open({ samples: few, batchSize: 8, sampler: 'balanced' }).batches(0));
    const rows = Array.from({ length: 8 }, (_, row) => [...batch.targets.subarray(3 * row, 3 * row + 3)].join());
    expect(rows.filter((row) => row === '1,0,0')).toHaveLength(4);
    expect(rows.filter((row) => row === '0,1,0')).toHaveLength(4);
    expect(batch.paths.filter((path) => path === samples[0].path)).toHaveLength(4);
  });

  it('keeps a list shorter than a batch as one small batch', async () => {
    const batches = await collect(open({ samples: samples.slice(0, 3) }).batches(0));
    expect(batches.map(({ paths }) => paths.length)).toEqual([3]);
    expect(batches[0].images).toHaveLength(3 * 3 * 16 * 16);
  });

  it('puts another photograph of the batch in the place of one that cannot be read', async () => {
    const list = [...samples.slice(0, 3), corrupt];
    const [batch] = await collect(open({ ...recognisable, samples: list }).batches(0));
    expect(batch.failures).toHaveLength(1);
    expect(batch.failures[0].path).toBe(corrupt.path);
    expect(batch.failures[0].reason).toContain(`cannot read the photograph ${corrupt.path}: `);
    const photographs = shown(batch);
    expect(batch.paths).toEqual(photographs.map((i) => samples[i].path));
    expect(new Set(photographs)).toEqual(new Set([0, 1, 2]));
    expect([...batch.targets]).toEqual(photographs.flatMap((i) => [[1, 0, 1], [0, 1, 0], [0, 0, 1]][i]));
  });

  it('takes the next good one, varied in its own way, whatever the number of workers', async () => {
    const list = [samples[0], corrupt, samples[1], { path: join(folder, 'nowhere.jpg'), labels: [0] }, { ...corrupt, labels: [] }, samples[2], samples[3], samples[4]];
    const batches = await collect(open({ samples: list }).batches(0));
    expect(await collect(open({ samples: list, workers: 2 }).batches(0))).toEqual(batches);
    expect(new Set(batches.flatMap(({ failures }) => failures.map(({ path }) => path)))).toEqual(new Set([corrupt.path, join(folder, 'nowhere.jpg')]));
    for (const { paths, images } of batches) {
      expect(paths).toHaveLength(4);
      // The same photograph twice, but never the same sample.
      const rows = Array.from({ length: 4 }, (_, row) => images.subarray(row * 768, (row + 1) * 768).join());
      expect(new Set(rows).size).toBe(4);
    }
  });

  it('ends with an error where no photograph of a batch can be read, and is fit for use after it', async () => {
    const loader = open({ samples: [corrupt, { ...corrupt, labels: [] }, samples[0]], batchSize: 1 });
    const error = await collect(loader.batches(0)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toMatch(/^batch \d of epoch 0: none of the 1 photographs of a batch can be read: cannot read the photograph .*corrupt/);
    const outcomes = await Promise.all([0, 1, 2].map((from) => loader.batches(0, from).next().then(({ value }) => value?.paths[0], () => 'failed')));
    expect(outcomes.sort()).toEqual([samples[0].path, 'failed', 'failed'].sort());
  });

  it('can be closed while batches are under way', async () => {
    const loader = open({ prefetch: 4 });
    await loader.batches(0).next();
    await loader.close();
    await expect(loader.batches(0).next()).rejects.toThrow('the batch loader is closed');
  });

  it('refuses an empty list and labels out of range', () => {
    expect(() => open({ samples: [] })).toThrow('there are no photographs to train on');
    expect(() => open({ samples: [samples[0], { path: 'a.jpg', labels: [3] }] })).toThrow('a.jpg has the labels 3, but there are 3 classes');
    expect(() => open({ samples: [{ path: 'a.jpg', labels: [-1] }] })).toThrow(RangeError);
  });
});
