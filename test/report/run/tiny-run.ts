import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { encodeNpz } from '../../../src/formats/numpy/npz.js';
import { writeMask } from '../../../src/datasets/masks.js';

/** One image of a run, its pixels row by row. */
export interface TinyImage {
  readonly width: number;
  readonly height: number;
  readonly seeds: readonly number[];
  readonly truth?: readonly number[];
  readonly refined?: readonly number[];
  /** Maps by class index. */
  readonly maps?: Readonly<Record<number, readonly number[]>>;
  /** No photograph is written. */
  readonly noPhoto?: boolean;
}

export interface TinyRun {
  /** The temporary folder, to be removed in the end. */
  readonly folder: string;
  readonly root: string;
  readonly run: string;
}

/** Writes a devkit and the folder that generate would have written. */
export async function makeRun(images: Readonly<Record<string, TinyImage>>, settings: Readonly<Record<string, unknown>> = {}): Promise<TinyRun> {
  const folder = await mkdtemp(join(tmpdir(), 'voc-seeds-report-'));
  const root = join(folder, 'VOC2012');
  for (const part of ['JPEGImages', 'SegmentationClass', 'ImageSets/Segmentation']) await mkdir(join(root, part), { recursive: true });
  await writeFile(join(root, 'ImageSets/Segmentation/train.txt'), Object.keys(images).map((id) => `${id}\n`).join(''));
  const run = join(folder, 'seeds');
  let shade = 0;
  for (const [id, { width, height, truth, noPhoto }] of Object.entries(images)) {
    if (truth !== undefined) await writeMask(join(root, 'SegmentationClass', `${id}.png`), { width, height, data: Uint8Array.from(truth) }, 'palette');
    shade = (shade + 37) % 200;
    const photo = sharp({ create: { width, height, channels: 3, background: { r: 40 + shade, g: 120, b: 220 - shade } } });
    if (noPhoto !== true) await writeFile(join(root, 'JPEGImages', `${id}.jpg`), await photo.jpeg().toBuffer());
  }
  await writeRun(run, images, {
    command: 'generate', vocRoot: root, splitFile: join(root, 'ImageSets/Segmentation/train.txt'), split: 'train', modelPath: '/models/<tiny>.onnx',
    settings: { layers: ['/16', '/32'], threshold: 0.4, ...settings }, versions: { 'node': 'v20.0.0', 'voc-seeds': '0.1.0' },
    started: '2026-01-02T03:04:05.000Z', finished: '2026-01-02T03:04:15.000Z', seconds: 10, imagesPerSecond: 0.2, stages: { read: 1.5, cam: 20 },
    counts: { written: Object.keys(images).length, resumed: 0, failed: 1, missing: 0, left: 0 },
    failures: [{ id: 'lost', reason: 'cannot read the photograph <lost>' }], notes: [{ id: Object.keys(images)[0], notes: ['worth a <look>'] }], missing: [],
  });
  return { folder, root, run };
}

/** Writes the folder of a run alone. */
export async function writeRun(run: string, images: Readonly<Record<string, TinyImage>>, record: unknown): Promise<void> {
  for (const part of ['SegmentationClass', 'ImageSets/Segmentation', 'cams']) await mkdir(join(run, part), { recursive: true });
  for (const [id, { width, height, seeds, refined, maps }] of Object.entries(images)) {
    await writeMask(join(run, 'SegmentationClass', `${id}.png`), { width, height, data: Uint8Array.from(seeds) }, 'palette');
    if (refined !== undefined) await writeMask(join(run, 'SegmentationClassRefined', `${id}.png`), { width, height, data: Uint8Array.from(refined) }, 'palette');
    if (maps === undefined) continue;
    const keys = Object.keys(maps).map(Number);
    await writeFile(join(run, 'cams', `${id}.npz`), encodeNpz({
      keys: { shape: [keys.length], data: Int32Array.from(keys) },
      maps: { shape: [keys.length, height, width], data: Float32Array.from(Object.values(maps).flat()) },
    }));
  }
  await writeFile(join(run, 'ImageSets/Segmentation/train.txt'), Object.keys(images).map((id) => `${id}\n`).join(''));
  await writeFile(join(run, 'run.json'), JSON.stringify(record));
}
