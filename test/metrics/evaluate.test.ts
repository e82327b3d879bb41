import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfusionMatrix } from '../../src/metrics/confusion.js';
import { evaluatePairs } from '../../src/metrics/evaluate.js';
import { maskIdsIn, partitionByPrediction } from '../../src/metrics/pairs.js';
import type { MaskPair } from '../../src/metrics/score-pairs.js';
import { IGNORED_AS } from '../../src/metrics/scores.js';
import { IGNORE_LABEL, type LabelMap } from '../../src/datasets/label-map.js';
import { readMask, writeMask } from '../../src/datasets/masks.js';
import { expectMatrix, expectScore, fixtures, readExpected } from './expected.js';

const expected = readExpected('expected.json');
const ids = Array.from({ length: 12 }, (_, i) => `m${String(i).padStart(2, '0')}`);
const pairsOf = (variant: string): MaskPair[] => ids.map((id) => (
  { id, truth: join(fixtures, 'gt', `${id}.png`), predictionPath: join(fixtures, variant, `${id}.png`) }
));

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-metrics-')); });
afterAll(() => rm(folder, { recursive: true }));

describe('evaluatePairs against numpy, synthetic masks', () => {
  it.each(['gt', 'shifted', 'background', 'holes', 'noise'])('%s', async (variant) => {
    const result = await evaluatePairs(pairsOf(variant), { byImage: true });
    expect(result.failures).toEqual([]);
    expect(result.scored).toBe(12);
    expectMatrix(result.matrix, expected[variant]);
    expect(result.images.map(({ id }) => id)).toEqual(ids);
    for (const image of result.images) {
      const wanted = expected[variant].images[image.id];
      expectScore(image.coverage, wanted.coverage, `coverage of ${image.id}`);
      for (const policy of IGNORED_AS) expectScore(image.meanIou[policy], wanted.meanIou[policy], `${policy} mean IoU of ${image.id}`);
    }
  });

  it('the fixtures hold what they are made for', () => {
    expect(expected.gt.scores.error.meanIou).toBe(1);
    expect(expected.holes.coverage).toBeGreaterThan(0.85);
    expect(expected.holes.coverage).toBeLessThan(0.95);
    expect(expected.noise.scores.error.labels[19]).toMatchObject({ iou: 0, recall: null });
    expect(expected.noise.scores.error.absent).toContain(20);
    expect(expected.gt.images.m11.meanIou.error).toBeNull();
  });

  it('finds the same in worker threads, with images and failures in the order of the list', async () => {
    const broken = join(folder, 'broken.png');
    await writeFile(broken, 'no PNG');
    const list: MaskPair[] = [
      ...pairsOf('noise'), { id: 'broken', truth: join(fixtures, 'gt', 'm00.png'), predictionPath: broken }, ...pairsOf('holes'),
    ];
    const done: number[] = [];
    const inWorkers = await evaluatePairs(list, { workers: 2, byImage: true, onProgress: (count) => done.push(count) });
    const here = await evaluatePairs(list, { workers: 1, byImage: true });
    expect(inWorkers).toEqual(here);
    expect(inWorkers.scored).toBe(24);
    expect(inWorkers.images.map(({ id }) => id)).toEqual([...ids, ...ids]);
    expect(inWorkers.failures.map(({ id }) => id)).toEqual(['broken']);
    expect(done.at(-1)).toBe(25);
    const sum = expected.noise.matrix.flatMap((row, i) => row.map((count, j) => count + expected.holes.matrix[i][j]));
    expect([...inWorkers.matrix.counts]).toEqual(sum);
  });
});

