import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClassSet, MOST_CLASSES } from '../../../src/datasets/classes/class-set.js';
import { COCO } from '../../../src/datasets/classes/coco.js';
import { classSetOf } from '../../../src/datasets/classes/known.js';
import { loadClassSet } from '../../../src/datasets/classes/load.js';
import { VOC } from '../../../src/datasets/classes/voc.js';
import { decodeMask, encodeMask } from '../../../src/datasets/masks.js';
import { listLabels } from '../../../src/datasets/labels/list.js';
import type { DataItem } from '../../../src/datasets/splits.js';
import { parsePng } from '../../../src/formats/png/png.js';

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-classes-')); });
afterAll(() => rm(folder, { recursive: true }));

async function load(name: string, text: string): Promise<ClassSet> {
  await writeFile(join(folder, name), text);
  return loadClassSet(join(folder, name));
}

describe('COCO', () => {
  // torchvision's list of names by category id; see make_coco.py.
  const table = JSON.parse(readFileSync(new URL('../../fixtures/classes/coco.json', import.meta.url), 'utf8')) as [number, string][];

  it('has the 80 categories in the order of their ids, as labels 1..80', () => {
    expect(COCO.classes).toEqual(table.map(([, name]) => name));
    expect(COCO.data.categoryIds).toEqual(table.map(([id]) => id));
    expect(COCO.labelCount).toBe(81);
  });

  it('finds every class by its name, and VOC\'s names of the same classes', () => {
    table.forEach(([, name], i) => { expect(COCO.indexOf(name.toUpperCase())).toBe(i + 1); });
    const same = ['person', 'bicycle', 'car', 'motorcycle', 'airplane', 'bus', 'train', 'boat', 'bird', 'cat', 'dog', 'horse', 'sheep', 'cow', 'bottle', 'chair', 'couch', 'potted plant', 'dining table', 'tv'];
    expect(VOC.classes.map((name) => COCO.nameOf(COCO.indexOf(name)!)).sort()).toEqual(same.sort());
  });
});

describe('a class set', () => {
  const set = new ClassSet({ name: 'parts', classes: ['scratch', 'oil stain', 'Loch'], aliases: { hole: 'Loch' }, colours: { scratch: [250, 10, 20] } });

  it('counts labels from 1, with the background as 0', () => {
    expect([set.indexOf('SCRATCH'), set.indexOf('oil_stain'), set.indexOf(' loch '), set.indexOf('hole'), set.indexOf('3'), set.indexOf('4'), set.indexOf('0')])
      .toEqual([1, 2, 3, 3, 3, undefined, undefined]);
    expect([0, 1, 2, 3].map((label) => set.nameOf(label))).toEqual(['background', 'scratch', 'oil stain', 'Loch']);
    expect(() => set.nameOf(4)).toThrow(RangeError);
    expect(() => set.require('dent', 'list.txt:3')).toThrow('list.txt:3: "dent" is not a class of parts');
    expect([0, 3, 4, 255].map((label) => set.hasLabel(label))).toEqual([true, true, false, true]);
  });

  it('has its own colours, and VOC\'s for the other labels', () => {
    // The devkit's rule: 2 is (0, 128, 0), 3 is (128, 128, 0), 255 is (224, 224, 192).
    expect([0, 1, 2, 3, 255].map((label) => set.colourOf(label))).toEqual([[0, 0, 0], [250, 10, 20], [0, 128, 0], [128, 128, 0], [224, 224, 192]]);
    expect(set.labelOfColour(250, 10, 20)).toBe(1);
    expect(set.labelOfColour(128, 0, 0)).toBeUndefined();
  });

  it('survives as plain data', () => {
    const again = classSetOf(JSON.parse(JSON.stringify(set.data)) as typeof set.data);
    expect([again.indexOf('hole'), again.colourOf(1)]).toEqual([3, [250, 10, 20]]);
    expect(classSetOf(VOC.data)).toBe(VOC);
  });

  it('writes masks with its palette, and reads colours by it', () => {
    const data = Uint8Array.of(0, 1, 2, 3, 255, 1);
    const png = encodeMask({ width: 3, height: 2, data }, 'palette', set);
    expect([...parsePng(png).palette!.subarray(0, 12)]).toEqual([0, 0, 0, 250, 10, 20, 0, 128, 0, 128, 128, 0]);
    expect([...decodeMask(png, 'a.png', { classes: set }).data]).toEqual([...data]);
  });

  it.each([
    [[], 'has no classes'], [Array.from({ length: 255 }, (_, i) => `c${i}`), 'has 255 classes'], [['a', 'A '], 'has two classes called \'A \' (1 and 2)'],
    [['a', '7'], 'has the class name \'7\', a number'], [['a', 'Background'], 'has a class called background'], [['a', ' '], 'has an empty name'],
  ])('refuses %j', (classes, message) => {
    expect(() => new ClassSet({ name: 'bad', classes })).toThrow(`the class set bad ${message}`);
  });

  it('refuses aliases of nothing and of two classes, and equal colours', () => {
    expect(() => new ClassSet({ name: 'bad', classes: ['cat'], aliases: { puss: 'cats' } })).toThrow('has the alias \'puss\' for \'cats\', which is not one of its classes');
    expect(() => new ClassSet({ name: 'bad', classes: ['cat', 'dog'], aliases: { dog: 'cat' } })).toThrow('has the name \'dog\' for two classes (2 and 1)');
    expect(() => new ClassSet({ name: 'bad', classes: ['cat', 'dog'], colours: { cat: [0, 128, 0] } })).toThrow('the same colour (0, 128, 0) for cat and dog');
    expect(() => new ClassSet({ name: 'bad', classes: ['cat'], colours: { cat: [0, 0, 0] } })).toThrow('for background and cat');
  });

  it('has up to 254 classes', () => {
    const largest = new ClassSet({ name: 'large', classes: Array.from({ length: MOST_CLASSES }, (_, i) => `c${i}`) });
    expect([largest.labelCount, largest.nameOf(254), largest.indexOf('254'), largest.hasLabel(254)]).toEqual([255, 'c253', 254, true]);
  });
});

