import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { UserError } from '../../src/errors.js';
import { openDevkit } from '../../src/datasets/devkit.js';
import type { Devkit } from '../../src/datasets/devkit.js';
import { VOC } from '../../src/datasets/classes/voc.js';
import { compareLabels } from '../../src/datasets/labels/compare.js';
import { createLabelSource } from '../../src/datasets/labels/create.js';
import { classesInMap } from '../../src/datasets/labels/masks.js';
import { parseNpyLabels } from '../../src/datasets/labels/npy.js';
import { parseAnnotation } from '../../src/datasets/labels/xml.js';
import type { DataItem } from '../../src/datasets/splits.js';
import { maskTruth } from '../../src/datasets/truth.js';
import { npyOfPickle, savedArrays } from '../fixtures/arrays/load.js';

const fixtureFolder = fileURLToPath(new URL('../fixtures/voc/', import.meta.url));
const shared = resolve(fixtureFolder, '../../../../shared/voc');

/** Written by Python and numpy: see make_pickles.py. */
const pickles = JSON.parse(readFileSync(join(fixtureFolder, 'pickles.json'), 'utf8')) as
  { classes: Record<string, number[]>; files: Record<string, string>; refused: Record<string, string>; wrong: Record<string, string> };

const object = (name: string, more = ''): string => `<object><name>${name}</name>${more}</object>`;
const annotation = (...objects: string[]): string => `<annotation><folder>VOC2012</folder>${objects.join('\n')}</annotation>\n`;

