import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readMask, writeMask } from '../../src/datasets/masks.js';
import { readModel } from '../../src/onnx/file/read.js';
import { makeDevkit } from '../pipeline/tiny.js';
import type { TinyDevkit } from '../pipeline/tiny.js';
import { uniform } from '../random.js';
import { messageOf, run } from './terminal.js';

// The same images as a devkit and as the other kinds of data sets: labels, seeds and scores must be the same.
const names = ['blob', 'ring'];
const images: Record<string, [number, number, string[]]> = {
  a: [90, 70, ['ring']], b: [64, 101, ['blob']], none: [40, 30, []], d: [60, 61, ['blob', 'ring']], e: [50, 44, ['ring']],
};

let devkit: TinyDevkit;
let folder: string;
const path = (...parts: string[]): string => join(folder, ...parts);

beforeAll(async () => {
  devkit = await makeDevkit(images, { classes: names });
  ({ folder } = devkit);
  const random = uniform(5);
  await mkdir(join(devkit.root, 'SegmentationClass'));
  for (const [id, [width, height, classes]] of Object.entries(images)) {
    const labels = [0, ...classes.map((name) => names.indexOf(name) + 1)];
    const data = Uint8Array.from({ length: width * height }, (_, i) => (
      classes.length > 0 && random() < 0.05 ? 255 : labels[Math.floor(i % width / width * labels.length)]));
    await writeMask(join(devkit.root, 'SegmentationClass', `${id}.png`), { width, height, data });
  }
  await writeFile(path('classes.txt'), names.join('\n'));
  await makeCoco();
  await makeFolder();
  await writeFile(path('list', 'labels.csv'), Object.entries(images).map(([id, [, , classes]]) => `photos/${id}.jpg,"${classes.join(', ')}"\n`).join(''));
});
afterAll(() => rm(folder, { recursive: true }));

const photo = (id: string): string => join(devkit.root, 'JPEGImages', `${id}.jpg`);
const truth = (id: string): string => join(devkit.root, 'SegmentationClass', `${id}.png`);

/** COCO's run-length code of the pixels with a label: column by column, the zeros first. */
function runsOf({ width, height, data }: { width: number; height: number; data: Uint8Array }, label: number): number[] {
  const runs = [0];
  for (let i = 0; i < data.length; i++) {
    const on = data[i % height * width + Math.floor(i / height)] === label;
    if (on === (runs.length % 2 === 0)) runs[runs.length - 1]++;
    else runs.push(1);
  }
  return runs;
}

async function makeCoco(): Promise<void> {
  const annotations: object[] = [];
  for (const [index, id] of Object.keys(images).entries()) {
    const mask = await readMask(truth(id));
    const labels = [...new Set(mask.data)].filter((value) => value !== 0);
    for (const label of labels) {
      const own = label === 255 ? labels.find((value) => value !== 255)! : label;
      annotations.push({
        id: annotations.length, image_id: index, category_id: 10 * own,
        iscrowd: label === 255 ? 1 : 0, segmentation: { size: [mask.height, mask.width], counts: runsOf(mask, label) },
      });
    }
    await copy(photo(id), path('coco', 'images', `${id}.jpg`));
  }
  const json = {
    annotations, categories: [{ id: 20, name: 'ring' }, { id: 10, name: 'blob' }],
    images: Object.entries(images).map(([id, [width, height]], index) => ({ id: index, file_name: `${id}.jpg`, width, height })),
  };
  await mkdir(path('coco', 'annotations'), { recursive: true });
  await writeFile(path('coco', 'annotations', 'instances_tiny2017.json'), JSON.stringify(json));
}

/** The images with at most one class, and all of them for a list. Images without a class have no mask. */
async function makeFolder(): Promise<void> {
  for (const [id, [, , classes]] of Object.entries(images)) {
    await copy(photo(id), path('list', 'photos', `${id}.jpg`));
    if (classes.length > 0) await copy(truth(id), path('list', 'masks', `${id}.png`));
    if (classes.length < 2) await copy(photo(id), path('folder', classes[0] ?? 'normal', `${id}.jpg`));
    if (classes.length === 1) await copy(truth(id), path('folder', 'masks', classes[0], `${id}.png`));
  }
}

async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to);
}

const asDevkit = (): string[] => ['--voc-root', devkit.root, '--split', 'train', '--class-set', path('classes.txt')];
const kinds: readonly (readonly [name: string, flags: () => string[], ids: readonly string[]])[] = [
  ['coco', () => ['--data', `coco:${path('coco')}`, '--split', 'tiny2017'], ['a', 'b', 'none', 'd', 'e']],
  ['folder', () => ['--data', `folder:${path('folder')}`], ['a', 'b', 'none', 'e']],
  ['list', () => ['--data', `list:${path('list', 'labels.csv')}`], ['a', 'b', 'none', 'd', 'e']],
];
const seeds = (): string[] => ['--model', devkit.model, '--input-size', 'short:64', '--threshold', '0.3', '--refine', 'none'];

interface Scored { confusion: number[][]; scores: object; images: { scored: number; missingTruths: string[] } }

