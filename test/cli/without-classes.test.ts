import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readMask, writeMask } from '../../src/datasets/masks.js';
import { noise, writeTinyClassifier } from '../pipeline/tiny.js';
import { messageOf, run } from './terminal.js';

// A data set of defects: one class, and most photographs show nothing of it.
const [width, height] = [72, 64];
const defects = Array.from({ length: 6 }, (_, i) => `defect${i}`);
const normals = Array.from({ length: 12 }, (_, i) => `normal${i}`);
let folder: string;
let base: string[];
let model: string;

/** A gray photograph, with a bright spot if it has a defect, and its mask. */
async function makeImage(root: string, id: string, seed: number, spot: boolean): Promise<void> {
  const random = noise(seed);
  const [x, y, r] = [20 + 8 * (seed % 4), 18 + 7 * (seed % 3), 9];
  const inside = (i: number): boolean => spot && (i % width - x) ** 2 + (Math.floor(i / width) - y) ** 2 < r * r;
  const pixels = Buffer.from(Uint8Array.from({ length: 3 * width * height }, (_, i) => (inside(Math.floor(i / 3)) ? 230 : 110) + 12 * random()));
  await sharp(pixels, { raw: { width, height, channels: 3 } }).jpeg({ quality: 95 }).toFile(join(root, 'JPEGImages', `${id}.jpg`));
  await writeMask(join(root, 'SegmentationClass', `${id}.png`), { width, height, data: Uint8Array.from({ length: width * height }, (_, i) => Number(inside(i))) }, 'palette');
}

const listOf = (ids: readonly string[]): string => ids.map((id) => `${id}${id.startsWith('defect') ? ' defect' : ''}\n`).join('');
const preprocess = ['--channel-order', 'rgb', '--scale', '0.00392156862745098', '--mean', '0.5', '--std', '0.25'];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-defects-'));
  const root = join(folder, 'parts');
  for (const part of ['JPEGImages', 'SegmentationClass', 'ImageSets/Segmentation']) await mkdir(join(root, part), { recursive: true });
  for (const [i, id] of [...defects, ...normals].entries()) await makeImage(root, id, i + 1, id.startsWith('defect'));
  const set = join(folder, 'parts.yaml');
  await writeFile(set, 'classes: [defect]\n');
  await writeFile(join(folder, 'all.txt'), listOf([...defects, ...normals]));
  await writeFile(join(folder, 'train.txt'), listOf([...defects.slice(0, 4), ...normals.slice(0, 8)]));
  await writeFile(join(folder, 'val.txt'), listOf([...defects.slice(4), ...normals.slice(8)]));
  await writeFile(join(folder, 'normal.txt'), listOf(normals));
  await writeTinyClassifier(join(folder, 'backbone.onnx'), { classes: ['one', 'two'], metadata: null });
  model = join(folder, 'classifier.onnx');
  await writeTinyClassifier(model, { classes: ['defect'] });
  base = ['--voc-root', root, '--class-set', set, '--labels', `list:${join(folder, 'all.txt')}`];
});
afterAll(() => rm(folder, { recursive: true }));

const json = async (...argv: string[]): Promise<Record<string, unknown>> => {
  const { code, stdout, stderr } = await run(...argv, '--json');
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
};
const split = (name: string): string[] => ['--split', join(folder, `${name}.txt`)];
const settings = ['--config', 'paper', '--input-size', 'native', '--workers', '1'];

