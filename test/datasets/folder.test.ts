import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClassSet } from '../../src/datasets/classes/class-set.js';
import { openFolder } from '../../src/datasets/folder.js';
import { readTruth } from '../../src/datasets/truth.js';
import type { Split } from '../../src/datasets/splits.js';
import { DataFolder } from './data-folder.js';

let data: DataFolder;
beforeEach(async () => { data = await DataFolder.make(); });
afterEach(() => data.remove());

const labelsIn = ({ items }: Split): Record<string, readonly number[] | undefined> => Object.fromEntries(items.map(({ id, labels }) => [id, labels]));

describe('openFolder', () => {
  it('takes the names of folders as classes, sorted, and images in folders such as good as images without a class', async () => {
    await data.photos('scratch/1.jpg', 'dent/2.JPG', 'dent/deep/3.png', 'good/4.jpg', 'Normal/5.jpg');
    await data.text('dent/notes.txt', 'not a photograph');
    const set = await openFolder(data.root);
    const all = await set.readSplit('all');
    expect(all.classes.classes).toEqual(['dent', 'scratch']);
    expect(labelsIn(all)).toEqual({ 1: [2], 2: [1], 3: [1], 4: [], 5: [] });
    expect(all.items.map(({ truth }) => truth)).toEqual([undefined, undefined, undefined, undefined, undefined]);
    expect(all.notes).toEqual([]);
    expect(set).toMatchObject({ hasLabels: true, defaultSplit: 'all' });
  });

  it('puts the class in front of the ids of photographs with the same name', async () => {
    await data.photos('a/001.jpg', 'b/001.jpg', 'b/002.jpg');
    expect(labelsIn(await (await openFolder(data.root)).readSplit('all'))).toEqual({ 'a_001': [1], 'b_001': [2], '002': [2] });
  });

  it('divides the images by a hash of their ids, so that new images do not move others', async () => {
    await data.photos(...['001', '002', '003', '004', '005', '006'].map((name) => `a/${name}.jpg`));
    const ids = async (split: string, valShare: number, seed?: number): Promise<string[]> => (
      (await (await openFolder(data.root, { valShare, seed })).readSplit(split)).items.map(({ id }) => id));
    const val = await ids('val', 0.5);
    // By Python's hashlib: test/datasets/ids.test.ts.
    expect(val).toEqual(['004', '005']);
    expect(await ids('val', 0.5, 1)).toEqual(['001', '003', '004']);
    expect(await ids('train', 0.5)).toEqual(['001', '002', '003', '004', '005', '006'].filter((id) => !val.includes(id)));
    await data.photos('a/007.jpg', 'b/008.jpg');
    expect((await ids('val', 0.5)).filter((id) => id < '007')).toEqual(val);
    await expect(ids('val', 0)).rejects.toThrow('is empty');
  });

  it('reads the layout of MVTec AD: folders of splits, and masks of black and white', async () => {
    await data.photos('train/good/000.png', 'test/good/000.png', 'test/broken/000.png', 'test/cut/000.png');
    await data.mask('ground_truth/broken/000_mask.png', 0, 255, 255);
    await data.mask('ground_truth/cut/000_mask.png', 0, 1);
    const set = await openFolder(data.root);
    const test = await set.readSplit('test');
    expect(labelsIn(test)).toEqual({ test_broken_000: [1], test_cut_000: [2], test_good_000: [] });
    expect((await set.readSplit('train')).items.map(({ id }) => id)).toEqual(['train_good_000']);
    expect((await set.readSplit('all')).items).toHaveLength(4);
    expect(test.notes).toEqual(['1 image has no class and no mask: its ground truth is background']);
    const masks = await Promise.all(test.items.map(({ truth }) => readTruth(truth!)));
    // The only value of a mask is the image's class: 255 is broken (1), 1 is cut (2).
    expect(masks.map(({ width, height, data: labels }) => [width, height, ...labels.subarray(0, 3)]))
      .toEqual([[5, 4, 0, 1, 1], [5, 4, 0, 2, 0], [5, 4, 0, 0, 0]]);
    await expect(set.readSplit('val')).rejects.toThrow(`there is no split val in ${data.root}`);
  });

  it('finds masks by id, by class and name, and in another folder', async () => {
    await data.photos('a/1.jpg', 'b/2.jpg', 'b/3.jpg');
    await data.mask('masks/1.png', 1, 255);
    await data.mask('masks/b/2.png', 2, 1);
    const split = await (await openFolder(data.root)).readSplit('all');
    expect(split.classes.classes).toEqual(['a', 'b']);
    expect(split.items.map(({ truth }) => truth?.path)).toEqual([data.path('masks/1.png'), data.path('masks/b/2.png'), data.path('masks/b/3.png')]);
    // More than one value besides 0: labels, as in any mask.
    expect([...(await readTruth(split.items[0].truth!)).data.subarray(0, 2)]).toEqual([1, 255]);
    expect([...(await readTruth(split.items[1].truth!)).data.subarray(0, 2)]).toEqual([2, 1]);
    await data.mask('other/3.png', 2);
    const other = await (await openFolder(data.root, { maskDir: 'other' })).readSplit('all');
    expect(other.items.map(({ id, truth }) => [id, truth?.path])).toContainEqual(['3', data.path('other/3.png')]);
    await expect(openFolder(data.root, { maskDir: 'none' })).rejects.toThrow(`the mask folder none is neither in ${data.root} nor in the current folder`);
  });

  it('takes the labels of a given class set, and reads lists of ids and paths', async () => {
    await data.photos('Dent/1.jpg', 'scratch/2.jpg');
    const set = await openFolder(data.root, { classes: new ClassSet({ name: 'mine', classes: ['scratch', 'hole', 'dent'] }) });
    expect(labelsIn(await set.readSplit('all'))).toEqual({ 1: [3], 2: [1] });
    const list = await data.text('some.txt', 'scratch/2.jpg\n2\n');
    expect(await set.readSplit(list)).toMatchObject({ name: 'some', path: list, duplicates: 1, items: [{ id: '2' }] });
    await data.text('wrong.txt', '1\n7\n');
    await expect(set.readSplit('wrong.txt')).rejects.toThrow(`${data.path('wrong.txt')}:2: 7 is not a photograph of the data set`);
    await expect(openFolder(data.root, { classes: new ClassSet({ name: 'mine', classes: ['scratch'] }) })).rejects.toThrow('"Dent" is not a class of mine');
  });

  it('refuses folders without classes', async () => {
    await expect(openFolder(data.path('none'))).rejects.toThrow('does not exist');
    await data.photos('1.jpg');
    await expect(openFolder(data.root)).rejects.toThrow('has no photographs in folders of classes');
    await data.photos('good/1.jpg');
    await expect(openFolder(data.root)).rejects.toThrow('has only images without a class');
  });
});
