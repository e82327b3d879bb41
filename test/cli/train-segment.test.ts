import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeMask } from '../../src/datasets/masks.js';
import { VOC } from '../../src/datasets/classes/voc.js';
import { readModel } from '../../src/onnx/file/read.js';
import { loadStudent } from '../../src/student/load.js';
import { hashOfIds } from '../../src/student/spec.js';
import { annotation, writeSplit, writeTinyClassifier } from '../pipeline/tiny.js';
import type { Ended } from './program.js';
import { startProgram } from './program.js';
import { messageOf, run } from './terminal.js';

interface Report {
  mode: string; images: number; epoch: number; work: string; frozen: string; layers: string[];
  epochs: { epoch: number; loss: number; iou?: number }[];
  validation?: { images: number; iou: number; trainedOn: number; perLabel: Record<string, number> };
  failures: { id: string; reason: string }[];
}

const colours: Record<string, { r: number; g: number; b: number }> = { boat: { r: 230, g: 40, b: 30 }, cow: { r: 40, g: 40, b: 220 } };
let folder: string;
let base: string[];
let ids: string[];

/** A gray photograph with a coloured rectangle, and its mask: of each class some in landscape, some upright. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-train-segment-'));
  const root = join(folder, 'VOC2012');
  for (const part of ['JPEGImages', 'Annotations', 'ImageSets/Segmentation', 'SegmentationClass']) await mkdir(join(root, part), { recursive: true });
  ids = [];
  for (const [name, background] of Object.entries(colours)) {
    for (let i = 0; i < 7; i++) {
      const id = `${name}${i}`;
      const [width, height] = i < 4 ? [96, 64] : [64, 96];
      const [left, top] = [4 * i, 6];
      const object = await sharp({ create: { width: 32, height: 32, channels: 3, background } }).png().toBuffer();
      await sharp({ create: { width, height, channels: 3, background: { r: 128, g: 128, b: 128 } } }).composite([{ input: object, left, top }])
        .jpeg({ quality: 95 }).toFile(join(root, 'JPEGImages', `${id}.jpg`));
      const data = new Uint8Array(width * height);
      for (let y = top; y < top + 32; y++) data.fill(VOC.indexOf(name)!, y * width + left, y * width + left + 32);
      await writeMask(join(root, 'SegmentationClass', `${id}.png`), { width, height, data });
      // What generate writes: some pixels are undecided.
      await writeMask(join(folder, 'run', 'SegmentationClass', `${id}.png`), { width, height, data: data.map((label, at) => (at % 7 === 0 ? 255 : label)) });
      await writeFile(join(root, 'Annotations', `${id}.xml`), annotation([name]));
      ids.push(id);
    }
  }
  await writeFile(join(folder, 'run', 'run.json'), JSON.stringify({ command: 'generate', settings: { threshold: 0.4 } }));
  await writeSplit(root, 'train', ids.filter((_, i) => i % 7 !== 3));
  await writeSplit(root, 'val', ids);
  const backbone = join(folder, 'backbone.onnx');
  await writeTinyClassifier(backbone, { classes: ['one', 'two'] });
  base = [
    '--mode', 'segment', '--backbone', backbone, '--voc-root', root, '--split', 'train', '--labels', 'xml', '--cache', join(folder, 'cache'),
    '--view-size', '64,96', '--batch-size', '4', '--workers', '1', '--threads', '1',
  ];
});
afterAll(() => rm(folder, { recursive: true }));

const train = (...argv: string[]) => run('train', ...base, ...argv);
const seeds = (): string[] => ['--seeds', join(folder, 'run')];

describe('train --mode segment', () => {
  it('trains on seeds, scores every epoch, and says in the file what it is', async () => {
    const out = join(folder, 'student.onnx');
    const { code, stdout, stderr } = await train(...seeds(), '--epochs', '12', '--rate', '0.01', '--val-split', 'val', '--val-labels', 'masks', '--out', out, '--json');
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as Report;
    expect(report).toMatchObject({ mode: 'segment', images: 12, epoch: 12, work: `${out}.training`, failures: [], validation: { images: 14, trainedOn: 12 } });
    expect(report.layers.length).toBe(4);
    expect(report.epochs[11].loss).toBeLessThan(0.5 * report.epochs[0].loss);
    expect(report.epochs[11].iou).toBe(report.validation!.iou);
    // Both classes are single colours: easy to find, though not to the pixel.
    expect(report.validation!.iou).toBeGreaterThan(0.6);
    expect(Object.keys(report.validation!.perLabel)).toEqual(['background', ...VOC.classes]);
    expect(stderr).toMatch(/epoch 12\/12: loss .*, mIoU 0\.\d+/);
    expect((await readdir(report.work)).sort()).toEqual(['best.onnx', 'checkpoint', 'last.onnx', 'log.jsonl', 'training.html']);
    expect(await readFile(join(report.work, 'training.html'), 'utf8')).toContain('Mean IoU');
    const { spec, student, network } = await loadStudent(out);
    expect(spec.classes).toEqual(VOC.classes);
    expect(spec.channelOrder).toBe('bgr');
    expect(network.shapes.stride('logits')).toEqual([4, 4]);
    expect(student).toMatchObject({
      kind: 'segmentation', short: 64, long: 96,
      training: { images: 12, ids: hashOfIds(ids.filter((_, i) => i % 7 !== 3)), seeds: join(folder, 'run', 'SegmentationClass'), epochs: 12, seed: 0 },
    });
    expect(student.training.seedSettings).toMatch(/^[0-9a-f]{16}$/);
    // The frozen layers are as they were.
    const [before, after] = [await readModel(join(folder, 'backbone.onnx')), await readModel(out)].map(({ graph }) => graph.initializers);
    const same = [...before].filter(([name, { bytes }]) => after.has(name) && Buffer.compare(after.get(name)!.bytes, bytes) === 0);
    expect(same.length).toBeGreaterThanOrEqual(6);
  });

  it('comes to the same file again, with the features from the cache, and goes on with a finished run', async () => {
    const [one, two] = [join(folder, 'one.onnx'), join(folder, 'two.onnx')];
    const short = [...seeds(), '--epochs', '2'];
    expect((await train(...short, '--out', one)).code).toBe(0);
    const again = await train(...short, '--out', two);
    expect(again.stderr).toContain('12 from an earlier run');
    expect((await readFile(two)).equals(await readFile(one))).toBe(true);
    await rm(two);
    // Of six photographs in landscape and six upright, four each make a batch.
    expect((await train(...short, '--out', two)).stderr).toContain('continuing at step 4 of 4');
    expect((await readFile(two)).equals(await readFile(one))).toBe(true);
    expect(messageOf(await train(...seeds(), '--epochs', '3', '--out', two))).toContain('from a run with other settings');
  });

  it('comes to the same file and log after a kill and a Ctrl-C', { timeout: 240_000 }, async () => {
    const [whole, parts] = [join(folder, 'whole.onnx'), join(folder, 'parts.onnx')];
    const epochs = 16;
    const argv = (out: string): string[] => ['train', ...base, ...seeds(), '--epochs', String(epochs), '--val-split', 'val', '--val-labels', 'masks', '--out', out];
    const continued = ({ stderr }: Ended): number => Number(new RegExp(`continuing at step (\\d+) of ${2 * epochs}`).exec(stderr)?.[1]);
    expect((await startProgram(argv(whole)).ended).code).toBe(0);

    const killed = startProgram(argv(parts));
    await killed.says(`epoch 3/${epochs}`);
    killed.process.kill('SIGKILL');
    await killed.ended;
    expect(await readdir(folder)).not.toContain('parts.onnx');
    const stopped = startProgram(argv(parts));
    await stopped.says(`epoch 7/${epochs}`);
    stopped.process.kill('SIGINT');
    const end = await stopped.ended;
    expect(end.code, end.stderr).toBe(130);
    // A checkpoint is written after each epoch of two steps; the run was killed in the fourth epoch or later.
    expect(continued(end)).toBeGreaterThanOrEqual(4);
    expect(continued(end) % 2).toBe(0);
    const last = await startProgram(argv(parts)).ended;
    expect(last.code, last.stderr).toBe(0);
    expect(continued(last)).toBeGreaterThan(continued(end));

    expect((await readFile(parts)).equals(await readFile(whole))).toBe(true);
    // A resumed run writes the finished epochs after the finished steps.
    const position = ({ step, epoch }: Record<string, number>): number => step ?? 2 * epoch + 0.5;
    const log = async (out: string): Promise<Record<string, number>[]> => (await readFile(join(`${out}.training`, 'log.jsonl'), 'utf8')).trim().split('\n')
      .map((line) => JSON.parse(line) as Record<string, number>).sort((a, b) => position(a) - position(b));
    expect(await log(parts)).toEqual(await log(whole));
  });

  it('reports photographs without a seed, with one of another size or with other labels, and goes on', async () => {
    const some = join(folder, 'some');
    const place = (id: string): string => join(folder, 'run', 'SegmentationClass', `${id}.png`);
    await mkdir(some);
    for (const id of ids.slice(1)) await writeFile(join(some, `${id}.png`), await readFile(place(id)));
    await writeMask(join(some, 'boat1.png'), { width: 10, height: 10, data: new Uint8Array(100) });
    await writeMask(join(some, 'boat2.png'), { width: 96, height: 64, data: new Uint8Array(96 * 64).fill(77) });
    await writeMask(join(some, 'cow0.png'), { width: 96, height: 64, data: new Uint8Array(96 * 64).fill(255) });
    const { code, stdout } = await train('--seeds', some, '--epochs', '1', '--out', join(folder, 'some.onnx'), '--json');
    expect(code).toBe(2);
    const { images, failures } = JSON.parse(stdout) as Report;
    expect(images).toBe(8);
    expect(failures.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^it has no seed: .*boat0\.png does not exist$/),
      expect.stringMatching(/^the seed .*boat1\.png is 10 x 10 pixels, its photograph 96 x 64$/),
      expect.stringMatching(/boat2\.png: the seed contains the value 77, which is not a label/),
      expect.stringMatching(/^the seed .*cow0\.png has no pixel with a label$/),
    ]);
  });

  it.each<[string, string[], string]>([
    ['no seeds', [], '--seeds'],
    ['a folder that is not there', ['--seeds', 'nowhere'], '--seeds nowhere is not a folder'],
    ['a size that the network cannot divide', ['--view-size', '64,100'], '100 is not a multiple of 32'],
    ['sides in the wrong order', ['--view-size', '96,64'], 'has the long side first'],
    ['a batch larger than the list', ['--batch-size', '13'], 'only 12 photographs can be used, which do not fill a batch of 13'],
    ['the best epoch without a validation list', ['--keep', 'best'], '--keep best needs a validation list'],
    ['a layer to pool', ['--layer', '/32'], '--layer has no effect with --mode segment'],
    ['flags of the photographs of another mode, with their default values too', ['--crop', '224', '--jitter', '0.1'], '--crop, --jitter have no effect with --mode segment'],
    ['the rate of a head', ['--head-rate', '5'], '--head-rate has no effect with --mode segment'],
    ['a sampler', ['--sampler', 'balanced'], '--sampler has no effect with --mode segment'],
    ['a head without a bias', ['--no-head-bias'], '--head-bias has no effect with --mode segment'],
    ['views of a head', ['--input-sizes', 'short:64'], '--input-sizes has no effect with --mode segment'],
    ['seeds in another mode', ['--mode', 'full'], '--seeds, --view-size have no effect with --mode full'],
    ['a layer above the decoder', ['--train-from', 'nothing'], 'no feature layer called \'nothing\''],
  ])('refuses %s', async (what, argv, message) => {
    const own = argv[0] === '--seeds' || what === 'no seeds' ? argv : [...seeds(), ...argv];
    expect(messageOf(await train(...own, '--out', join(folder, 'refused.onnx')))).toContain(message);
  });
});