describe.each(kinds)('--data %s', (name, flags, ids) => {
  const only = ['--ids', ids.join(',')];

  it('has the labels of the devkit', async () => {
    const own = await run('labels', ...flags());
    const expected = await run('labels', ...asDevkit(), ...only, '--labels', 'xml');
    expect(own.code).toBe(0);
    expect(own.stdout.split('\n').sort()).toEqual(expected.stdout.split('\n').sort());
    // The ground truth has the same classes.
    const compared = await run('labels', ...flags(), '--compare', 'own,masks');
    expect(compared.stdout).toContain(`${ids.length} images compared: ${ids.length} agree`);
  });

  it('gives the seeds and scores of the devkit', async () => {
    const [own, other] = [path(`seeds-${name}`), path(`seeds-voc-${name}`)];
    expect((await run('generate', ...flags(), ...seeds(), '--out', own)).code).toBe(0);
    expect((await run('generate', ...asDevkit(), ...only, '--labels', 'xml', ...seeds(), '--out', other)).code).toBe(0);
    for (const id of ids) expect(await readFile(join(own, 'SegmentationClass', `${id}.png`)), id).toEqual(await readFile(join(other, 'SegmentationClass', `${id}.png`)));
    const scored = await run('eval', ...flags(), '--pred', join(own, 'SegmentationClass'), '--json');
    const expected = await run('eval', ...asDevkit(), ...only, '--pred', join(other, 'SegmentationClass'), '--json');
    expect([scored.code, expected.code]).toEqual([0, 0]);
    const [a, b] = [scored, expected].map(({ stdout }) => JSON.parse(stdout) as Scored);
    expect(a.images).toMatchObject({ scored: ids.length, missingTruths: [] });
    expect(a.confusion).toEqual(b.confusion);
    expect(a.scores).toEqual(b.scores);
    // The report finds photographs and ground truth by run.json.
    const report = await run('report', '--run', own, '--out', path(`${name}.html`), '--json');
    expect(report.code).toBe(0);
    expect(JSON.parse(report.stdout)).toMatchObject({ remarks: [], problems: [], scores: [{ scored: ids.length }] });
  });

  it('is ablated like the devkit', async () => {
    const scores: unknown[] = [];
    for (const [out, source] of [[`ablation-${name}`, flags()], [`ablation-voc-${name}`, [...asDevkit(), ...only, '--labels', 'xml']]] as const) {
      const { code, stdout } = await run('ablate', ...source, '--model', devkit.model, '--input-size', 'short:64', '--thresholds', '10', '--bootstrap', '0', '--out', path(out), '--json');
      expect(code).toBe(0);
      scores.push((JSON.parse(stdout) as { variants: { miou: number }[] }).variants.map(({ miou }) => miou));
    }
    expect(scores[0]).toEqual(scores[1]);
  });

  it('trains a classifier of its classes', async () => {
    const out = path(`${name}.onnx`);
    const { code, stdout } = await run('train', ...flags(), '--backbone', devkit.model, '--input-sizes', 'short:64', '--folds', '2', '--cache', path('cache'), '--out', out, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ images: ids.length, failures: [] });
    expect([...(await readModel(out)).metadata.values()].join()).toContain('"classes":["blob","ring"]');
  });
});

describe('--data', () => {
  it('is refused with --voc-root, without a kind, and for labels that it does not have', async () => {
    expect(messageOf(await run('labels', ...asDevkit(), '--data', `coco:${path('coco')}`))).toContain('--data and --voc-root are both given');
    expect(messageOf(await run('labels', '--data', path('coco'), '--split', 'x'))).toContain('has no kind');
    expect(messageOf(await run('labels', '--data', `coco:${path('coco')}`))).toContain('--split is missing');
    expect(messageOf(await run('labels', '--data', `coco:${path('coco')}`, '--split', 'val'))).toContain('one of: tiny2017');
    expect(messageOf(await run('labels', '--data', `coco:${path('coco')}`, '--split', 'tiny2017', '--labels', 'xml'))).toContain('--labels xml needs a VOC devkit');
    expect(messageOf(await run('labels', '--voc-root', devkit.root, '--split', 'train'))).toContain('--labels is missing');
  });

  it('divides data sets without lists, and takes lists of ids', async () => {
    const count = async (...more: string[]): Promise<number> => (await run('labels', '--data', `list:${path('list', 'labels.csv')}`, ...more)).stdout.split('\n').length - 1;
    const val = await count('--split', 'val', '--val-share', '0.5', '--split-seed', '4');
    expect(await count('--split', 'train', '--val-share', '0.5', '--split-seed', '4')).toBe(5 - val);
    await writeFile(path('some.txt'), 'a\nphotos/e.jpg\n');
    expect(await count('--split', path('some.txt'))).toBe(2);
    expect(await count('--ids', 'a')).toBe(1);
  });

  it('never overwrites files of the data set', async () => {
    expect(messageOf(await run('labels', '--data', `list:${path('list', 'labels.csv')}`, '--out', path('list', 'labels.csv')))).toContain('would be overwritten');
    expect(messageOf(await run('labels', '--data', `list:${path('list', 'labels.csv')}`, '--out', path('list', 'photos', 'a.jpg')))).toContain('would be overwritten');
    const coco = ['--data', `coco:${path('coco')}`, '--split', 'tiny2017'];
    expect(messageOf(await run('labels', ...coco, '--out', path('coco', 'annotations', 'instances_tiny2017.json')))).toContain('would be overwritten');
    expect(messageOf(await run('generate', ...coco, ...seeds(), '--out', path('coco')))).toContain('would be overwritten');
  });
});
