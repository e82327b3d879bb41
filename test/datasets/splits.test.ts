import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevkit } from '../../src/datasets/devkit.js';
import type { Devkit } from '../../src/datasets/devkit.js';
import { partitionByPresence, readSplit, selectIds } from '../../src/datasets/splits.js';
import type { Split } from '../../src/datasets/splits.js';

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
const masks = ({ items }: Split): string[] => items.map(({ truth }) => truth!.path.slice(top.length + 1));

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
    await expect(split('a\nb\nVOC2007/JPEGImages/a.jpg\n')).rejects.toThrow('mine.txt: lines 1 and 3 are different images with the same id a');
  });

  it('refuses an empty list, and a line that names no image', async () => {
    await expect(split('# nothing\n\n')).rejects.toThrow('mine.txt is empty');
    await expect(split('a\nJPEGImages/\n')).rejects.toThrow('mine.txt:2: "JPEGImages/" is not the name of an image');
  });

  it('names the splits there are', async () => {
    await expect(readSplit(devkit, 'valid')).rejects.toMatchObject({
      name: 'UserError', message: expect.stringContaining('there is no split valid'), hint: 'Give the path of a list, or one of: train, val.',
    });
  });
});

describe('lists as people have them', () => {
  let own: Devkit;
  let list: string;
  beforeAll(async () => {
    const folder = join(top, 'own');
    for (const name of ['JPEGImages', 'SegmentationClass', 'ImageSets/Segmentation', 'my photos']) await mkdir(join(folder, name), { recursive: true });
    for (const name of [
      'my photo 1.jpg', 'my photo 2.JPG', 'camera.JPG', 'two.PNG', 'two.jpeg', 'web.webp', 'scan.TIFF', 'old.bmp', 'Smith, John.jpg', 'plain.jpg', 'plain 1.jpg',
      // As macOS writes it: the letter and its accent are two characters.
      'cafe\u0301.jpg', 'v1.2.jpg',
    ]) await writeFile(join(folder, 'JPEGImages', name), '');
    await writeFile(join(folder, 'my photos', 'a b.jpg'), '');
    for (const name of ['camera.PNG', 'two.npy', 'plain.png', 'plain.npy', 'cafe\u0301.png', 'my photo 1.png']) await writeFile(join(folder, 'SegmentationClass', name), '');
    own = await openDevkit(folder);
    list = join(folder, 'list.txt');
  });
  async function read(text: string | Buffer): Promise<Split> {
    await writeFile(list, text);
    return readSplit(own, list);
  }
  const names = ({ items }: Split): string[] => items.map(({ imagePath }) => imagePath.slice(own.root.length + 1));

  it('an id gets the photograph that is there, whatever its ending', async () => {
    expect(names(await read('camera\ntwo\nweb\nscan\nold\nv1.2\nnone\n'))).toEqual(
      ['camera.JPG', 'two.jpeg', 'web.webp', 'scan.TIFF', 'old.bmp', 'v1.2.jpg', 'none.jpg'].map((name) => `JPEGImages/${name}`));
    expect(names(await read('JPEGImages/camera.jpg\n/JPEGImages/two\nJPEGImages/two.jpg\n'))).toEqual(['JPEGImages/camera.JPG', 'JPEGImages/two.jpeg']);
  });

  it('and the mask, .png before .npy', async () => {
    const { items } = await read('camera\ntwo\nplain\nweb\n');
    expect(items.map(({ truth }) => truth!.path.slice(own.maskDir.length + 1))).toEqual(['camera.PNG', 'two.npy', 'plain.png', 'web.png']);
  });

  it('names with spaces are found, in quotes or not, also with classes and masks behind them', async () => {
    const ids = async (text: string): Promise<string[]> => (await read(text)).items.map(({ id }) => id);
    expect(await ids('my photo 1\nmy photo 2\n')).toEqual(['my photo 1', 'my photo 2']);
    expect(await ids('my photo 1 dog\n"my photo 2" cat\nmy photos/a b.jpg 8\n')).toEqual(['my photo 1', 'my photo 2', 'a b']);
    expect(await ids('plain 1\nplain 15\n')).toEqual(['plain 1', 'plain']);
    const withMask = await read('JPEGImages/my photo 1.jpg SegmentationClass/my photo 1.png\n');
    expect(withMask.items[0]).toMatchObject({ id: 'my photo 1', truth: { kind: 'mask', path: join(own.maskDir, 'my photo 1.png') } });
    // Only its mask is there.
    await writeFile(join(own.maskDir, 'his photo 1.png'), '');
    expect(await ids('his photo 1\nhis photo 1 dog\n')).toEqual(['his photo 1']);
    // Not on disk: by its ending, a name is known as a whole.
    expect(await ids('her photo 1.jpg\nher photo 2.jpg\n')).toEqual(['her photo 1', 'her photo 2']);
    expect(await ids('gone 15\n')).toEqual(['gone']);
    const gone = await read('gone SegmentationClass/plain.png\n');
    expect(gone.items[0]).toMatchObject({ id: 'gone', imagePath: join(own.imageDir, 'gone.jpg'), truth: { kind: 'mask', path: join(own.maskDir, 'plain.png') } });
  });

  it('CSV: commas, quotes and a header', async () => {
    const csv = await read('filename,label\r\ncamera.jpg,cat\r\n"Smith, John.jpg",person\r\nSmith, John.jpg\r\n"my photo 1.jpg","cat, dog"\r\nweb;dog\r\n');
    expect(csv.items.map(({ id }) => id)).toEqual(['camera', 'Smith, John', 'my photo 1', 'web']);
    expect(csv.duplicates).toBe(1);
  });

  it('accents composed or not are the same', async () => {
    for (const form of ['NFC', 'NFD']) {
      const { items } = await read('café\nJPEGImages/café.jpg\n'.normalize(form));
      expect(items).toEqual([{ id: 'café'.normalize('NFC'), imagePath: join(own.imageDir, 'cafe\u0301.jpg'), truth: { kind: 'mask', path: join(own.maskDir, 'cafe\u0301.png') } }]);
    }
    expect((await partitionByPresence((await read('café\n')).items)).missing).toEqual([]);
  });

  it('UTF-16 with and without a mark, either way round, and Latin-1', async () => {
    const little = Buffer.from('camera\r\nweb\r\n', 'utf16le');
    const big = Buffer.from(little).swap16();
    for (const text of [little, big, Buffer.concat([Buffer.from([0xff, 0xfe]), little]), Buffer.concat([Buffer.from([0xfe, 0xff]), big])]) {
      expect((await read(text)).items.map(({ id }) => id)).toEqual(['camera', 'web']);
    }
    expect(names(await read(Buffer.from('caf\xe9\n', 'latin1')))).toEqual(['JPEGImages/cafe\u0301.jpg']);
  });

  it('leaves out the -1 of a list of ImageSets/Main, and says so', async () => {
    const main = await read('camera -1\nweb  1\nmy photo 1 -1\nmy photo 2  0\n');
    expect(main.items.map(({ id }) => id)).toEqual(['web', 'my photo 2']);
    expect(main.notes).toEqual([`2 of 4 lines of ${list} are marked -1 (the image does not contain the class) and are left out`]);
    // No such list: classes by number, and no line with -1.
    const classes = await read('camera 1\nweb 1\n');
    expect([classes.items.length, classes.notes]).toEqual([2, []]);
    await expect(read('camera -1\n')).rejects.toThrow('every line of the list');
  });

  it('what is no list is refused by name', async () => {
    await expect(read(Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 1]))).rejects.toThrow('list.txt is not a text file, but a JPEG');
    await expect(read(Buffer.from([1, 0, 0, 0, 7, 8, 9]))).rejects.toThrow('list.txt is not a text file');
    await expect(read('')).rejects.toThrow('list.txt is empty');
    await expect(read(',,\n')).rejects.toThrow('list.txt is empty');
    await expect(read(`${'"a ""b '.repeat(2000)}\n`)).rejects.toThrow('has lines of more than 8192 characters');
    await expect(readSplit(own, own.imageDir)).rejects.toThrow('is a folder, not a file');
  });
});

describe('choosing items', () => {
  it('separates what is on disk from what is not', async () => {
    const { items } = await readSplit(devkit, 'val');
    const byImage = await partitionByPresence(items);
    expect(byImage.present.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    expect(byImage.missing.map(({ id }) => id)).toEqual(['d']);
    const byMask = await partitionByPresence(items, 'truth');
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
    expect((await partitionByPresence(items, 'truth')).present).toHaveLength(311);
  });
});
