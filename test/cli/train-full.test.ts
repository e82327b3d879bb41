import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import { loadClassifier } from '../../src/classifier/load.js';
import { readModel } from '../../src/onnx/file/read.js';
import { annotation, writeSplit, writeTinyClassifier } from '../pipeline/tiny.js';
import { messageOf, run } from './terminal.js';

interface Report {
  mode: string; images: number; epoch: number; work: string;
  epochs: { epoch: number; loss: number; map?: number }[];
  validation?: { images: number; map: number };
  failures: { id: string; reason: string }[];
}

const preprocess = ['--channel-order', 'rgb', '--scale', String(1 / 255), '--mean', '0.5', '--std', '0.25'];
const colours: Record<string, { r: number; g: number; b: number }> = { boat: { r: 200, g: 40, b: 30 }, cow: { r: 40, g: 190, b: 50 } };
let folder: string;
let base: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-train-full-'));
  const root = join(folder, 'VOC2012');
  for (const part of ['JPEGImages', 'Annotations', 'ImageSets/Segmentation']) await mkdir(join(root, part), { recursive: true });
  const ids: string[] = [];
  for (const [name, background] of Object.entries(colours)) {
    for (let i = 0; i < 8; i++) {
      const id = `${name}${i}`;
      await sharp({ create: { width: 70 + i, height: 60, channels: 3, background } }).jpeg().toFile(join(root, 'JPEGImages', `${id}.jpg`));
      await writeFile(join(root, 'Annotations', `${id}.xml`), annotation([name]));
      ids.push(id);
    }
  }
  await writeSplit(root, 'train', ids.filter((_, i) => i % 8 < 4));
  await writeSplit(root, 'more', ids.filter((_, i) => i % 8 >= 2 && i % 8 < 6));
  await writeSplit(root, 'val', ids.filter((_, i) => i % 8 >= 6));
  const backbone = join(folder, 'backbone.onnx');
  await writeTinyClassifier(backbone, { classes: ['one', 'two'], metadata: null });
  base = [
    '--mode', 'full', '--voc-root', root, '--labels', 'xml', '--cache', join(folder, 'cache'), '--input-sizes', 'short:64', '--folds', '2',
    '--crop', '64', '--resize', '64,72', '--batch-size', '4', '--epochs', '2', '--rate', '0.01', '--head-rate', '1', '--workers', '1', '--threads', '1',
  ];
});
afterAll(() => rm(folder, { recursive: true }));

const train = (...argv: string[]) => run('train', ...base, ...argv);
const backbone = (): string[] => ['--backbone', join(folder, 'backbone.onnx'), ...preprocess];

describe('train --mode full', () => {
  it('fits a head, trains all layers on several lists, scores every epoch, and keeps what it was asked to', async () => {
    const out = join(folder, 'full.onnx');
    const { code, stdout, stderr } = await train(...backbone(), '--split', 'train,more', '--val-split', 'val', '--out', out, '--keep', 'best', '--json');
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as Report;
    // Four of each class in either list, two of them in both.
    expect(report).toMatchObject({ mode: 'full', images: 12, work: `${out}.training`, failures: [], validation: { images: 4, map: 1 } });
    expect(report.epochs.map(({ epoch, map }) => [epoch, map])).toEqual([[1, 1], [2, 1]]);
    // The second epoch is as good as the first, not better.
    expect(report.epoch).toBe(1);
    expect(stderr).toMatch(/epoch 1\/2: loss .*, mAP 1\.0000 \(best\)/);
    expect((await readdir(report.work)).sort()).toEqual(['best.onnx', 'checkpoint', 'last.onnx', 'log.jsonl', 'training.html']);
    expect((await readFile(out)).equals(await readFile(join(report.work, 'best.onnx')))).toBe(true);
    const { graph } = await loadClassifier(out);
    expect(graph.classCount).toBe(20);
    // A second call has nothing left to train, and finds the best epoch's weights where the first left them.
    const written = await readFile(out);
    await rm(out);
    const again = await train(...backbone(), '--split', 'train,more', '--val-split', 'val', '--out', out, '--keep', 'best', '--json');
    expect((JSON.parse(again.stdout) as Report).epoch).toBe(1);
    expect((await readFile(out)).equals(written)).toBe(true);
  });

  it('goes on with a finished run without training again, and trains a classifier further with the head it has', async () => {
    const [first, further] = [join(folder, 'first.onnx'), join(folder, 'further.onnx')];
    await train(...backbone(), '--split', 'train', '--out', first);
    const written = await readFile(first);
    await rm(first);
    expect((await train(...backbone(), '--split', 'train', '--out', first)).stderr).toContain('continuing at step 4 of 4');
    expect((await readFile(first)).equals(written)).toBe(true);
    const { code, stderr } = await train('--backbone', first, '--split', 'train', '--out', further, '--train-from', '/32', '--average', '0');
    expect(code, stderr).toBe(0);
    expect(stderr).not.toContain('cross-validation');
    const [before, after] = await Promise.all([first, further].map(async (path) => (await readModel(path)).graph.initializers));
    const changed = [...before.keys()].filter((name) => String(before.get(name)!.toFloat32()) !== String(after.get(name)!.toFloat32()));
    expect(changed.map((name) => name.replace(/_\d+$/, ''))).toEqual(['head_weight', 'head_bias']);
  });

  it('gives the last stage another stride, and the head no bias', async () => {
    const out = join(folder, 'dense.onnx');
    const { code, stderr } = await train(...backbone(), '--split', 'train', '--out', out, '--output-stride', '16', '--no-head-bias', '--epochs', '1');
    expect(code, stderr).toBe(0);
    const model = await readModel(out);
    expect([...model.graph.initializers.keys()].filter((name) => name.startsWith('head_')).map((name) => name.replace(/_\d+$/, ''))).toEqual(['head_weight']);
    expect(Math.max(...new ClassifierGraph(model, 'logits').layers.map(({ stride }) => stride))).toBe(16);
  });

  it.each([
    [['--resize', '80,64'], /--resize is \[80,64\]; the smaller size must come first/],
    [['--warm-up', '2'], /--warm-up is 2; it must be from 0 to 1/],
    [['--decay', 'steps'], /Allowed choices are poly, cosine, constant/],
    [['--train-from', '/64'], /no feature layer at stride 64/],
    [['--output-stride', '7'], /stride/],
    [['--batch-size', '64', '--init-head', 'zero'], /8 photographs do not fill a batch of 64/],
    [['--crop', '1'], /--crop 1 is smaller than a cell of the deepest feature map, which is 32 pixels wide\nuse at least 32/],
    [['--rate', '1e12', '--no-resume'], /the loss is (NaN|Infinity) at step \d/],
    [['--rate', '1e39', '--warm-up', '0', '--epochs', '1', '--batch-size', '8', '--no-resume'], /the weights are not all finite after epoch 1/],
    [['--keep', 'best'], /--keep best needs a validation list/],
    [['--also', 'VOC2007'], /Expected root,split,labels/],
  ])('says what is wrong with %j', async (argv, message) => {
    expect(messageOf(await train(...backbone(), '--split', 'train', '--out', join(folder, 'wrong.onnx'), ...argv))).toMatch(message);
  });
});
