import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModel } from '../../src/onnx/file/read.js';
import { annotation, writeSplit } from '../pipeline/tiny.js';
import { fixture } from '../formats/weights/fixtures.js';
import { messageOf, run } from './terminal.js';

let folder: string;
let root: string;
let photo: string;
/** A ResNet18 with a new head: one that knows the VOC classes' names, and one that knows none. */
let named: string;
let nameless: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-untrained-'));
  root = join(folder, 'VOC2012');
  for (const part of ['JPEGImages', 'Annotations', 'SegmentationClass', 'ImageSets/Segmentation']) await mkdir(join(root, part), { recursive: true });
  const ids = Array.from({ length: 6 }, (_, i) => `p${i}`);
  for (const [i, id] of ids.entries()) {
    const background = i % 2 === 0 ? { r: 220, g: 30, b: 20 } : { r: 20, g: 40, b: 210 };
    await sharp({ create: { width: 64, height: 64, channels: 3, background } }).jpeg().toFile(join(root, 'JPEGImages', `${id}.jpg`));
    await writeFile(join(root, 'Annotations', `${id}.xml`), annotation([i % 2 === 0 ? 'dog' : 'cat']));
    await sharp(Buffer.alloc(64 * 64, i % 2 === 0 ? 12 : 8), { raw: { width: 64, height: 64, channels: 1 } }).toColourspace('b-w').png().toFile(join(root, 'SegmentationClass', `${id}.png`));
  }
  await writeSplit(root, 'train', ids);
  photo = join(root, 'JPEGImages', 'p0.jpg');
  [named, nameless] = ['named.onnx', 'nameless.onnx'].map((name) => join(folder, name));
  await run('model', 'import', fixture('resnet18.pth'), '--head', 'gap', '--classes', 'voc', '--out', named);
  await run('model', 'import', fixture('resnet18.pth'), '--head', 'gap', '--out', nameless);
});
afterAll(() => rm(folder, { recursive: true }));

const spec = async (file: string) => JSON.parse((await readModel(file)).metadata.get('voc_seeds') ?? '{}') as { untrained?: boolean };
const data = () => ['--voc-root', root, '--split', 'train', '--labels', 'xml'];
const maps = ['--layers', '/32', '--input-size', 'short:64', '--workers', '1'];

describe('a head that no training has seen', () => {
  it('is refused by cam, generate and ablate, whether its classes have names or not', async () => {
    for (const model of [named, nameless]) {
      const out = join(folder, 'never');
      for (const command of [['cam', photo, '--top', '1', '--out', out], ['generate', ...data(), '--out', out], ['ablate', ...data(), '--out', out]]) {
        const message = messageOf(await run(...command, '--model', model));
        expect(message).toContain(`the head of ${model} is untrained`);
        expect(message).toContain(`train it with 'voc-seeds train --backbone ${model}', or use it anyway with --force`);
        expect(await readdir(folder)).not.toContain('never');
      }
    }
  });

  it('passes with --force, which is said and put down', async () => {
    const note = `note: the head of ${named} is untrained`;
    const cam = await run('cam', photo, '--model', named, '--class', 'dog', '--out', join(folder, 'heat'), '--config', 'paper', ...maps.slice(0, 4), '--force');
    expect([cam.code, cam.stderr.includes(note)]).toEqual([0, true]);
    const seeds = join(folder, 'seeds');
    const made = await run('generate', ...data(), '--model', named, '--out', seeds, '--config', 'paper', ...maps, '--force');
    expect([made.code, made.stderr.includes(note)]).toEqual([0, true]);
    expect(JSON.parse(await readFile(join(seeds, 'run.json'), 'utf8'))).toMatchObject({ settings: { untrained: true } });
    const grid = join(folder, 'grid');
    const tried = await run('ablate', ...data(), '--model', named, '--out', grid, ...maps, '--bootstrap', '0', '--json', '--force');
    expect([tried.code, tried.stderr.includes(note)]).toEqual([0, true]);
    expect(JSON.parse(tried.stdout)).toMatchObject({ run: { untrained: true } });
  });

  it('is shown by model inspect, and kept by annotate and dilate', async () => {
    expect((await run('model', 'inspect', named)).stdout).toContain('UNTRAINED');
    const inspected = JSON.parse((await run('model', 'inspect', named, '--json')).stdout) as { spec: unknown; missing: string[] };
    expect(inspected).toMatchObject({ spec: { untrained: true }, missing: [] });
    const [annotated, dilated] = ['annotated.onnx', 'dilated.onnx'].map((name) => join(folder, name));
    await run('model', 'annotate', named, '--preprocess', 'caffe', '--out', annotated);
    await run('model', 'dilate', named, '--output-stride', '16', '--out', dilated);
    expect([await spec(annotated), await spec(dilated)]).toMatchObject([{ untrained: true }, { untrained: true }]);
  });

  it.each(['head', 'full'])('is none any more after train --mode %s', async (mode) => {
    const out = join(folder, `${mode}.onnx`);
    const full = mode === 'full' ? ['--epochs', '1', '--batch-size', '2', '--crop', '64', '--resize', '64,64', '--threads', '1'] : [];
    const { code, stderr } = await run('train', ...data(), '--mode', mode, '--backbone', named, '--folds', '2', '--input-sizes', 'short:64', '--cache', join(folder, 'cache'), '--workers', '1', ...full, '--out', out);
    expect(code, stderr).toBe(0);
    // A head of random weights is nothing to start from.
    expect(stderr).toContain('in cross-validation');
    expect((await spec(out)).untrained).toBeUndefined();
    expect((await run('generate', ...data(), '--model', out, '--out', join(folder, `seeds-${mode}`), '--config', 'paper', ...maps)).code).toBe(0);
  });
});
