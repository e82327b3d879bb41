import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevkit } from '../../src/voc/devkit.js';
import type { Devkit } from '../../src/voc/devkit.js';
import { partitionByPresence, readSplit, selectIds } from '../../src/voc/splits.js';
import type { Split } from '../../src/voc/splits.js';

const shared = resolve(fileURLToPath(new URL('../../../shared/voc/VOCdevkit', import.meta.url)));

let top: string;
let root: string;
let devkit: Devkit;

beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), 'splits-'));
  root = join(top, 'VOC2012');
  for (const folder of ['JPEGImages', 'SegmentationClass', 'SegmentationClassAug', 'ImageSets/Segmentation']) {
    await mkdir(join(root, folder), { recursive: true });
  }
  await mkdir(join(top, 'VOC2007', 'JPEGImages'), { recursive: true });
  await mkdir(join(top, 'lists', 'photos'), { recursive: true });
  for (const file of [
    'VOC2012/JPEGImages/a.jpg', 'VOC2012/JPEGImages/b.jpeg', 'VOC2012/JPEGImages/c.png', 'VOC2012/JPEGImages/c.jpg',
    'VOC2012/SegmentationClass/a.png', 'VOC2012/SegmentationClassAug/a.png', 'VOC2007/JPEGImages/e.jpg', 'VOC2007/JPEGImages/a.jpg',
    'lists/photos/f.jpg',
  ]) await writeFile(join(top, file), '');
  await writeFile(join(root, 'ImageSets', 'Segmentation', 'val.txt'), 'a\nb\nc\nd\n');
  await writeFile(join(root, 'ImageSets', 'Segmentation', 'train.txt'), 'a\n');
  devkit = await openDevkit(root);
});
afterAll(() => rm(top, { recursive: true }));

async function split(text: string, from = devkit): Promise<Split> {
  await writeFile(join(top, 'lists', 'mine.txt'), text);
  return readSplit(from, join(top, 'lists', 'mine.txt'));
}
const images = ({ items }: Split): string[] => items.map(({ imagePath }) => imagePath.slice(top.length + 1));
const masks = ({ items }: Split): string[] => items.map(({ maskPath }) => maskPath.slice(top.length + 1));

