import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { readModel } from '../../src/onnx/file/read.js';
import { readMask } from '../../src/datasets/masks.js';
import { VOC_CLASSES } from '../../src/datasets/classes/voc.js';
import { annotation, noise, writeSplit, writeTinyClassifier } from '../pipeline/tiny.js';
import { messageOf, run } from './terminal.js';

interface Report {
  out: string; layer: string; images: number; views: number; l2: number; missing: number;
  trials: { l2: number; map: number }[];
  validation?: { split: string; images: number; map: number; perClass: Record<string, number | null> };
  failures: { id: string; reason: string }[];
}

const colours: Record<string, [number, number, number]> = { boat: [200, 40, 30], cow: [40, 190, 50], sofa: [30, 50, 210] };
const preprocess = ['--channel-order', 'rgb', '--scale', String(1 / 255), '--mean', '0.5', '--std', '0.25'];
let folder: string;
let root: string;
let base: string[];

/** A picture of one class's colour, with noise, in a gray frame. */
async function coloured(seed: number, colour: readonly number[]): Promise<Buffer> {
  const random = noise(seed);
  const [width, height] = [48 + seed % 7, 40 + seed % 5];
  const pixels = Buffer.from(Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    const inside = x > 8 && x < width - 8 && y > 8 && y < height - 8;
    return (inside ? colour[i % 3] : 120) + 15 * random();
  }));
  return sharp(pixels, { raw: { width, height, channels: 3 } }).jpeg().toBuffer();
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-train-'));
  root = join(folder, 'VOC2012');
  for (const part of ['JPEGImages', 'Annotations', 'ImageSets/Segmentation']) await mkdir(join(root, part), { recursive: true });
  const ids: string[] = [];
  for (const [name, colour] of Object.entries(colours)) {
    for (let i = 0; i < 12; i++) {
      const id = `${name}${i}`;
      await writeFile(join(root, 'JPEGImages', `${id}.jpg`), await coloured(1 + ids.length, colour));
      await writeFile(join(root, 'Annotations', `${id}.xml`), annotation([name]));
      ids.push(id);
    }
  }
  await writeSplit(root, 'train', ids.filter((_, i) => i % 12 < 8));
  await writeSplit(root, 'val', ids.filter((_, i) => i % 12 >= 8));
  const backbone = join(folder, 'backbone.onnx');
  await writeTinyClassifier(backbone, { classes: ['one', 'two'], metadata: null });
  base = ['--backbone', backbone, '--voc-root', root, '--split', 'train', '--labels', 'xml', '--input-sizes', 'short:64', '--cache', join(folder, 'cache'), '--workers', '2'];
});
afterAll(() => rm(folder, { recursive: true }));

const train = (...argv: string[]) => run('train', ...base, ...argv);

