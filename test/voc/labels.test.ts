import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { openDevkit } from '../../src/voc/devkit.js';
import type { Devkit } from '../../src/voc/devkit.js';
import { compareLabels } from '../../src/voc/labels/compare.js';
import { createLabelSource } from '../../src/voc/labels/create.js';
import { classesInMap } from '../../src/voc/labels/masks.js';
import { parseNpyLabels } from '../../src/voc/labels/npy.js';
import { parseAnnotation } from '../../src/voc/labels/xml.js';
import type { VocItem } from '../../src/voc/splits.js';

const fixtureFolder = fileURLToPath(new URL('../fixtures/voc/', import.meta.url));
const shared = resolve(fixtureFolder, '../../../../shared/voc');

/** Written by Python and numpy: see make_pickles.py. */
const pickles = JSON.parse(readFileSync(join(fixtureFolder, 'pickles.json'), 'utf8')) as
  { classes: Record<string, number[]>; files: Record<string, string>; refused: Record<string, string>; wrong: Record<string, string> };

const object = (name: string, more = ''): string => `<object><name>${name}</name>${more}</object>`;
const annotation = (...objects: string[]): string => `<annotation><folder>VOC2012</folder>${objects.join('\n')}</annotation>\n`;

let root: string;
let devkit: Devkit;
const item = (id: string): VocItem => ({ id, imagePath: join(devkit.imageDir, `${id}.jpg`), maskPath: join(devkit.maskDir, `${id}.png`) });

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'labels-'));
  await mkdir(join(root, 'Annotations'));
  await mkdir(join(root, 'SegmentationClass'));
  devkit = await openDevkit(root);
});
afterAll(() => rm(root, { recursive: true }));

async function write(name: string, text: string | Uint8Array): Promise<string> {
  const path = join(root, name);
  await writeFile(path, text);
  return path;
}

describe('xml', () => {
  const xml = annotation(
    object('person', '<difficult>0</difficult><part><name>head</name></part><part><name>hand</name></part>'),
    object('aeroplane', '<difficult>1</difficult>'), object('person', '<difficult>1</difficult>'), object('tvmonitor'));

  it('names each class once, in order; parts are no classes', () => {
    expect(parseAnnotation(xml, 'a.xml', { difficult: true })).toEqual([1, 15, 20]);
  });

  it('leaves out classes that have only difficult objects', () => {
    expect(parseAnnotation(xml, 'a.xml', { difficult: false })).toEqual([15, 20]);
  });

  it('one object, and none', () => {
    expect(parseAnnotation(annotation(object('dog')), 'a.xml', { difficult: true })).toEqual([12]);
    expect(parseAnnotation(annotation(), 'a.xml', { difficult: true })).toEqual([]);
    expect(parseAnnotation('<annotation></annotation>', 'a.xml', { difficult: true })).toEqual([]);
  });

  it.each([
    [annotation(object('zebra')), 'a.xml: "zebra" is not a VOC class'],
    [annotation(object('')), 'a.xml: "" is not a VOC class'],
    [xml.slice(0, 200), 'a.xml:'],
    ['<html></html>', 'a.xml is not a VOC annotation'],
    ['', 'a.xml'],
  ])('refuses %j', (text, message) => {
    expect(() => parseAnnotation(text, 'a.xml', { difficult: true })).toThrow(UserError);
    expect(() => parseAnnotation(text, 'a.xml', { difficult: true })).toThrow(message);
  });

  it('finds annotations by id, and says whose is missing', async () => {
    await write('Annotations/2007_000032.xml', xml);
    const source = await createLabelSource('xml', { devkit, difficult: false });
    expect(await source.labels(item('2007_000032'))).toEqual([15, 20]);
    await expect(source.labels(item('2007_000999'))).rejects.toThrow('no labels for 2007_000999 from xml');
  });

  it('says that a devkit has no annotations', async () => {
    await expect(createLabelSource('xml', { devkit: { ...devkit, annotationDir: join(root, 'none') } })).rejects.toThrow('has no Annotations folder');
  });
});