describe('images without any class', () => {
  it('get seeds that are all background, and are counted', async () => {
    const out = join(folder, 'seeds');
    const argv = ['generate', ...base, ...split('all'), ...settings, '--model', model, '--out', out];
    const { code, stdout, stderr } = await run(...argv);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^18 images written to .*\n12 images have no class: all background\n/);
    expect(stdout + stderr).not.toContain('normal');
    for (const id of normals) expect((await readMask(join(out, 'SegmentationClass', `${id}.png`))).data.some((label) => label !== 0), id).toBe(false);
    expect((await readMask(join(out, 'SegmentationClass', 'defect0.png'))).data.some((label) => label === 1)).toBe(true);
    // Those of an earlier run are counted too.
    const again = await json(...argv);
    expect(again).toMatchObject({ counts: { written: 0, resumed: 18, withoutClasses: 12 }, notes: [] });
    const { notes } = JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as { notes: { id: string; notes: string[] }[] };
    expect(notes.filter(({ notes: texts }) => texts.includes('no class: all background')).map(({ id }) => id).sort()).toEqual([...normals].sort());
  });

  it('count as background in every score', async () => {
    const out = join(folder, 'scored');
    const threshold = ['--threshold', '0.4'];
    await json('generate', ...base, ...split('all'), ...settings, ...threshold, '--model', model, '--save-cams', '--out', out);
    // By hand: true and predicted pixels of the two labels.
    const counts = [[0, 0], [0, 0]];
    for (const id of [...defects, ...normals]) {
      const [truth, seeds] = await Promise.all([join(folder, 'parts/SegmentationClass'), join(out, 'SegmentationClass')].map((at) => readMask(join(at, `${id}.png`))));
      truth.data.forEach((label, i) => { counts[label][seeds.data[i]]++; });
    }
    const [[tn, fp], [fn, tp]] = counts;
    const expected = (tn / (tn + fp + fn) + tp / (tp + fp + fn)) / 2;
    expect(tn).toBeGreaterThan(12 * width * height);
    interface Scored { scores: { error: { meanIou: number } } }
    const common = ['--voc-root', join(folder, 'parts'), '--class-set', join(folder, 'parts.yaml'), ...split('all')];
    const plain = await json('eval', ...common, '--pred', join(out, 'SegmentationClass')) as unknown as Scored;
    expect(plain.scores.error.meanIou).toBeCloseTo(expected, 12);
    // They have no maps, and need none.
    const maps = await json('eval', ...base, ...split('all'), '--maps', join(out, 'cams'), '--thresholds', '60', ...threshold) as unknown as Scored;
    expect(maps).toMatchObject({ images: { scored: 18, missingMaps: [] } });
    expect(maps.scores.error.meanIou).toBeCloseTo(expected, 12);
    expect(messageOf(await run('eval', ...common, '--maps', join(out, 'cams')))).toContain('maps are missing');
    expect(messageOf(await run('eval', ...common, '--maps', join(out, 'cams')))).toContain('if --labels says that they have none');
    const file = join(folder, 'tuned.yaml');
    const ablated = await json(
      'ablate', ...base, ...split('all'), ...settings, '--model', model, '--thresholds', '5', '--bootstrap', '0', '--out', join(folder, 'ablation'),
      '--background', 'constant,per-class', '--write-config', file) as unknown as { variants: { name: string; curve: { value: number; miou: number }[]; tuned: number }[] };
    expect(ablated.variants.find(({ name }) => name === 'constant')!.curve.find(({ value }) => value === 0.4)!.miou).toBeCloseTo(expected, 12);
    // The class set is in the file.
    expect(await readFile(file, 'utf8')).toContain(`classSet: ${join(folder, 'parts.yaml')}\n`);
    const tuned = join(folder, 'tuned');
    await json('generate', '--config', file, '--voc-root', join(folder, 'parts'), '--labels', `list:${join(folder, 'all.txt')}`, ...split('all'), '--workers', '1', '--out', tuned);
    const scored = await json('eval', ...common, '--pred', join(tuned, 'SegmentationClass')) as unknown as Scored;
    expect(scored.scores.error.meanIou).toBe(Math.max(...ablated.variants.map((variant) => variant.tuned)));
  });

  it('are negatives for a head: it tells them from those with the class', async () => {
    const out = join(folder, 'head.onnx');
    const report = await json('train', '--backbone', join(folder, 'backbone.onnx'), ...preprocess, ...base, ...split('train'), '--val-split', join(folder, 'val.txt'),
      '--input-sizes', 'native', '--folds', '2', '--cache', join(folder, 'cache'), '--workers', '1', '--out', out);
    expect(report).toMatchObject({ images: 12, failures: [], validation: { images: 6, map: 1, perClass: { defect: 1 } } });
    for (const [id, shows] of [['defect5', true], ['normal11', false]] as const) {
      const { stdout } = await run('cam', join(folder, 'parts/JPEGImages', `${id}.jpg`), '--model', out, '--class', 'defect', '--input-size', 'native', '--out', folder, '--json');
      expect((JSON.parse(stdout) as { logit: number }[])[0].logit > 0, id).toBe(shows);
    }
  });

  it.each(['shuffle', 'balanced'])('are negatives in the training of all layers, sampled by %s', async (sampler) => {
    const work = join(folder, `work-${sampler}`);
    const report = await json('train', '--mode', 'full', '--backbone', join(folder, 'backbone.onnx'), ...preprocess, ...base, ...split('train'),
      '--val-split', join(folder, 'val.txt'), '--input-sizes', 'native', '--init-head', 'zero', '--sampler', sampler, '--crop', '64', '--resize', '64,72', '--batch-size', '4',
      '--epochs', '3', '--rate', '0.02', '--head-rate', '10', '--workers', '1', '--threads', '1', '--work', work, '--out', join(folder, `full-${sampler}.onnx`)) as unknown as {
      images: number; epochs: { loss: number }[]; validation: { images: number; map: number };
    };
    expect(report).toMatchObject({ images: 12, validation: { images: 6 } });
    // Log 2 is the loss of a head of zeros, whatever the targets are.
    expect(report.epochs[0].loss).toBeLessThan(Math.log(2) + 0.05);
    expect(report.epochs[2].loss).toBeLessThan(report.epochs[0].loss);
    expect(report.validation.map).toBeGreaterThan(0);
  });

  it('are refused if there is nothing else to learn from, before the work', async () => {
    const argv = ['train', '--backbone', join(folder, 'backbone.onnx'), ...preprocess, ...base, '--cache', join(folder, 'cache'), '--out', join(folder, 'never.onnx')];
    expect(messageOf(await run(...argv, ...split('normal')))).toContain('none of the 12 photographs of the training list shows a class');
    expect(messageOf(await run(...argv, ...split('train'), '--val-split', join(folder, 'normal.txt')))).toContain('none of the 12 photographs of the validation list shows a class');
  });
});