describe('train', () => {
  it('makes a classifier that tells three colours apart, and that generate takes', async () => {
    const out = join(folder, 'new', 'classifier.onnx');
    const { code, stdout, stderr } = await train(...preprocess, '--out', out, '--val-split', 'val', '--json');
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as Report;
    expect(report).toMatchObject({ out, images: 24, views: 2, missing: 0, failures: [] });
    expect(report.validation).toMatchObject({ split: 'val', images: 12, map: 1 });
    expect(report.validation!.perClass).toMatchObject({ boat: 1, cow: 1, sofa: 1, person: null });
    expect(Object.keys(report.validation!.perClass)).toEqual(VOC_CLASSES);
    const model = await readModel(out);
    expect(JSON.parse(model.metadata.get('voc_seeds')!)).toEqual({
      logits: 'logits', channelOrder: 'rgb', scale: 1 / 255, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25], classes: [...VOC_CLASSES],
    });
    const seeds = join(folder, 'seeds');
    const made = await run('generate', '--model', out, '--voc-root', root, '--split', 'val', '--labels', 'xml', '--config', 'paper', '--input-size', 'short:64', '--out', seeds, '--json');
    expect(made.code, made.stderr).toBe(0);
    expect(await readdir(join(seeds, 'SegmentationClass'))).toHaveLength(12);
    expect([...new Set((await readMask(join(seeds, 'SegmentationClass', 'sofa9.png'))).data)].sort((a, b) => a - b)).toEqual([0, 18]);
  });

  it('runs on TensorFlow.js, and says so', async () => {
    const { code, stdout, stderr } = await train(
      ...preprocess, '--out', join(folder, 'tfjs.onnx'), '--runtime', 'tfjs', '--device', 'wasm', '--cache', join(folder, 'tfjs-cache'), '--val-split', 'val', '--json');
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ runtime: expect.stringMatching(/wasm/) as unknown, images: 24, validation: { map: 1 } });
    expect(stderr).toMatch(/^runtime: .*wasm/m);
  });

  it('refuses a device that is not there, before any work', async () => {
    const { code, stderr } = await train(...preprocess, '--out', join(folder, 'none.onnx'), '--runtime', 'ort', '--device', 'wasm');
    expect(code).toBe(1);
    expect(stderr).toContain('\'wasm\' is not a device of ONNX Runtime');
    expect(stderr).not.toContain('images');
  });

  it('reports average precision as a table, and writes the same file twice', async () => {
    const [one, two] = [join(folder, 'one.onnx'), join(folder, 'two.onnx')];
    const { code, stdout } = await train(...preprocess, '--out', one, '--val-split', 'val');
    expect(code).toBe(0);
    expect(stdout).toContain(`${one}: head fitted to 24 images in 2 views`);
    expect(stdout).toContain('Average precision on 12 images of val');
    expect(stdout).toContain('| boat |  100.0 |');
    expect(stdout).toContain('| person | absent |');
    expect(stdout).toContain('| **mAP** |  100.0 |');
    await train(...preprocess, '--out', two);
    expect((await readFile(two)).equals(await readFile(one))).toBe(true);
  });

  it('takes images and classes from one list', async () => {
    const list = join(folder, 'list.txt');
    await writeFile(list, Object.keys(colours).flatMap((name) => Array.from({ length: 4 }, (_, i) => `VOC2012/JPEGImages/${name}${i}.jpg ${name}\n`)).join(''));
    const { code, stdout, stderr } = await run('train', ...base.map((word) => ({ train: list, xml: 'list' })[word] ?? word), ...preprocess, '--folds', '3', '--no-flip',
      '--out', join(folder, 'listed.onnx'), '--val-split', 'val', '--val-labels', 'xml', '--json');
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout) as Report).toMatchObject({ images: 12, views: 1, validation: { map: 1 } });
  });

  it('leaves out images that fail, and exits with 2', async () => {
    const broken = join(folder, 'broken');
    await cp(root, broken, { recursive: true });
    await writeFile(join(broken, 'JPEGImages/boat1.jpg'), 'no photograph');
    await rm(join(broken, 'Annotations/cow2.xml'));
    await rm(join(broken, 'JPEGImages/sofa3.jpg'));
    const out = join(folder, 'broken.onnx');
    const { code, stdout, stderr } = await run('train', ...base, '--voc-root', broken, ...preprocess, '--out', out);
    expect(code).toBe(2);
    expect(stdout).toContain('head fitted to 21 images');
    expect(stderr).toMatch(/of the \d+ photographs of the lists were on disk; 1 is missing\n$/);
    expect(stdout).toContain('2 photographs failed:');
    expect(stdout).toMatch(/^ {2}cow2: no labels for cow2 from xml/m);
    expect(stdout).toMatch(/boat1.*cannot read the photograph/);
  });

  it('says why every photograph failed', async () => {
    const cut = join(folder, 'cut');
    await cp(root, cut, { recursive: true });
    for (const file of await readdir(join(cut, 'JPEGImages'))) await writeFile(join(cut, 'JPEGImages', file), 'no photograph');
    const out = join(folder, 'cut.onnx');
    const all = messageOf(await train(...preprocess, '--voc-root', cut, '--out', out)).replace(/^(features|runtime|note).*\n/gm, '');
    expect(all).toMatch(/^error: none of the 24 photographs can be used:\n {2}boat0, boat1, boat2 and 21 more: cannot read the photograph .*boat0\.jpg: .*unsupported image format/);
    const list = join(folder, 'cut-list.txt');
    await writeFile(list, Array.from({ length: 3 }, (_, i) => `cut/JPEGImages/cow${i}.jpg cow\n`).join(''));
    const validation = messageOf(await train(...preprocess, '--val-split', list, '--val-labels', 'list', '--out', out));
    expect(validation).toMatch(/error: none of the 3 photographs of the validation list can be used:\n {2}cow0, cow1, cow2: cannot read .*unsupported/);
    // It is known before the work.
    expect(validation).not.toContain('mAP');
    // A few are left, too few for the cross-validation.
    for (const file of ['boat0.jpg', 'cow0.jpg']) await cp(join(root, 'JPEGImages', file), join(cut, 'JPEGImages', file));
    expect(messageOf(await train(...preprocess, '--voc-root', cut, '--out', out)))
      .toMatch(/only 2 of the 24 photographs can be used, too few for a cross-validation in 5 parts:\n {2}boat1, boat2, boat3 and 19 more: .*unsupported/);
    await rm(join(cut, 'Annotations'), { recursive: true });
    await mkdir(join(cut, 'Annotations'));
    expect(messageOf(await train(...preprocess, '--voc-root', cut, '--out', out))).toMatch(/no photograph of .*train\.txt has labels:\n {2}boat0, boat1, boat2 and 21 more: no labels for boat0 from xml/);
    expect(await readdir(folder)).not.toContain('cut.onnx');
  });

  it('names the classes that no photograph shows', async () => {
    const { stdout, stderr } = await train(...preprocess, '--out', join(folder, 'seen.onnx'), '--json');
    expect(stderr).toMatch(/^note: no training photograph contains aeroplane, bicycle, bird, bottle, .*, tvmonitor: the classifier cannot recognise them/m);
    expect((JSON.parse(stdout) as { absent: string[] }).absent).toEqual(VOC_CLASSES.filter((name) => !(name in colours)));
  });

  it('prints its settings', async () => {
    const file = join(folder, 'train.yaml');
    await writeFile(file, 'folds: 7\nseed: 3\nflip: false\nlabels: masks\n');
    const { code, stdout } = await run('train', '--config', file, '--seed', '4', '--print-config');
    expect(code).toBe(0);
    expect(parseYaml(stdout)).toMatchObject({ mode: 'head', folds: 7, seed: 4, flip: false, labels: 'masks', inputSizes: ['short:320'] });
  });

  it('takes another layer where it is told to', async () => {
    const deep = JSON.parse((await train(...preprocess, '--out', join(folder, 'deep.onnx'), '--json')).stdout) as Report;
    const shallow = JSON.parse((await train(...preprocess, '--out', join(folder, 'shallow.onnx'), '--layer', '/8', '--json')).stdout) as Report;
    expect(shallow.layer).not.toBe(deep.layer);
    const inspected = await run('model', 'inspect', join(folder, 'shallow.onnx'), '--json');
    const { layers } = JSON.parse(inspected.stdout) as { layers: { stride: number }[] };
    expect(Math.max(...layers.map(({ stride }) => stride))).toBe(8);
  });
});