describe('npy', () => {
  const parse = (hex: string): Record<string, readonly number[]> => Object.fromEntries(parseNpyLabels(Buffer.from(hex, 'hex'), 'cls.npy'));

  it.each(Object.entries(pickles.files))('%s', (_, hex) => {
    expect(parse(hex)).toEqual(pickles.classes);
  });

  it.each(Object.entries(pickles.refused))('refuses %s and names it', (name, hex) => {
    expect(() => parse(hex)).toThrow(UserError);
    expect(() => parse(hex)).toThrow(`cls.npy cannot be read: it refers to ${name}, which is refused`);
  });

  it.each(Object.entries(pickles.wrong))('refuses %s', (_, hex) => {
    expect(() => parse(hex)).toThrow(UserError);
    expect(() => parse(hex)).toThrow('cls.npy');
  });

  it('refuses what is cut short, and what is no .npy file', () => {
    const whole = Buffer.from(pickles.files['numpy.save'], 'hex');
    for (let length = 0; length < whole.length; length++) expect(() => parseNpyLabels(whole.subarray(0, length), 'cls.npy')).toThrow(UserError);
    expect(() => parseNpyLabels(Buffer.from('hello'), 'cls.npy')).toThrow('it is not an .npy file');
  });

  it('reads a file once, and says which image is not in it', async () => {
    const file = await write('cls.npy', Buffer.from(pickles.files['numpy.save'], 'hex'));
    const source = await createLabelSource('npy', { devkit, file });
    await rm(file);
    expect(await source.labels(item('2007_000032'))).toEqual([1, 15]);
    await expect(source.labels(item('2007_000999'))).rejects.toThrow(/no labels for 2007_000999 from npy: .*cls\.npy does not name it/);
  });
});

describe('list', () => {
  it('takes names and indices, ids and paths', async () => {
    const file = await write('list.txt', '# mine\r\nVOC2012/JPEGImages/2007_000032.jpg 15 1 15\r\n\r\n2007_000039 TVmonitor\n2007_000042\n');
    const source = await createLabelSource('list', { devkit, file });
    expect(await source.labels(item('2007_000032'))).toEqual([1, 15]);
    expect(await source.labels(item('2007_000039'))).toEqual([20]);
    expect(await source.labels(item('2007_000042'))).toEqual([]);
    await expect(source.labels(item('2007_000999'))).rejects.toThrow(/no labels for 2007_000999 from list: .*list\.txt does not name it/);
  });

  it.each([
    ['a dog\nb zebra\n', 'list.txt:2: "zebra" is not a VOC class'],
    ['a 0\n', 'list.txt:1: "0" is not a VOC class'],
    ['a 1\nb -1\nc 0\n', 'list.txt is a list of one class, as those of ImageSets/Main'],
    ['my photo dog\n', 'list.txt:1: "photo" is not a VOC class'],
    ['a 21\n', 'list.txt:1: "21" is not a VOC class'],
    ['a dog\nb cat\na cat\n', 'list.txt:3: a has other classes here than in line 1'],
    ['a\nb\n', 'holds no classes'],
    ['\n', 'is empty'],
  ])('refuses %j', async (text, message) => {
    const file = await write('list.txt', text);
    await expect(createLabelSource('list', { devkit, file })).rejects.toThrow(message);
  });

  it('a list called after a class, whose lines end in 1 or 0, says of what it is', async () => {
    for (const [name, text] of [['cat_train.txt', 'a 1\nb 1\n'], ['dog.txt', 'a 0\nb 1\n'], ['train_val.txt', 'a 1\n'], ['mine.txt', 'a 1\nb -1\n']]) {
      const file = await write(name, text);
      await expect(createLabelSource('list', { devkit, file })).rejects.toThrow(`${name} is a list of one class`);
    }
    // 1 is aeroplane either way; other numbers are classes.
    for (const [name, text, labels] of [['aeroplane_train.txt', 'a 1\n', [1]], ['cat_train.txt', 'a 8\n', [8]], ['train.txt', 'a 1\n', [1]], ['train_aug.txt', 'a 1\n', [1]]] as const) {
      const source = await createLabelSource('list', { devkit, file: await write(name, text) });
      expect(await source.labels(item('a'))).toEqual(labels);
    }
  });

  it('reads CSV, names with spaces, UTF-16 and accents', async () => {
    await mkdir(join(root, 'JPEGImages'), { recursive: true });
    await write('JPEGImages/my dog 1.jpg', '');
    const text = 'image,labels\na.jpg,"dog, cat"\nb.jpg,dining table\n"c 1",15\nmy dog 1 person\nher dog.jpg;dog\ncafé tv\n';
    const source = await createLabelSource('list', { devkit, file: await write('list.csv', Buffer.from(`\uFEFF${text.normalize('NFD')}`, 'utf16le')) });
    const found: Record<string, number[]> = {};
    for (const id of ['a', 'b', 'c 1', 'my dog 1', 'her dog', 'café']) found[id] = await source.labels(item(id));
    expect(found).toEqual({ 'a': [8, 12], 'b': [11], 'c 1': [15], 'my dog 1': [15], 'her dog': [12], 'café': [20] });
  });

  it.each(['list', 'npy'] as const)('%s asks for its file', async (kind) => {
    await expect(createLabelSource(kind, { devkit })).rejects.toMatchObject({ name: 'UserError', hint: 'Give it with --label-file.' });
    await expect(createLabelSource(kind, { devkit, file: join(root, 'none') })).rejects.toThrow(/none cannot be read/);
  });
});