let root: string;
let devkit: Devkit;
const item = (id: string): DataItem => ({ id, imagePath: join(devkit.imageDir, `${id}.jpg`), truth: maskTruth(join(devkit.maskDir, `${id}.png`)) });

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

  it('finds an annotation whose ending is in capitals, or whose letters are composed in another way', async () => {
    await write('Annotations/caps.XML', annotation(object('cat')));
    await write(`Annotations/${'caf\u00e9'.normalize('NFD')}.xml`, annotation(object('dog')));
    const source = await createLabelSource('xml', { devkit });
    expect(await source.labels(item('caps'))).toEqual([8]);
    expect(await source.labels(item('caf\u00e9'))).toEqual([12]);
  });

  it('finds annotations by id, and says whose is missing', async () => {
    await write('Annotations/2007_000032.xml', xml);
    const source = await createLabelSource('xml', { devkit, difficult: false });
    expect(await source.labels(item('2007_000032'))).toEqual([15, 20]);
    await expect(source.labels(item('2007_000999'))).rejects.toThrow('no labels for 2007_000999 from xml');
  });

  it.each<[string, string | Uint8Array, number[]]>([
    ['objects in a wrapper', '<annotation><objects><object><name>dog</name></object><object><name>cat</name></object></objects></annotation>', [8, 12]],
    ['capitals', '<Annotation><Object><Name>dog</Name></Object><OBJECT><NAME>cat</NAME></OBJECT></Annotation>', [8, 12]],
    ['a namespace', '<v:annotation xmlns:v="http://x/y"><v:object><v:name>dog</v:name></v:object></v:annotation>', [12]],
    ['attributes', '<annotation verified="yes"><object id="1"><name lang="en">dog</name></object></annotation>', [12]],
    ['CDATA, comments and white space', '<annotation><!-- <object/> --><object><name>\n <![CDATA[dog]]> <!-- cat -->\n</name></object></annotation>', [12]],
    ['numbers as entities', '<annotation><object><name>&#100;&#x6f;g</name></object></annotation>', [12]],
    ['elements that mean something to JavaScript', '<annotation><constructor/><__proto__><x/></__proto__><toString>1</toString><object><name>dog</name><__proto__/></object></annotation>', [12]],
    ['a byte order mark', '\ufeff<?xml version="1.0" encoding="utf-8"?><annotation><object><name>dog</name></object></annotation>', [12]],
    ['UTF-16', Buffer.from('\ufeff<?xml version="1.0" encoding="UTF-16"?><annotation><object><name>dog</name></object></annotation>', 'utf16le'), [12]],
    ['UTF-16, big-endian', Buffer.from('\ufeff<annotation><object><name>dog</name></object></annotation>', 'utf16le').swap16(), [12]],
    ['UTF-16 without a mark', Buffer.from('<annotation><object><name>dog</name></object></annotation>', 'utf16le'), [12]],
    ['Latin-1', Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><annotation><folder>\xe9</folder><object><name>dog</name></object></annotation>', 'latin1'), [12]],
    ['another name of a class', '<annotation><object><name>tv/monitor</name></object><object><name>Dining Table</name></object></annotation>', [11, 20]],
    ['a photographer, but no object', '<annotation><owner><name>Tom &amp; Jerry</name></owner><source><annotation>PASCAL VOC2007</annotation></source><size><width>1</width></size></annotation>', []],
    ['no object in a wrapper', '<annotation><objects/></annotation>', []],
    ['a document type', '<!DOCTYPE annotation><annotation><object><name>dog</name></object></annotation>', [12]],
  ])('reads %s', (_, text, expected) => {
    expect(parseAnnotation(text, 'a.xml', { difficult: true })).toEqual(expected);
  });

  it.each([
    ['True', true], ['true', true], ['yes', true], [' 1 ', true], ['1.0', true], ['T', true], ['Y', true],
    ['False', false], ['no', false], ['0', false], ['0.0', false], ['', false], ['Unspecified', false],
  ])('<difficult>%s</difficult> is %s', (text, difficult) => {
    expect(parseAnnotation(annotation(object('dog'), object('cat', `<difficult>${text}</difficult>`)), 'a.xml', { difficult: false })).toEqual(difficult ? [12] : [8, 12]);
  });

  it('asks what difficult means only if it matters', () => {
    for (const inside of ['<difficult>2</difficult>', '<difficult>1</difficult><difficult>0</difficult>', '<difficult><b>1</b></difficult>']) {
      expect(parseAnnotation(annotation(object('dog', inside)), 'a.xml', { difficult: true })).toEqual([12]);
      expect(() => parseAnnotation(annotation(object('dog', inside)), 'a.xml', { difficult: false })).toThrow(/^a\.xml: .*difficult/);
    }
  });

  it.each([
    ['two roots', '<annotation/><annotation><object><name>dog</name></object></annotation>', 'a.xml: not well-formed XML: it has 2 root elements'],
    ['two names', annotation('<object><name>dog</name><name>cat</name></object>'), 'a.xml: an <object> has 2 <name>'],
    ['a name in a name', annotation('<object><name><b>dog</b></name></object>'), 'a.xml: the <name> of an <object> contains other elements'],
    ['no name', annotation('<object><bndbox/></object>'), 'a.xml: an <object> has no <name>'],
    ['a name as attribute', annotation('<object name="dog"/>'), 'a.xml: an <object> has no <name>'],
    ['the name __proto__', annotation(object('__proto__')), 'a.xml: "__proto__" is not a VOC class'],
    ['the name constructor', annotation(object('constructor')), 'a.xml: "constructor" is not a VOC class'],
    ['objects under another name', annotation('<item><name>dog</name></item>'), 'a.xml has a <name> but no <object>'],
    ['a name without an object', annotation('<name>dog</name>'), 'a.xml has a <name> but no <object>'],
    ['boxes without an object', annotation('<boxes><box><bndbox/></box></boxes>'), 'a.xml has a <bndbox> but no <object>'],
    ['text instead of objects', annotation('dog'), 'a.xml has text but no <object>: \'dog\''],
    ['an external entity', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><object><name>&x;</name></object></annotation>', 'a.xml defines XML entities'],
    ['an internal entity', '<!DOCTYPE a [<!ENTITY x "dog">]><annotation><object><name>&x;</name></object></annotation>', 'a.xml defines XML entities'],
    ['an unknown entity', annotation(object('&x;')), 'a.xml refers to &x;, which is not one of XML\'s own entities'],
    ['an entity called constructor', annotation(object('&constructor;')), 'a.xml refers to &constructor;'],
    ['an ampersand', '<annotation><owner>Tom & Jerry</owner><object><name>dog</name></object></annotation>', 'a.xml:1: not well-formed XML'],
    ['JSON', '{"images": [], "annotations": []}', 'a.xml is not XML: it starts with \'{"images": [], "anno...\''],
    ['a page', '<!DOCTYPE html><html><body>404</body></html>', 'a.xml is not a VOC annotation: its root element is <html>'],
    ['nothing', ' \n', 'a.xml is empty'],
    ['deep elements', '<annotation>'.repeat(100_000), 'a.xml:1: not well-formed XML'],
    ['deep elements that end', `${'<annotation>'.repeat(100_000)}${'</annotation>'.repeat(100_000)}`, 'a.xml: not well-formed XML'],
    ['zeros', '\0\0\0\0', 'a.xml is not XML'],
    ['control characters in a name', annotation(object('dog\u001b[2J')), 'a.xml: "dog\\u001b[2J" is not a VOC class'],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseAnnotation(text, 'a.xml', { difficult: true })).toThrow(UserError);
    expect(() => parseAnnotation(text, 'a.xml', { difficult: true })).toThrow(message);
  });

  it('refuses a large annotation before it is read', async () => {
    vi.stubEnv('VOC_SEEDS_MAX_XML_BYTES', '100');
    await write('Annotations/large.xml', xml);
    const source = await createLabelSource('xml', { devkit });
    await expect(source.labels(item('large'))).rejects.toThrow(/large\.xml has \d+ bytes, more than the limit of 100 bytes/);
    vi.unstubAllEnvs();
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

  it.each(savedArrays.flatMap(([version, { labels, labelsExpected }]) => (
    Object.entries(labels).map(([name, hex]) => [`${name} (${version})`, hex, labelsExpected] as const))))('reads %s', (_, hex, expected) => {
    expect(parse(hex)).toEqual(expected);
  });

  it.each(savedArrays.flatMap(([version, { wrongLabels }]) => (
    Object.entries(wrongLabels).map(([name, { hex, message }]) => [`${name} (${version})`, hex, message] as const))))('refuses %s', (_, hex, message) => {
    expect(() => parse(hex)).toThrow(UserError);
    expect(() => parse(hex)).toThrow('cls.npy');
    expect(() => parse(hex)).toThrow(message);
  });

  it('finds an id whose key lacks the underscore, and one with an accent in either form', async () => {
    const present = `(${'K\x01'.repeat(20)}t`;
    const file = await write('odd.npy', npyOfPickle(`}(X\x0a\x00\x00\x002007000033${present}X\x07\x00\x00\x00cafe\xcc\x81x${present}u`));
    const source = await createLabelSource('npy', { devkit, file });
    expect(await source.labels(item('2007_000033'))).toHaveLength(20);
    expect(await source.labels(item('caf\u00e9x'))).toHaveLength(20);
  });

  it.each([
    ['a pickle of a dictionary', Buffer.from('\x80\x04}.', 'latin1'), /plain pickle: load it with pickle\.load and save the result with numpy\.save/],
    ['JSON', Buffer.from('{"a": [0]}'), /JSON: load it with json\.load and save the result with numpy\.save/],
    ['an .npz file', zipSync({ 'a.npy': new Uint8Array(4) }), /a zip archive, as numpy\.savez/],
  ])('says how to save %s', (_, bytes, message) => {
    expect(() => parseNpyLabels(bytes, 'cls.npy')).toThrow(UserError);
    expect(() => parseNpyLabels(bytes, 'cls.npy')).toThrow(message);
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
    await expect(source.labels(item('2007_000999'))).rejects.toThrow(/no labels for 2007_000999 from npy: it is not in .*cls\.npy/);
  });
});

describe('list', () => {
  it('takes names and indices, ids and paths', async () => {
    const file = await write('list.txt', '# mine\r\nVOC2012/JPEGImages/2007_000032.jpg 15 1 15\r\n\r\n2007_000039 TVmonitor\n2007_000042\n');
    const source = await createLabelSource('list', { devkit, file });
    expect(await source.labels(item('2007_000032'))).toEqual([1, 15]);
    expect(await source.labels(item('2007_000039'))).toEqual([20]);
    expect(await source.labels(item('2007_000042'))).toEqual([]);
    await expect(source.labels(item('2007_000999'))).rejects.toThrow(/no labels for 2007_000999 from list: it is not in .*list\.txt/);
  });

  it.each([
    ['a dog\nb zebra\n', 'list.txt:2: "zebra" is not a VOC class'],
    ['a 0\n', 'list.txt:1: "0" is not a VOC class'],
    ['a 1\nb -1\nc 0\n', 'list.txt is a list for one class, like those in ImageSets/Main'],
    ['my photo dog\n', 'list.txt:1: "photo" is not a VOC class'],
    ['a 21\n', 'list.txt:1: "21" is not a VOC class'],
    ['a dog\nb cat\na cat\n', 'list.txt:3: a has different classes here than in line 1'],
    ['a\nb\n', 'contains no classes'],
    ['\n', 'is empty'],
  ])('refuses %j', async (text, message) => {
    const file = await write('list.txt', text);
    await expect(createLabelSource('list', { devkit, file })).rejects.toThrow(message);
  });

  it('a list called after a class, whose lines end in 1 or 0, says of what it is', async () => {
    for (const [name, text] of [['cat_train.txt', 'a 1\nb 1\n'], ['dog.txt', 'a 0\nb 1\n'], ['train_val.txt', 'a 1\n'], ['mine.txt', 'a 1\nb -1\n']]) {
      const file = await write(name, text);
      await expect(createLabelSource('list', { devkit, file })).rejects.toThrow(`${name} is a list for one class`);
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
    expect(() => classesInMap({ width: 2, height: 1, data: Uint8Array.of(0, label) }, 'm.png')).toThrow(`mask m.png has the label ${label}`);
  });

  it('reads the classes from the mask file', async () => {
    const { labels } = (JSON.parse(readFileSync(join(fixtureFolder, 'masks.json'), 'utf8')) as { coloured: Record<string, { labels: number[] }> }).coloured['rgb.png'];
    const present = Array.from({ length: 20 }, (_, at) => at + 1).filter((label) => labels.includes(label));
    expect(present.length).toBeGreaterThan(3);
    await cp(join(fixtureFolder, 'masks', 'rgb.png'), join(root, 'SegmentationClass', 'x.png'));
    expect(await (await createLabelSource('masks', { devkit, rgbMasks: 'palette' })).labels(item('x'))).toEqual(present);
    await expect((await createLabelSource('masks', { devkit })).labels(item('x'))).rejects.toThrow('no labels for x from masks');
  });
});

it('compares two sources by image and by class', () => {
  const found = compareLabels([{ id: 'p', a: [1, 15], b: [1, 15] }, { id: 'q', a: [1, 2], b: [2, 3] }, { id: 'r', a: [], b: [3] }], VOC);
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
      const files = { id, imagePath: '', truth: maskTruth(join(real.maskDir, `${id}.png`)) };
      const expected = await sources.masks.labels(files);
      expect(await sources.xml.labels(files), id).toEqual(expected);
      if ((await sources.easy.labels(files)).join() !== expected.join()) differ++;
    }
    expect(differ).toBe(66);
  });
});