describe('evaluatePairs with pairs that fail', () => {
  it('goes on, and names files and reasons', async () => {
    const truthPath = join(fixtures, 'gt', 'm00.png');
    const truth = await readMask(truthPath);
    const small = join(folder, 'small.png');
    const outOfRange = join(folder, 'out-of-range.png');
    const cut = join(folder, 'cut.png');
    await writeMask(small, { width: 3, height: 2, data: new Uint8Array(6) }, 'palette');
    await writeMask(outOfRange, { ...truth, data: truth.data.map((label, i) => i === truth.width ? 77 : label) }, 'gray');
    await writeFile(cut, (await readFile(truthPath)).subarray(0, 900));

    const { failures, scored, scores } = await evaluatePairs([
      { id: 'small', truth: truthPath, predictionPath: small },
      { id: 'out-of-range', truth: truthPath, predictionPath: outOfRange },
      { id: 'truth-out-of-range', truth: outOfRange, predictionPath: truthPath },
      { id: 'cut', truth: truthPath, predictionPath: cut },
      { id: 'truth-cut', truth: cut, predictionPath: truthPath },
      { id: 'missing', truth: truthPath, predictionPath: join(folder, 'missing.png') },
      { id: 'good', truth: truthPath, predictionPath: truthPath },
    ]);
    expect(scored).toBe(1);
    expect(scores.error.meanIou).toBe(1);
    const reasons = Object.fromEntries(failures.map(({ id, message }) => [id, message]));
    expect(Object.keys(reasons)).toEqual(['small', 'out-of-range', 'truth-out-of-range', 'cut', 'truth-cut', 'missing']);
    expect(reasons.small).toContain(`${small} is 3 x 2 pixels (width x height), the ground truth ${truthPath} is ${truth.width} x ${truth.height}`);
    expect(reasons['out-of-range']).toContain(`${outOfRange} contains the value 77 at x = 0, y = 1`);
    expect(reasons['truth-out-of-range']).toContain(`${outOfRange} contains the value 77`);
    expect(reasons.cut).toContain(cut);
    expect(reasons['truth-cut']).toContain(cut);
    expect(reasons.missing).toContain(join(folder, 'missing.png'));
  });

  it('no pairs: NaN, nothing scored', async () => {
    const result = await evaluatePairs([], { workers: 2 });
    expect(result).toMatchObject({ scored: 0, failures: [], images: [] });
    expect(result.scores.error.meanIou).toBeNaN();
    expect(result.scores.error.absent).toHaveLength(21);
  });
});

describe('the files of pairs', () => {
  it('separates what is predicted from what is not', async () => {
    const [first, second, third] = pairsOf('holes');
    const { present, missing } = await partitionByPrediction([
      { ...second, predictionPath: join(folder, 'm01.png') }, first, { ...third, predictionPath: join(folder, 'nowhere', 'm02.png') },
    ]);
    expect(present).toEqual([first]);
    expect(missing.map(({ id }) => id)).toEqual(['m01', 'm02']);
  });

  it('lists the masks of a folder, sorted; a folder that is not there is an error', async () => {
    expect(await maskIdsIn(join(fixtures, 'gt'))).toEqual(ids);
    await expect(maskIdsIn(join(folder, 'nowhere'))).rejects.toThrow(join(folder, 'nowhere'));
  });
});

const vocRoot = resolve(fileURLToPath(new URL('../../..', import.meta.url)), 'shared/voc/VOCdevkit/VOC2012');

describe.skipIf(!existsSync(vocRoot))('against numpy, 100 official masks', () => {
  // The same rules as in make_metrics.py.
  const variants: Record<string, (labels: LabelMap) => LabelMap> = {
    gt: (labels) => labels,
    shifted: ({ width, height, data }) => {
      const out = new Uint8Array(data.length);
      for (let y = 5; y < height; y++) {
        for (let x = 5; x < width; x++) out[y * width + x] = data[(y - 5) * width + x - 5];
      }
      return { width, height, data: out };
    },
    background: ({ width, height, data }) => ({ width, height, data: new Uint8Array(data.length) }),
    holes: ({ width, height, data }) => ({ width, height, data: data.map((label, i) => mix(i) < 429496729 ? IGNORE_LABEL : label) }),
  };
  const mix = (index: number): number => {
    let h = index ^ index >>> 16;
    h = Math.imul(h, 0x85ebca6b);
    h ^= h >>> 13;
    h = Math.imul(h, 0xc2b2ae35);
    return (h ^ h >>> 16) >>> 0;
  };

  let truths: { path: string; map: LabelMap }[];
  beforeAll(async () => {
    const list = await readFile(join(vocRoot, 'ImageSets', 'Segmentation', 'dev_val.txt'), 'utf8');
    const paths = list.trim().split(/\s+/).slice(0, 100).map((id) => join(vocRoot, 'SegmentationClass', `${id}.png`));
    truths = await Promise.all(paths.map(async (path) => ({ path, map: await readMask(path) })));
  });

  it.each(Object.keys(variants))('%s', (variant) => {
    const matrix = new ConfusionMatrix();
    for (const { path, map } of truths) matrix.add(map, variants[variant](map), { truth: path, prediction: variant });
    expectMatrix(matrix, readExpected('expected-voc.json')[variant]);
  });
});