describe('masks', () => {
  it('leaves out background and ignored pixels', () => {
    expect(classesInMap({ width: 3, height: 2, data: Uint8Array.of(0, 255, 15, 1, 15, 20) }, 'm.png')).toEqual([1, 15, 20]);
    expect(classesInMap({ width: 2, height: 1, data: Uint8Array.of(0, 255) }, 'm.png')).toEqual([]);
  });

  it.each([21, 254])('refuses the label %i', (label) => {
    expect(() => classesInMap({ width: 2, height: 1, data: Uint8Array.of(0, label) }, 'm.png')).toThrow(`mask m.png holds the label ${label}`);
  });

  it('reads the classes from the mask file', async () => {
    const { labels } = (JSON.parse(readFileSync(join(fixtureFolder, 'masks.json'), 'utf8')) as { coloured: Record<string, { labels: number[] }> }).coloured['rgb.png'];
    const present = Array.from({ length: 20 }, (_, at) => at + 1).filter((label) => labels.includes(label));
    expect(present.length).toBeGreaterThan(3);
    await cp(join(fixtureFolder, 'masks', 'rgb.png'), join(root, 'SegmentationClass', 'x.png'));
    expect(await (await createLabelSource('masks', { devkit, rgbMasks: 'voc' })).labels(item('x'))).toEqual(present);
    await expect((await createLabelSource('masks', { devkit })).labels(item('x'))).rejects.toThrow('no labels for x from masks');
  });
});

it('compares two sources by image and by class', () => {
  const found = compareLabels([{ id: 'p', a: [1, 15], b: [1, 15] }, { id: 'q', a: [1, 2], b: [2, 3] }, { id: 'r', a: [], b: [3] }]);
  expect(found).toMatchObject({ images: 3, equal: 1, differences: [{ id: 'q', onlyA: [1], onlyB: [3] }, { id: 'r', onlyA: [], onlyB: [3] }] });
  expect(found.classes).toHaveLength(20);
  expect(found.classes.slice(0, 4)).toEqual([
    { label: 1, inA: 2, inB: 1, onlyA: 1, onlyB: 0 }, { label: 2, inA: 1, inB: 1, onlyA: 0, onlyB: 0 },
    { label: 3, inA: 0, inB: 2, onlyA: 0, onlyB: 2 }, { label: 4, inA: 0, inB: 0, onlyA: 0, onlyB: 0 },
  ]);
});

// The expected figures were counted with numpy, Pillow and Python's own XML parser.
describe.skipIf(!existsSync(shared))('the real label files in ../shared', () => {
  it('cls_labels.npy holds 12,031 images', () => {
    const labels = parseNpyLabels(readFileSync(join(shared, 'cls_labels.npy')), 'cls_labels.npy');
    expect(labels.size).toBe(12031);
    expect(labels.get('2007_000032')).toEqual([1, 15]);
    expect(labels.get('2008_005245')).not.toContain(15);
  });

  it('annotations agree with the masks, without the difficult objects 66 of 466 do not', async () => {
    const real = await openDevkit(join(shared, 'VOCdevkit', 'VOC2012'));
    const ids = readFileSync(join(real.listDir, 'dev_all.txt'), 'utf8').trim().split('\n').filter((id) => id.startsWith('2007_'));
    expect(ids).toHaveLength(466);
    const sources = {
      masks: await createLabelSource('masks', { devkit: real }),
      xml: await createLabelSource('xml', { devkit: real }),
      easy: await createLabelSource('xml', { devkit: real, difficult: false }),
    };
    let differ = 0;
    for (const id of ids) {
      const files = { id, imagePath: '', maskPath: join(real.maskDir, `${id}.png`) };
      const expected = await sources.masks.labels(files);
      expect(await sources.xml.labels(files), id).toEqual(expected);
      if ((await sources.easy.labels(files)).join() !== expected.join()) differ++;
    }
    expect(differ).toBe(66);
  });
});