describe('train with wrong flags', () => {
  it.each([
    [['--layer', '/7'], /no feature layer at stride 7/],
    [['--seed', '-1'], /--seed is -1; it must be a whole number from 0 up/],
    [['--folds', '1'], /--folds is 1; it must be a whole number from 2 up/],
    [['--folds', '30'], /24 images are too few for a cross-validation in 30 parts/],
    [['--split', 'nowhere'], /there is no split nowhere/],
    [['--backbone', 'nowhere.onnx'], /nowhere\.onnx/],
    [['--mode', 'all'], /Allowed choices are head, full/],
    [['--epochs', '3'], /--epochs has no effect with --mode head\nleave it out, or choose another mode: --epochs needs --mode full or segment/],
    [['--crop', '96', '--train-from', '/16'], /--train-from, --crop have no effect with --mode head/],
    [['--mode', 'full', '--top-rate', '0.1'], /--top-rate has no effect with --mode full/],
    [['--input-sizes', 'short:64,big'], /--input-sizes contains 'big'; it must be native, short:N/],
    [['--val-labels', 'guess'], /Allowed are xml/],
    [['--std', '0,1,1'], /Expected a number above 0/],
    [['--scale', '1e30', '--std', '1e-30'], /features of the images are not all finite/],
    [['--mean', '1,2'], /Expected three numbers/],
  ])('%j', async (argv, message) => {
    expect(messageOf(await train(...preprocess, '--out', join(folder, 'wrong.onnx'), ...argv)).replace(/^(features|l2) .*\n/gm, '')).toMatch(message);
  });

  it('settings of another mode in a file', async () => {
    const file = join(folder, 'other-mode.yaml');
    await writeFile(file, 'crop: 96\njitter: 0.3\nepochs: 3\n');
    // 0.3 is the default.
    expect(messageOf(await train(...preprocess, '--config', file, '--out', join(folder, 'wrong.onnx')))).toContain('--epochs, --crop have no effect with --mode head');
  });

  it('says before the work that it cannot write', async () => {
    const file = join(folder, 'plain-file');
    await writeFile(file, '');
    const stderr = messageOf(await train(...preprocess, '--out', join(file, 'classifier.onnx')));
    expect(stderr).toContain(`cannot write ${file}: a part of the path is a file`);
    expect(stderr).not.toContain('mAP');
  });

  it('says what is missing', async () => {
    expect(messageOf(await run('train'))).toContain('--backbone is missing');
    expect(messageOf(await run('train', '--backbone', 'x.onnx'))).toContain('--out is missing');
    expect(messageOf(await run('train', '--backbone', 'x.onnx', '--out', 'y.onnx'))).toContain('--voc-root is missing');
    const bare = messageOf(await train('--out', join(folder, 'bare.onnx')));
    expect(bare).toContain('does not specify its channelOrder, scale, mean, std');
    for (const flag of ['--preprocess', '--channel-order', '--scale', '--mean', '--std']) expect(bare).toContain(flag);
    expect(messageOf(await train('--out', join(folder, 'bare.onnx'), '--preprocess', 'torch'))).toContain('Allowed are torchvision, tensorflow, caffe');
  });
});
