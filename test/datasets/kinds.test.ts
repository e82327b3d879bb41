import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VOC } from '../../src/datasets/classes/voc.js';
import { foldersOf } from '../../src/datasets/data-set.js';
import { dataSpecOf, openDataSet, parseDataSpec } from '../../src/datasets/kinds.js';
import { createLabelSource } from '../../src/datasets/labels/create.js';
import { refusal } from '../helpers.js';
import { DataFolder } from './data-folder.js';

describe('parseDataSpec', () => {
  it('reads kind and place', () => {
    expect(parseDataSpec('coco:/data/coco')).toEqual({ kind: 'coco', root: '/data/coco' });
    expect(parseDataSpec('list:C:\\data\\labels.txt')).toEqual({ kind: 'list', root: 'C:\\data\\labels.txt' });
  });

  it('says what is missing', () => {
    expect(refusal(() => parseDataSpec('cocoo:x'))).toMatchObject({ message: '\'cocoo\' is not a kind of data set', hint: 'did you mean coco?' });
    expect(refusal(() => parseDataSpec('/data/coco'))).toMatchObject({ message: 'the data set \'/data/coco\' has no kind', hint: 'write KIND:/data/coco, where KIND is one of voc, coco, folder, list' });
    expect(refusal(() => parseDataSpec('C:\\data'))).toMatchObject({ message: 'the data set \'C:\\data\' has no kind' });
    expect(refusal(() => parseDataSpec('folder:')).hint).toBe('write folder:ROOT; ROOT is a folder with one folder of photographs per class');
  });
});

describe('dataSpecOf', () => {
  it('takes --voc-root as voc, but not both', () => {
    expect(dataSpecOf({ data: 'coco:x' })).toBe('coco:x');
    expect(dataSpecOf({ vocRoot: 'x' })).toBe('voc:x');
    expect(refusal(() => dataSpecOf({ data: 'coco:x', vocRoot: 'y' })).message).toBe('--data and --voc-root are both given');
    expect(refusal(() => dataSpecOf({})).message).toBe('--voc-root is missing');
  });
});

describe('a VOC devkit', () => {
  let data: DataFolder;
  beforeEach(async () => { data = await DataFolder.make(); });
  afterEach(() => data.remove());

  it('has the splits of ImageSets/Segmentation, then those of ImageSets/Main', async () => {
    await data.photos('JPEGImages/a.jpg', 'JPEGImages/b.jpg', 'JPEGImages/c.jpg');
    await data.text('ImageSets/Segmentation/train.txt', 'a\n');
    await data.text('ImageSets/Main/train.txt', 'a\nb\n');
    await data.text('ImageSets/Main/val.txt', 'c\n');
    const set = await openDataSet(`voc:${data.root}`);
    const ids = async (name: string): Promise<string[]> => (await set.readSplit(name)).items.map(({ id }) => id);
    expect(await ids('train')).toEqual(['a']);
    expect(await ids('Main/train')).toEqual(['a', 'b']);
    expect(await ids('val')).toEqual(['c']);
    const split = await set.readSplit('val');
    expect(split.classes).toBe(VOC);
    expect(set).toMatchObject({ hasLabels: false, name: `voc:${data.root}` });
    expect(foldersOf(set, split)).toEqual(['JPEGImages', 'SegmentationClass', 'Annotations'].map((name) => data.path(name)));
  });

  it('has labels in the lists of ImageSets/Main', async () => {
    await data.photos('JPEGImages/a.jpg');
    for (const name of VOC.classes) await data.text(`ImageSets/Main/${name}_train.txt`, 'a -1\nb -1\nc -1\n');
    await data.text('ImageSets/Main/cat_train.txt', 'a  1\nb -1\nc  0\n');
    await data.text('ImageSets/Main/person_train.txt', 'a  1\nb -1\n');
    const { devkit } = await openDataSet(`voc:${data.root}`);
    const item = (id: string) => ({ id, imagePath: '' });
    const source = await createLabelSource('main', { devkit, split: 'train' });
    expect(source.name).toBe('main train.txt');
    expect(await source.labels(item('a'))).toEqual([8, 15]);
    expect(await source.labels(item('b'))).toEqual([]);
    // Not in the list of persons.
    await expect(source.labels(item('c'))).rejects.toThrow('no labels for c from main: it is in 19 of the 20 lists');
    await data.text('ImageSets/Main/person_train.txt', 'a  1\nb -1\nc -1\n');
    expect(await (await createLabelSource('main', { devkit, split: 'train' })).labels(item('c'))).toEqual([8]);
    expect(await (await createLabelSource('main', { devkit, split: 'train', difficult: false })).labels(item('c'))).toEqual([]);
    await expect(createLabelSource('main', { devkit, split: 'val' })).rejects.toThrow('there is no list');
    await data.text('ImageSets/Main/person_train.txt', 'a\n');
    await expect(createLabelSource('main', { devkit, split: 'train' })).rejects.toThrow('person_train.txt:1: "a" is not an image and 1, 0 or -1');
    await expect(createLabelSource('main', { split: 'train' })).rejects.toThrow('--labels main needs a VOC devkit');
    await expect((await createLabelSource('own', {})).labels(item('a'))).rejects.toThrow('no labels for a: the data set has no labels of its own');
  });
});
