import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import type { LocalizeRecord } from '../../../src/localize/record.js';

/** Results of `localize` and `faithfulness`, written by hand. */
export interface TinyResults {
  /** The temporary folder, to be removed in the end. */
  readonly folder: string;
  readonly boxes: string;
  /** Two variants: that of `boxes`, and one with the true box at both thresholds. */
  readonly grid: string;
  readonly faithfulness: string;
}

/** Two thresholds. At the second one, which was chosen, the box of the true class ends at a column, and so does its IoU. */
function record(found: readonly [number, number, number, number], { rank = 0, best = [0.25, 0.8] } = {}): LocalizeRecord {
  return {
    size: [60, 100],
    truths: [{ logit: 7, rank, boxes: [[10, 10, 49, 39]], best: [best] }],
    maps: [
      { logit: 7, value: 3, rank, boxes: [[[0, 0, 0, 99, 59], [1, ...found]]] },
      ...rank === 0 ? [] : [{ logit: 3, value: 4, rank: 0, boxes: [[[0, 60, 20, 89, 49]]] as [number, number, number, number, number][][] }],
    ],
  };
}

/** The same image with a second variant. */
function withSecond({ truths, maps, ...rest }: LocalizeRecord): LocalizeRecord {
  return {
    ...rest,
    truths: truths.map(({ best, ...own }) => ({ ...own, best: [...best, [1, 1]] })),
    maps: maps.map(({ logit, boxes, ...own }) => ({ logit, ...own, boxes: [...boxes, logit === 7 ? [[0, 10, 10, 49, 39]] : boxes[0]] })),
  };
}

const score = { value: 0.5, low: 0.25, high: 0.75 };

export const hostile = '<b>&"x';

export async function makeResults(): Promise<TinyResults> {
  const folder = await mkdtemp(join(tmpdir(), 'voc-seeds-measures-'));
  const [boxes, grid, faithfulness, photos] = ['boxes', 'grid', 'faithfulness', 'photos'].map((name) => join(folder, name));
  for (const place of [join(boxes, 'images'), join(grid, 'images'), faithfulness, photos]) await mkdir(place, { recursive: true });
  const records: Record<string, LocalizeRecord> = {
    // The evaluated box is one pixel larger to the right and bottom: 40 x 30 of 41 x 31 pixels.
    good: record([10, 10, 49, 39]),
    // 40 x 30 of 81 x 31 pixels.
    wide: record([10, 10, 89, 39]),
    [hostile]: record([10, 10, 49, 39], { rank: 2 }),
    missed: record([60, 10, 89, 39], { rank: 1, best: [0, 0] }),
  };
  for (const [id, own] of Object.entries(records)) {
    await writeFile(join(boxes, 'images', `${id}.json`), JSON.stringify(own));
    await writeFile(join(grid, 'images', `${id}.json`), JSON.stringify(withSecond(own)));
    const photo = sharp({ create: { width: 100, height: 60, channels: 3, background: '#888' } });
    if (id !== 'missed') await writeFile(join(photos, `${id}.jpg`), await photo.jpeg().toBuffer());
  }
  const shared = { images: { tune: 4, score: 4 }, cases: 4, sawBoxes: true };
  const scored = {
    threshold: 0.5, gtKnown: score, loc1: score, loc5: score, top1: score, top5: score,
    boxAccuracyV2: { value: 0.625 }, thresholdsV2: [0.5, 0.5, 0.5], maxBoxAcc: 0.5, maxBoxAccV2: 0.625,
  };
  const ran = {
    command: 'localize', modelPath: 'tiny.onnx', settings: { thresholds: 2, images: photos, layers: ['/32'] },
    classNames: { 3: 'dog', 7: '<cat>, tabby' }, counts: { measured: 4 }, failures: [{ id: 'lost', reason: 'cannot read <lost>' }],
  };
  await writeFile(join(boxes, 'localize.json'), JSON.stringify({ ...shared, ...scored, run: ran }));
  const second = { value: 1, low: 1, high: 1, difference: { value: 0.5, low: 0.25, high: 0.75 } };
  await writeFile(join(grid, 'localize.json'), JSON.stringify({
    ...shared, run: ran,
    variants: [
      { name: '/32', ...scored, pxap: { value: 0.25, cases: 3 } },
      { name: '<both>', ...scored, threshold: 0, gtKnown: second, pxap: { value: 0.75, cases: 3, difference: { value: 0.5 } } },
    ],
  }));
  for (const place of [boxes, grid]) await writeFile(join(place, 'journal'), `${JSON.stringify({ settings: '0', values: {} })}\n`);
  const scores = (mean: number, difference?: number): object[] => [
    ...['top-1', 'confidence'].map((value) => ({ test: 'occlusion', by: 'area', at: 10, value, mean, interval: { low: 0.125, high: 0.875 } })),
    { test: 'insertion', value: 'auc', mean, ...difference !== undefined && { difference: { mean: difference, interval: { low: -0.5, high: 0.125 } } } },
  ];
  await writeFile(join(faithfulness, 'faithfulness.json'), JSON.stringify({
    photographs: 2, unchanged: [{ value: 'top-1', mean: 1 }, { value: 'confidence', mean: 0.9375 }],
    variants: [
      { name: 'grad-cam', settings: {}, layers: [], scores: scores(0.5), curves: { insertion: [0.25, 0.5, 0.75] } },
      { name: '<layer-cam>', settings: {}, layers: [], scores: scores(0.25, -0.25), curves: { insertion: [0, 0.25, 0.5] } },
    ],
    run: { command: 'faithfulness', modelPath: 'tiny.onnx', steps: 2, counts: { measured: 2 }, seconds: 3 },
  }));
  await writeFile(join(faithfulness, 'journal'), `${JSON.stringify({ settings: '0', values: {} })}\n`);
  return { folder, boxes, grid, faithfulness };
}