describe('a file of a class set', () => {
  it('is a list of names, with or without a key', async () => {
    expect((await load('one.yaml', 'classes: [cat, "hot dog"]\n')).data).toEqual({ name: 'one', classes: ['cat', 'hot dog'] });
    expect((await load('two.yml', '- cat\n- dog\n')).data).toEqual({ name: 'two', classes: ['cat', 'dog'] });
    expect((await load('three.json', '["cat", "dog"]')).classes).toEqual(['cat', 'dog']);
    expect((await load('four.txt', '\uFEFF# names\ntraffic light\r\n\r\nÖl\n')).classes).toEqual(['traffic light', 'Öl']);
  });

  it('leaves out a background at the start', async () => {
    expect((await load('labels.txt', 'Background\ncat\ndog\n')).indexOf('cat')).toBe(1);
  });

  it('may give aliases, colours and ids', async () => {
    const set = await load('full.yaml', 'name: parts\nclasses:\n  - scratch\n  - { name: dent, aliases: [bump], colour: "#c04020", id: 7 }\n  - { name: hole, colour: [1, 2, 3] }\n');
    expect(set.data).toEqual({
      name: 'parts', classes: ['scratch', 'dent', 'hole'], aliases: { bump: 'dent' }, colours: { dent: [192, 64, 32], hole: [1, 2, 3] }, categoryIds: [1, 7, 3],
    });
  });

  it.each([
    ['a.yaml', 'classes: []', 'classes is []'], ['b.yaml', 'cat', 'has no list of classes'], ['c.yaml', 'classes: [cat]\npalette: x', 'there is no setting \'palette\''],
    ['d.yaml', '- { name: cat, colour: red }', 'colour is \'red\''], ['e.txt', '# nothing\n', 'is empty'], ['f.yaml', '- cat\n- Cat\n', 'has two classes called \'Cat\''],
  ])('%s that is wrong is refused: %j', async (name, text, message) => {
    await expect(load(name, text)).rejects.toThrow(message);
    await expect(load(name, text)).rejects.toThrow(name);
  });

  it('that does not exist is told, with the names that there are', async () => {
    await expect(loadClassSet('cocoo')).rejects.toMatchObject({ message: 'there is no class set \'cocoo\'', hint: 'did you mean coco?' });
    await expect(loadClassSet(join(folder, 'none.yaml'))).rejects.toMatchObject({ hint: expect.stringContaining('give voc, coco, or a YAML file') });
  });

  it('called voc is not taken for the real one', async () => {
    const set = await load('voc.yaml', '[cat, dog]');
    expect(classSetOf(set.data).classes).toEqual(['cat', 'dog']);
  });
});

it('a list may name classes of several words, as COCO has them', async () => {
  const list = join(folder, 'list.txt');
  await writeFile(list, 'a.jpg traffic light hot dog dog\nb.jpg "wine glass, cup" 80\nc.jpg\n');
  const source = await listLabels(list, { classes: COCO });
  const labels = (id: string) => source.labels({ id } as DataItem);
  expect([await labels('a'), await labels('b'), await labels('c')]).toEqual([[10, 17, 53], [41, 42, 80], []]);
});