describe('readSplit', () => {
  it('reads an official split by name; ids get the ending of the image that is there, else .jpg', async () => {
    const val = await readSplit(devkit, 'val');
    expect(val).toMatchObject({ name: 'val', path: join(root, 'ImageSets', 'Segmentation', 'val.txt'), duplicates: 0 });
    expect(val.items.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd']);
    expect(images(val)).toEqual(['a.jpg', 'b.jpeg', 'c.jpg', 'd.jpg'].map((name) => `VOC2012/JPEGImages/${name}`));
    expect(masks(val)).toEqual(['a', 'b', 'c', 'd'].map((name) => `VOC2012/SegmentationClass/${name}.png`));
  });

  it('reads lists of images with their masks, relative to the root although they begin with a slash', async () => {
    const list = await split('/JPEGImages/a.jpg /SegmentationClassAug/a.png\n/JPEGImages/d.jpg /SegmentationClassAug/d.png\n');
    expect(list.name).toBe('mine');
    expect(list.items.map(({ id }) => id)).toEqual(['a', 'd']);
    expect(images(list)).toEqual(['VOC2012/JPEGImages/a.jpg', 'VOC2012/JPEGImages/d.jpg']);
    expect(masks(list)).toEqual(['VOC2012/SegmentationClassAug/a.png', 'VOC2012/SegmentationClassAug/d.png']);
  });

  it('takes masks from the folder that was asked for, whatever the list says', async () => {
    const plain = await openDevkit(root, { maskDir: 'SegmentationClass' });
    expect(masks(await split('/JPEGImages/a.jpg /SegmentationClassAug/a.png\n', plain))).toEqual(['VOC2012/SegmentationClass/a.png']);
  });

  it('finds paths relative to the folder above the root and to the list, absolute ones, and with backslashes', async () => {
    const list = await split(`VOC2012/JPEGImages/a.jpg 1 15\nVOC2007/JPEGImages/e.jpg dog\nphotos/f.jpg\n${join(root, 'JPEGImages', 'c.png')}\nJPEGImages\\b.jpeg\n`);
    expect(images(list)).toEqual([
      'VOC2012/JPEGImages/a.jpg', 'VOC2007/JPEGImages/e.jpg', 'lists/photos/f.jpg', 'VOC2012/JPEGImages/c.png', 'VOC2012/JPEGImages/b.jpeg',
    ]);
    expect(masks(list)[0]).toBe('VOC2012/SegmentationClass/a.png');
  });

  it('places a missing image beside its neighbours', async () => {
    expect(images(await split('VOC2012/JPEGImages/x.jpg\n/JPEGImages/y.jpg\nVOC2007/JPEGImages/z.jpg\nnowhere/w.jpg\n'))).toEqual([
      'VOC2012/JPEGImages/x.jpg', 'VOC2012/JPEGImages/y.jpg', 'VOC2007/JPEGImages/z.jpg', 'VOC2012/nowhere/w.jpg',
    ]);
  });

  it('copes with Windows line ends, blank lines, comments, spaces, a byte order mark and ids with classes', async () => {
    const list = await split('\uFEFFa 1 15\r\n\r\n# comment\r\n  b\taeroplane  \r\n   \r\nc -1');
    expect(list.items.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
  });

  it('counts an image once, and says how many lines repeat one', async () => {
    const list = await split('a\nb\na\nJPEGImages/a.jpg\n');
    expect(list.items.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(list.duplicates).toBe(2);
  });

  it('refuses two images with one id', async () => {
    await expect(split('a\nb\nVOC2007/JPEGImages/a.jpg\n')).rejects.toThrow('mine.txt: lines 1 and 3 name two images with the id a');
  });

  it('refuses an empty list, and a line that names no image', async () => {
    await expect(split('# nothing\n\n')).rejects.toThrow('mine.txt is empty');
    await expect(split('a\nJPEGImages/\n')).rejects.toThrow('mine.txt:2: "JPEGImages/" names no image');
  });

  it('names the splits there are', async () => {
    await expect(readSplit(devkit, 'valid')).rejects.toMatchObject({
      name: 'UserError', message: expect.stringContaining('there is no split valid'), hint: 'Give the path of a list, or one of: train, val.',
    });
  });
});

describe('choosing items', () => {
  it('separates what is on disk from what is not', async () => {
    const { items } = await readSplit(devkit, 'val');
    const byImage = await partitionByPresence(items);
    expect(byImage.present.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    expect(byImage.missing.map(({ id }) => id)).toEqual(['d']);
    const byMask = await partitionByPresence(items, 'maskPath');
    expect(byMask.present.map(({ id }) => id)).toEqual(['a']);
  });

  it('selects ids in the order asked for', async () => {
    const { items } = await readSplit(devkit, 'val');
    expect(selectIds(items, ['c', 'a', 'c']).map(({ id }) => id)).toEqual(['c', 'a']);
    expect(() => selectIds(items, ['a', 'q'])).toThrow('the split has no image with the id q');
  });
});

// The figures are those of the folder's own description.
describe.skipIf(!existsSync(shared))('the devkit in ../shared', () => {
  it.each([['train', 1464, 311], ['val', 1449, 700], ['trainval', 2913, 1011], ['train_aug', 10582, 311], ['dev_train', 311, 311], ['dev_val', 700, 700]])(
    '%s lists %i images, of which %i are there', async (name, listed, there) => {
      const { items } = await readSplit(await openDevkit(join(shared, 'VOC2012')), name);
      expect(items).toHaveLength(listed);
      expect((await partitionByPresence(items)).present).toHaveLength(there);
    });

  it('the list of training images spans two years of the devkit', async () => {
    const { items, name } = await readSplit(await openDevkit(join(shared, 'VOC2012')), join(shared, 'classifier_train.txt'));
    expect(name).toBe('classifier_train');
    expect((await partitionByPresence(items)).present).toHaveLength(1271);
    expect((await partitionByPresence(items, 'maskPath')).present).toHaveLength(311);
  });
});
