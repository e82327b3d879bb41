import { spawn } from 'node:child_process';
import { cp, mkdir, readFile, readdir, rename, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { decodeNpz } from '../../src/formats/numpy/npz.js';
import { readMask } from '../../src/datasets/masks.js';
import { repository } from '../helpers.js';
import { annotation, makeDevkit, photograph, writeSplit, writeTinyClassifier } from '../pipeline/tiny.js';
import type { TinyDevkit } from '../pipeline/tiny.js';
import { messageOf, run } from './terminal.js';

interface Json {
  out: string;
  counts: Record<'written' | 'resumed' | 'failed' | 'missing' | 'left', number>;
  failures: { id: string; reason: string }[];
  notes: { id: string; notes: string[] }[];
  missing: string[];
  interrupted: boolean;
}

const ids = ['a', 'b', 'c', 'd', 'e'];
let devkit: TinyDevkit;
let folder: string;
let base: string[];
let count = 0;
const fresh = (): string => join(folder, `out-${count++}`);
const generate = (...argv: string[]) => run('generate', ...base, ...argv);
/** Standard error without the line that names the runtime, which must be there. */
function withoutRuntime(stderr: string): string {
  expect(stderr).toMatch(/^runtime: onnxruntime \S+ \(cpu\)$/m);
  return stderr.replace(/^runtime: .*\n/m, '');
}
/** A run that must end with this code, without a word on standard output but its JSON. */
async function json(code: number, ...argv: string[]): Promise<Json> {
  const outcome = await generate(...argv, '--json');
  expect(outcome.code, outcome.stderr).toBe(code);
  return JSON.parse(outcome.stdout) as Json;
}
const seed = (out: string, id: string): string => join(out, 'SegmentationClass', `${id}.png`);
const list = (out: string, split = 'train'): Promise<string> => readFile(join(out, 'ImageSets/Segmentation', `${split}.txt`), 'utf8');
const everything = async (of: string): Promise<string[]> => (await readdir(of, { recursive: true })).sort();

beforeAll(async () => {
  devkit = await makeDevkit({
    a: [60, 40, ['dog']], b: [40, 64, ['cat', 'person']], c: [50, 50, ['bus', 'aeroplane']], d: [33, 47, ['sofa']], e: [64, 48, ['train']],
  });
  ({ folder } = devkit);
  base = ['--config', 'paper', '--model', devkit.model, '--voc-root', devkit.root, '--split', 'train', '--labels', 'xml', '--input-size', 'short:64', '--workers', '2'];
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => { vi.unstubAllEnvs(); });

describe('generate', () => {
  it('writes seeds of the size of each photograph, the list, and how they were made', async () => {
    const out = fresh();
    const { code, stdout, stderr } = await generate('--out', out, '--threshold', '0.4', '--layers', '/16,/32');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^5 images written to /);
    // No progress bar where there is no terminal.
    expect(withoutRuntime(stderr)).toBe('');
    const sizes: Record<string, [number, number]> = { a: [60, 40], b: [40, 64], c: [50, 50], d: [33, 47], e: [64, 48] };
    const allowed: Record<string, number[]> = { a: [12], b: [8, 15], c: [1, 6], d: [18], e: [19] };
    for (const id of ids) {
      const { width, height, data } = await readMask(seed(out, id));
      expect([width, height]).toEqual(sizes[id]);
      const labels = [...new Set(data)].filter((label) => label !== 0);
      expect(labels.length).toBeGreaterThan(0);
      expect(allowed[id]).toEqual(expect.arrayContaining(labels));
    }
    expect(await list(out)).toBe('a\nb\nc\nd\ne\n');
    expect(await everything(out)).toEqual([
      'ImageSets', 'ImageSets/Segmentation', 'ImageSets/Segmentation/train.txt', 'SegmentationClass', ...ids.map((id) => `SegmentationClass/${id}.png`), 'journal', 'run.json',
    ]);
    const record = JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as Json & Record<string, unknown>;
    expect(record).toMatchObject({
      command: 'generate', vocRoot: devkit.root, modelPath: devkit.model, split: 'train', shard: null, workers: 2, threads: 1,
      counts: { written: 5, resumed: 0, failed: 0, missing: 0, left: 0, withoutClasses: 0 }, failures: [], missing: [], interrupted: false,
      settings: {
        threshold: 0.4, inputSize: 'short:64', layerNorm: 'max', scaleLayers: 'shallow', gamma: 2, fuse: 'max', upsample: 'bilinear',
        labels: 'xml', png: 'palette', channelOrder: 'bgr', mean: [0.5, 0.4, 0.3], logits: 'logits',
      },
      versions: { node: process.version },
    });
    expect((record.settings as { layers: string[] }).layers).toHaveLength(2);
    const { createHash } = await import('node:crypto');
    expect((record.settings as { model: string }).model).toBe(createHash('sha256').update(await readFile(devkit.model)).digest('hex'));
    for (const time of ['started', 'finished']) expect(new Date(record[time] as string).getTime()).toBeGreaterThan(Date.now() - 120_000);
  });

  it('is deterministic: the same bytes with one worker or three', async () => {
    const [one, three] = [fresh(), fresh()];
    await json(0, '--out', one, '--workers', '1');
    await json(0, '--out', three, '--workers', '3', '--threads', '2');
    for (const id of ids) expect((await readFile(seed(one, id))).equals(await readFile(seed(three, id)))).toBe(true);
  });

  it('writes plain gray where it is asked to', async () => {
    const [palette, gray] = [fresh(), fresh()];
    await json(0, '--out', palette, '--ids', 'b');
    await json(0, '--out', gray, '--ids', 'b', '--png', 'gray');
    const bytes = await readFile(seed(gray, 'b'));
    // IHDR: bit depth 8, colour type 0 (gray) or 3 (palette).
    expect([...bytes.subarray(24, 26)]).toEqual([8, 0]);
    expect([...(await readFile(seed(palette, 'b'))).subarray(24, 26)]).toEqual([8, 3]);
    expect(await readMask(seed(gray, 'b'))).toEqual(await readMask(seed(palette, 'b')));
  });

  it('writes the confidence of each label with --soft, and makes it again if it is lost', async () => {
    const out = fresh();
    await json(0, '--out', out, '--ids', 'a,b', '--soft', '--save-cams', '--threshold', '0.3', '--background-threshold', '0.2');
    const file = join(out, 'Confidence', 'b.png');
    const { data: confidence, width, height } = await readMask(file);
    const labels = await readMask(seed(out, 'b'));
    expect([width, height]).toEqual([40, 64]);
    const arrays = decodeNpz(await readFile(join(out, 'cams', 'b.npz')));
    const [keys, maps] = [[...arrays.get('keys')!.values], arrays.get('maps')!.values];
    const byte = (value: number): number => Math.floor(255 * value + 0.5);
    const at = (k: number, i: number): number => maps[k * 40 * 64 + i];
    const expected = [...labels.data].map((label, i) => {
      if (label === 255) return 0;
      return byte(label === 0 ? 1 - Math.max(at(0, i), at(1, i)) : at(keys.indexOf(label), i));
    });
    expect([...confidence]).toEqual(expected);
    expect(new Set(labels.data).has(255)).toBe(true);
    const bytes = await readFile(file);
    await rm(file);
    expect(await json(0, '--out', out, '--ids', 'a,b', '--soft', '--save-cams', '--threshold', '0.3', '--background-threshold', '0.2')).toMatchObject({ remade: ['b'] });
    expect((await readFile(file)).equals(bytes)).toBe(true);
  });

  it('goes on with a run of an earlier version, whose list is in ImageSets, and is a devkit itself', async () => {
    const out = fresh();
    await json(0, '--out', out);
    await rename(join(out, 'ImageSets/Segmentation/train.txt'), join(out, 'ImageSets/train.txt'));
    await rm(join(out, 'ImageSets/Segmentation'), { recursive: true });
    expect(await json(0, '--out', out)).toMatchObject({ counts: { written: 0, resumed: 5 } });
    expect(await list(out)).toBe('a\nb\nc\nd\ne\n');
    const scores = await run('eval', '--voc-root', out, '--split', 'train', '--pred', join(out, 'SegmentationClass'), '--json');
    expect(scores.code, scores.stderr).toBe(0);
  });

  it('does not write over a list that is not its own', async () => {
    const out = fresh();
    await mkdir(join(out, 'ImageSets/Segmentation'), { recursive: true });
    await writeFile(join(out, 'ImageSets/Segmentation/train.txt'), 'official\n');
    expect(messageOf(await generate('--out', out))).toContain('already contains files');
    expect(await list(out)).toBe('official\n');
  });

  it('takes classes and images from one list', async () => {
    const file = join(folder, 'listed.txt');
    await writeFile(file, 'JPEGImages/a.jpg dog\nJPEGImages/d.jpg 18\n');
    const [own, xml] = [fresh(), fresh()];
    const argv = ['--config', 'paper', '--model', devkit.model, '--voc-root', devkit.root, '--input-size', 'short:64'];
    const listed = await run('generate', ...argv, '--split', file, '--labels', 'list', '--out', own);
    expect(listed.code, listed.stderr).toBe(0);
    await json(0, '--out', xml, '--ids', 'a,d');
    for (const id of ['a', 'd']) expect(await readMask(seed(own, id))).toEqual(await readMask(seed(xml, id)));
    expect(await list(own, 'listed')).toBe('a\nd\n');
  });

  it('an image without classes is all background, and counted', async () => {
    const file = join(folder, 'some.txt');
    await writeFile(file, 'a dog\nd\n');
    const out = fresh();
    const { counts, notes } = await json(0, '--labels', `list:${file}`, '--ids', 'a,d', '--out', out, '--save-cams');
    expect(counts).toMatchObject({ written: 2, withoutClasses: 1 });
    expect(notes).toEqual([]);
    const record = JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as Json;
    expect(record.notes).toEqual([{ id: 'd', notes: ['no class: all background'] }]);
    const { width, height, data } = await readMask(seed(out, 'd'));
    expect([width, height]).toEqual([33, 47]);
    expect(data.every((label) => label === 0)).toBe(true);
    // A network of fixed size, or seeds at its own size, must not matter here.
    expect((await readMask(seed(out, 'a'))).data.some((label) => label === 12)).toBe(true);
  });

  it('a class whose map is zero everywhere is noted, and its seeds are background', async () => {
    const model = join(folder, 'silent.onnx');
    await writeTinyClassifier(model, { silent: 11 });
    const out = fresh();
    const { notes } = await json(0, '--model', model, '--ids', 'a,b', '--out', out, '--save-cams');
    expect(notes).toEqual([{ id: 'a', notes: ['the map of dog is zero everywhere'] }]);
    expect((await readMask(seed(out, 'a'))).data.every((label) => label === 0)).toBe(true);
    const { unzipSync } = await import('fflate');
    const bytes = unzipSync(await readFile(join(out, 'cams', 'a.npz')))['maps.npy'];
    expect(new Float32Array(bytes.slice(bytes.length - 60 * 40 * 4).buffer).every((value) => value === 0)).toBe(true);
  });

  it('photographs that are not on disk are counted and listed', async () => {
    await writeSplit(devkit.root, 'more', ['gone', 'a', 'lost', 'b']);
    const out = fresh();
    const { code, stdout, stderr } = await generate('--split', 'more', '--out', out);
    expect(code).toBe(0);
    expect(stdout).toContain('2 images written');
    expect(withoutRuntime(stderr)).toBe(
      '2 of the split\'s photographs are not on disk and are left out\n'
      + '2 of the 4 photographs of the split were on disk; 2 are missing (run.json lists them)\n');
    expect((await generate('--split', 'more', '--out', out, '--strict')).code).toBe(2);
    const record = JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as Json;
    expect(record.missing).toEqual(['gone', 'lost']);
    expect(await list(out, 'more')).toBe('a\nb\n');
    await writeSplit(devkit.root, 'absent', ['gone', 'lost']);
    expect(messageOf(await generate('--split', 'absent', '--out', fresh()))).toContain('none of the 2 photographs of the split is on disk');
  });

  it('takes the classes only from objects that are not difficult where asked to, and does not mix the two', async () => {
    const root = join(folder, 'difficult');
    await cp(devkit.root, root, { recursive: true });
    await writeFile(join(root, 'Annotations/a.xml'), annotation(['dog', 'sofa']).replace('<difficult>0', '<difficult>1'));
    const out = fresh();
    await json(0, '--voc-root', root, '--ids', 'a', '--no-difficult', '--out', out);
    expect([...new Set((await readMask(seed(out, 'a'))).data)].sort((x, y) => x - y)).toEqual([0, 18]);
    expect(messageOf(await generate('--voc-root', root, '--ids', 'a', '--out', out))).toContain('labels was "xml without difficult objects" and is "xml"');
  });
});

describe('generate with photographs that fail', () => {
  let root: string;
  const wrong = ['cut', 'text', 'nolabel', 'whale', 'empty'];

  beforeAll(async () => {
    root = join(folder, 'trouble');
    await cp(devkit.root, root, { recursive: true });
    const image = (id: string): string => join(root, 'JPEGImages', `${id}.jpg`);
    await writeFile(image('cut'), await photograph(9, 80, 60));
    await truncate(image('cut'), Math.floor((await stat(image('cut'))).size / 2));
    await writeFile(image('text'), 'this is no photograph\n');
    await writeFile(image('empty'), '');
    await writeFile(image('nolabel'), await photograph(10, 20, 20));
    await writeFile(image('whale'), await photograph(11, 20, 20));
    for (const id of ['cut', 'text', 'empty']) await writeFile(join(root, 'Annotations', `${id}.xml`), annotation(['dog']));
    await writeFile(join(root, 'Annotations/whale.xml'), annotation(['whale']));
    await writeSplit(root, 'train', ['cut', 'a', 'text', 'b', 'nolabel', 'c', 'whale', 'd', 'empty', 'e']);
  });

  it('names each with its reason, goes on with the others, and exits with 2', async () => {
    const out = fresh();
    const { code, stdout, stderr } = await generate('--voc-root', root, '--out', out);
    expect(code).toBe(2);
    expect(stdout).toContain('5 images written');
    expect(stdout).toContain('5 images failed:');
    for (const id of wrong) expect(stdout).toMatch(new RegExp(`^ {2}${id}: .`, 'm'));
    expect(withoutRuntime(stderr)).toBe('');
    const { failures, counts } = JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as Json;
    expect(counts).toEqual({ written: 5, resumed: 0, failed: 5, missing: 0, left: 0, withoutClasses: 0 });
    const reasons = Object.fromEntries(failures.map(({ id, reason }) => [id, reason]));
    expect(reasons.cut).toMatch(/^cannot read the photograph .*cut\.jpg: .*(?:premature end|damaged or incomplete)/);
    expect(reasons.text).toMatch(/^cannot read the photograph .*text\.jpg: .*unsupported image format/);
    expect(reasons.empty).toMatch(/^cannot read the photograph .*empty\.jpg: /);
    expect(reasons.nolabel).toMatch(/^no labels for nolabel from xml: .*nolabel\.xml does not exist/);
    expect(reasons.whale).toContain('"whale" is not a VOC class');
    expect(await list(out)).toBe('a\nb\nc\nd\ne\n');
    expect((await readdir(join(out, 'SegmentationClass'))).sort()).toEqual(ids.map((id) => `${id}.png`));
  });

  it('tries them again, and only them', async () => {
    const out = fresh();
    expect((await json(2, '--voc-root', root, '--out', out)).counts.failed).toBe(5);
    const again = await json(2, '--voc-root', root, '--out', out);
    expect(again.counts).toEqual({ written: 0, resumed: 5, failed: 5, missing: 0, left: 0, withoutClasses: 0 });
    await writeFile(join(root, 'JPEGImages/text.jpg'), await photograph(12, 30, 30));
    const mended = await json(2, '--voc-root', root, '--out', out);
    expect(mended.counts).toEqual({ written: 1, resumed: 5, failed: 4, missing: 0, left: 0, withoutClasses: 0 });
    expect(await list(out)).toBe('a\ntext\nb\nc\nd\ne\n');
  });

  it('an image with a class that the classifier does not know fails', async () => {
    const model = join(folder, 'few.onnx');
    await writeTinyClassifier(model, { classes: ['dog', 'tabby', 'Person'] });
    const out = fresh();
    const { counts, failures } = await json(2, '--model', model, '--out', out);
    expect(counts).toMatchObject({ written: 1, failed: 4 });
    expect(failures.find(({ id }) => id === 'b')!.reason).toBe('the classifier has no class cat');
    expect(failures.find(({ id }) => id === 'c')!.reason).toBe('the classifier has no class aeroplane, bus');
  });

  it('photographs of one pixel, of many, and in other formats are done', async () => {
    const odd = join(folder, 'odd');
    await cp(devkit.root, odd, { recursive: true });
    const gradient = Buffer.from(Uint8Array.from({ length: 80 * 60 * 3 }, (_, i) => (i * 7) % 256));
    await writeFile(join(odd, 'JPEGImages/pixel.jpg'), await photograph(1, 1, 1));
    await sharp(gradient, { raw: { width: 80, height: 60, channels: 3 } }).resize(8000, 6000).jpeg({ quality: 50 }).toFile(join(odd, 'JPEGImages/huge.jpg'));
    await sharp(gradient, { raw: { width: 80, height: 60, channels: 3 } }).resize(2000, 3, { fit: 'fill' }).jpeg().toFile(join(odd, 'JPEGImages/strip.jpg'));
    await sharp(gradient, { raw: { width: 80, height: 60, channels: 3 } }).grayscale().jpeg().toFile(join(odd, 'JPEGImages/gray.jpg'));
    await sharp(gradient, { raw: { width: 80, height: 60, channels: 3 } }).toColourspace('cmyk').jpeg().toFile(join(odd, 'JPEGImages/cmyk.jpg'));
    await sharp(gradient, { raw: { width: 80, height: 60, channels: 3 } }).ensureAlpha(0.5).png().toFile(join(odd, 'JPEGImages/alpha.png'));
    const names = ['pixel', 'huge', 'strip', 'gray', 'cmyk', 'alpha'];
    for (const id of names) await writeFile(join(odd, 'Annotations', `${id}.xml`), annotation(id === 'huge' ? ['dog'] : ['dog', 'cat']));
    await writeSplit(odd, 'odd', names);
    const out = fresh();
    const { counts, notes } = await json(0, '--voc-root', odd, '--split', 'odd', '--out', out, '--max-pixels', '20000');
    expect(counts).toEqual({ written: 6, resumed: 0, failed: 0, missing: 0, left: 0, withoutClasses: 0 });
    const sizes = { pixel: [1, 1], huge: [8000, 6000], strip: [2000, 3], gray: [80, 60], cmyk: [80, 60], alpha: [80, 60] };
    for (const [id, size] of Object.entries(sizes)) {
      const { width, height } = await readMask(seed(out, id));
      expect([width, height]).toEqual(size);
    }
    // 2000 x 3 at short:64 would be 42667 x 64.
    expect(notes.find(({ id }) => id === 'strip')!.notes[0]).toMatch(/^limited to \d+x\d+ pixels at the network$/);
  }, 30_000);
});

describe('generate again', () => {
  it('does nothing the second time', async () => {
    const out = fresh();
    await json(0, '--out', out);
    const before = await Promise.all(ids.map(async (id) => (await stat(seed(out, id))).mtimeMs));
    const { code, stdout, stderr } = await generate('--out', out);
    expect(code).toBe(0);
    expect(stdout).toContain('5 had been done before');
    expect(stderr).toContain('5 images were done before');
    expect(await Promise.all(ids.map(async (id) => (await stat(seed(out, id))).mtimeMs))).toEqual(before);
    expect(await list(out)).toBe('a\nb\nc\nd\ne\n');
  });

  it('makes what was deleted', async () => {
    const out = fresh();
    await json(0, '--out', out);
    const before = await readFile(seed(out, 'c'));
    await rm(seed(out, 'c'));
    expect((await json(0, '--out', out)).counts).toEqual({ written: 1, resumed: 4, failed: 0, missing: 0, left: 0, withoutClasses: 0 });
    expect((await readFile(seed(out, 'c'))).equals(before)).toBe(true);
  });

  it('keeps the list whole where only a part is done again', async () => {
    const out = fresh();
    await json(0, '--out', out);
    await rm(seed(out, 'c'));
    expect((await json(0, '--out', out, '--ids', 'c')).counts.written).toBe(1);
    expect(await list(out)).toBe('a\nb\nc\nd\ne\n');
    expect((await json(0, '--out', out, '--limit', '2')).counts).toMatchObject({ written: 0, resumed: 2 });
    expect(await list(out)).toBe('a\nb\nc\nd\ne\n');
  });

  it('refuses a folder with results of other settings, and names the setting', async () => {
    const out = fresh();
    await json(0, '--out', out, '--threshold', '0.3');
    const message = messageOf(await generate('--out', out, '--threshold', '0.35'));
    expect(message).toContain(`error: ${out} contains results with other settings: threshold was 0.3 and is 0.35`);
    expect(message).toContain('--no-resume');
    expect(messageOf(await generate('--out', out, '--threshold', '0.3', '--png', 'gray'))).toContain('png was "palette" and is "gray"');
    const model = join(folder, 'other.onnx');
    await writeTinyClassifier(model, { silent: 3 });
    expect(messageOf(await generate('--out', out, '--threshold', '0.3', '--model', model))).toContain('model was ');
  });

  it('does everything anew with --no-resume', async () => {
    const out = fresh();
    await json(0, '--out', out, '--threshold', '0.3');
    const old = new Date(2020, 1, 1);
    for (const id of ids) await utimes(seed(out, id), old, old);
    const { counts } = await json(0, '--out', out, '--threshold', '0.6', '--no-resume');
    expect(counts).toEqual({ written: 5, resumed: 0, failed: 0, missing: 0, left: 0, withoutClasses: 0 });
    for (const id of ids) expect((await stat(seed(out, id))).mtimeMs).toBeGreaterThan(old.getTime());
    expect((await json(0, '--out', out, '--threshold', '0.6')).counts.resumed).toBe(5);
  });

  it('does everything anew with --no-resume, also what shards have done', async () => {
    const out = fresh();
    for (const shard of ['1/2', '2/2']) await json(0, '--out', out, '--shard', shard);
    expect((await json(0, '--out', out)).counts).toMatchObject({ written: 0, resumed: 5 });
    expect((await json(0, '--out', out, '--no-resume')).counts).toMatchObject({ written: 5, resumed: 0 });
  });
});

describe('generate in parts', () => {
  it('gives what one run gives, in any order', async () => {
    const [whole, parts] = [fresh(), fresh()];
    await json(0, '--out', whole);
    const counts = [];
    for (const shard of ['2/3', '3/3', '1/3']) counts.push((await json(0, '--out', parts, '--shard', shard)).counts.written);
    expect(counts).toEqual([2, 1, 2]);
    expect(await list(parts)).toBe(await list(whole));
    for (const id of ids) expect((await readFile(seed(parts, id))).equals(await readFile(seed(whole, id)))).toBe(true);
    expect((await everything(parts)).filter((name) => /^run|^journal/.test(name)))
      .toEqual(['journal-1of3', 'journal-2of3', 'journal-3of3', 'run-1of3.json', 'run-2of3.json', 'run-3of3.json']);
  });

  it('lists the images of all parts when they run at the same time', async () => {
    const out = fresh();
    const children = [1, 2].map((part) => child('--out', out, '--shard', `${part}/2`).ended);
    expect((await Promise.all(children)).map(({ code }) => code)).toEqual([0, 0]);
    expect(await list(out)).toBe('a\nb\nc\nd\ne\n');
  });

  it('finds its part in the environment, and can be told not to', async () => {
    vi.stubEnv('SLURM_ARRAY_TASK_ID', '1');
    vi.stubEnv('SLURM_ARRAY_TASK_COUNT', '2');
    vi.stubEnv('SLURM_ARRAY_TASK_MIN', '0');
    const out = fresh();
    const { stdout, stderr } = await generate('--out', out, '--json');
    expect((JSON.parse(stdout) as Json).counts.written).toBe(2);
    expect(withoutRuntime(stderr)).toBe('shard 2 of 2\n');
    expect(await list(out)).toBe('b\nd\n');
    expect((await json(0, '--out', fresh(), '--no-shard')).counts.written).toBe(5);
    expect((await json(0, '--out', fresh(), '--shard', '1/5')).counts.written).toBe(1);
    vi.unstubAllEnvs();
    vi.stubEnv('JOB_COMPLETION_INDEX', '0');
    expect((await json(0, '--out', fresh(), '--shards', '3')).counts.written).toBe(2);
    expect(messageOf(await generate('--out', fresh()))).toContain('give --shards N, or --no-shard');
    vi.unstubAllEnvs();
    expect(messageOf(await generate('--out', fresh(), '--shards', '3'))).toContain('no scheduler says which part this is');
  });
});

interface Child {
  readonly process: ReturnType<typeof spawn>;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** The installed program as a process of its own. */
function child(...argv: string[]): Child {
  const process = spawn('node', [join(repository, 'bin/voc-seeds.js'), 'generate', ...base, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  process.stdout.on('data', (data) => { stdout += String(data); });
  process.stderr.on('data', (data) => { stderr += String(data); });
  const ended = new Promise<Awaited<Child['ended']>>((resolve) => {
    process.on('close', (code) => { resolve({ code, stdout, stderr }); });
  });
  return { process, ended };
}

describe('generate, interrupted by Ctrl-C', () => {
  it('finishes what it has in hand, exits with 130, and resumes', async () => {
    const many = join(folder, 'many');
    await cp(devkit.root, many, { recursive: true });
    const names = Array.from({ length: 120 }, (_, i) => `m${String(i).padStart(3, '0')}`);
    const picture = await photograph(20, 500, 375);
    for (const id of names) {
      await writeFile(join(many, 'JPEGImages', `${id}.jpg`), picture);
      await writeFile(join(many, 'Annotations', `${id}.xml`), annotation(['dog', 'cat']));
    }
    await writeSplit(many, 'many', names);
    const out = fresh();
    const argv = ['--voc-root', many, '--split', 'many', '--out', out, '--input-size', 'short:320', '--workers', '1'];
    const journal = async (): Promise<string[]> => (await readFile(join(out, 'journal'), 'utf8').catch(() => '')).split('\n').slice(1, -1);

    const first = child(...argv);
    while ((await journal()).length < 5) await sleep(20);
    first.process.kill('SIGINT');
    const { code, stdout, stderr } = await first.ended;
    expect(code).toBe(130);
    expect(stderr).toContain('interrupted: finishing the images in progress');
    const [, left] = /interrupted with (\d+) images left: run the same command again to continue/.exec(stdout)!.map(Number);
    const done = (await journal()).map((line) => JSON.parse(line) as { id: string; status: string });
    expect(done.every(({ status }) => status === 'done')).toBe(true);
    expect(done.length + left).toBe(120);
    const written = (await everything(out)).filter((name) => name.startsWith('SegmentationClass/'));
    expect(written).toEqual(done.map(({ id }) => `SegmentationClass/${id}.png`).sort());
    expect((await everything(out)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect((JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as Json)).toMatchObject({ interrupted: true, counts: { left } });

    const second = await child(...argv, '--json').ended;
    expect(second.code).toBe(0);
    const { counts } = JSON.parse(second.stdout) as Json;
    expect(counts).toEqual({ written: left, resumed: done.length, failed: 0, missing: 0, left: 0, withoutClasses: 0 });
    expect(await list(out, 'many')).toBe(names.map((id) => `${id}\n`).join(''));
  });
});

describe('settings of generate', () => {
  it('flags override the file, which overrides the defaults', async () => {
    const file = join(folder, 'settings.yaml');
    await writeFile(file, 'threshold: 0.25\ngamma: 3\nlayers: [/16]\nlabels: npy:labels.npy\n');
    const { code, stdout } = await run('generate', '--config', file, '--gamma', '4', '--print-config');
    expect(code).toBe(0);
    expect(parseYaml(stdout)).toMatchObject({ threshold: 0.25, gamma: 4, layers: ['/16'], labels: 'npy:labels.npy', fuse: 'max', inputSize: 'short:320' });
    const asJson = await run('generate', '--config', file, '--gamma', '4', '--print-config', '--json');
    expect(JSON.parse(asJson.stdout)).toEqual(parseYaml(stdout));
  });

  it('a printed configuration is one that can be read', async () => {
    const file = join(folder, 'printed.yaml');
    const out = fresh();
    const { stdout } = await generate('--out', out, '--threshold', '0.2', '--background-threshold', '0.1', '--save-cams', '--no-difficult', '--print-config');
    await writeFile(file, stdout);
    const again = await run('generate', '--config', file, '--print-config');
    expect(again.stdout).toBe(stdout);
    const { code, stderr } = await run('generate', '--config', file);
    expect(code, stderr).toBe(0);
    expect(await everything(join(out, 'cams'))).toEqual(ids.map((id) => `${id}.npz`));
  });

  it.each([
    ['threshhold: 0.3\n', /:1: there is no setting 'threshhold'; did you mean threshold\?/],
    ['threshold: 3\n', /:1: threshold is 3; it must be from 0 to 1/],
    ['threshold: 0.2\nbackgroundThreshold: 0.3\n', /:2: backgroundThreshold is 0\.3; it must not be above threshold in .*:1, which is 0\.2/],
    ['labels: guess\n', /:1: labels is 'guess'; it must be xml, masks, main, own, npy or list/],
    ['inputSize: small\n', /:1: inputSize is 'small'; it must be native, short:N/],
    ['- 1\n', /must contain settings \(name: value\), this one contains a list/],
    ['a: [\n', /wrong\.yaml:\d: this is not YAML/],
  ])('a wrong file is refused: %j', async (text, message) => {
    const file = join(folder, 'wrong.yaml');
    await writeFile(file, text);
    const stderr = messageOf(await run('generate', '--config', file, '--out', fresh()));
    expect(stderr).toMatch(message);
    expect(stderr).toContain('wrong.yaml');
  });

  it('every default that the help text tells is the one that holds', async () => {
    const help = (await run('generate', '--help')).stdout.replaceAll(/\s+/g, ' ');
    // Without any flag the preset fast holds.
    const defaults = parseYaml((await run('generate', '--print-config')).stdout) as Record<string, unknown>;
    const told = [...help.matchAll(/--([a-z-]+) <[^>]+> (?:(?! --[a-z]).)*?[(,] ?default: ([^ )]+)\)/g)]
      .map(([, name, value]) => [name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase()), value]);
    const known = told.filter(([name]) => name in defaults);
    expect(known.length).toBeGreaterThanOrEqual(20);
    for (const [name, value] of known) expect(`${name} ${String(defaults[name])}`).toBe(`${name} ${value}`);
  });
});

describe('generate with wrong flags', () => {
  it.each([
    [['--model', 'nowhere.onnx'], /nowhere\.onnx/],
    [['--split', 'trian'], /there is no split trian/],
    [['--voc-root', '/nowhere'], /the devkit folder \/nowhere does not exist/],
    [['--ids', 'a,zebra'], /no image with the id zebra/],
    [['--layers', '/7'], /no feature layer at stride 7/],
    [['--layers', '/8,/8'], /named twice/],
    [['--layers', 'conv9'], /no feature layer called 'conv9'/],
    [['--input-size', 'big'], /--input-size is 'big'; it must be native, short:N/],
    [['--threshold', '1.5'], /--threshold is 1\.5; it must be from 0 to 1/],
    [['--threshold', 'half'], /Expected a number/],
    [['--threshold', '0.2', '--background-threshold', '0.3'], /--background-threshold is 0\.3; it must not be above --threshold, which is 0\.2/],
    [['--gamma', '0'], /--gamma is 0; it must be above 0/],
    [['--workers', '0'], /whole number from 1 to 1024/],
    [['--fuse', 'min'], /Allowed choices are max, mean/],
    [['--shard', '4/3'], /'4\/3' is not a shard/],
    [['--labels', 'guess'], /Allowed are xml/],
    [['--labels', 'npy'], /needs a label file/],
    [['--label', 'xml'], /unknown option '--label'/],
    [['--save-unrefined', '--refine', 'none'], /nothing is refined/],
    [['stray'], /too many arguments/],
  ])('%j', async (argv, message) => {
    const stderr = messageOf(await generate('--out', fresh(), ...argv));
    expect(stderr).toMatch(message);
    expect(stderr.split('\n').filter((line) => line !== '').length).toBeLessThanOrEqual(3);
  });

  it('says which flag is missing', async () => {
    const given = ['--model', devkit.model];
    for (const [flag, value] of [['--out', fresh()], ['--voc-root', devkit.root], ['--split', 'train'], ['--labels', 'xml']]) {
      expect(messageOf(await run('generate', ...given))).toContain(`error: ${flag} is missing`);
      given.push(flag, value);
    }
  });

  it('says where it cannot write', async () => {
    const file = join(folder, 'plain-file');
    await writeFile(file, '');
    expect(messageOf(await generate('--out', file))).toContain(`cannot write ${file}: a part of the path is a file`);
    expect(messageOf(await generate('--out', join(file, 'deeper')))).toContain(`cannot write ${join(file, 'deeper')}: a part of the path is a file`);
  });

  it('says what a classifier lacks', async () => {
    const imagenet = join(folder, 'imagenet.onnx');
    await writeTinyClassifier(imagenet, { classes: ['tench', 'goldfish', 'great white shark'] });
    expect(messageOf(await generate('--model', imagenet, '--out', fresh()))).toContain('none of the 3 classes of');
    const bare = join(folder, 'bare.onnx');
    await writeTinyClassifier(bare, { metadata: null });
    const stderr = messageOf(await generate('--model', bare, '--out', fresh()));
    expect(stderr).toContain(`${bare} does not specify its logits, channelOrder, scale, mean, std, classes`);
    for (const flag of ['--logits', '--preprocess', '--classes']) expect(stderr).toContain(flag);
    const given = ['--logits', 'logits', '--channel-order', 'bgr', '--scale', String(1 / 255), '--mean', '0.5,0.4,0.3', '--std', '0.25,0.5,0.75', '--classes', 'voc'];
    const [flags, metadata] = [fresh(), fresh()];
    await json(0, '--model', bare, '--out', flags, ...given);
    await json(0, '--out', metadata);
    for (const id of ids) expect((await readFile(seed(flags, id))).equals(await readFile(seed(metadata, id)))).toBe(true);
  });
});
