import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClassSet } from '../../src/datasets/classes/class-set.js';
import { openList } from '../../src/datasets/list.js';
import type { DataSetOptions } from '../../src/datasets/data-set.js';
import type { Split } from '../../src/datasets/splits.js';
import { readTruth } from '../../src/datasets/truth.js';
import { hasShared, shared } from '../helpers.js';
import { DataFolder } from './data-folder.js';

let data: DataFolder;
beforeEach(async () => { data = await DataFolder.make(); });
afterEach(() => data.remove());

async function all(text: string, options: DataSetOptions = {}): Promise<Split> {
  return (await openList(await data.text('labels.txt', text), options)).readSplit('all');
}
const labelsIn = ({ items }: Split): Record<string, readonly number[] | undefined> => Object.fromEntries(items.map(({ id, labels }) => [id, labels]));

describe('openList', () => {
  it('reads photographs and classes; the classes are the names in the list, sorted', async () => {
    await data.photos('images/1.jpg', 'images/my photo.png', 'images/3.jpg');
    const split = await all('images/1.jpg scratch dent\nimages/my photo.png dent\n# comment\nimages/3.jpg\nimages/1.jpg dent scratch\nimages/4.jpg dent\n');
    expect(split.classes.classes).toEqual(['dent', 'scratch']);
    expect(split.classes.name).toBe('labels');
    expect(labelsIn(split)).toEqual({ '1': [1, 2], 'my photo': [1], '3': [], '4': [1] });
    expect(split).toMatchObject({ path: data.path('labels.txt'), duplicates: 1, notes: [] });
    expect(split.items[3].imagePath).toBe(data.path('images/4.jpg'));
    expect(split.items.map(({ truth }) => truth)).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('reads CSV, with several classes in one cell', async () => {
    await data.photos('a.jpg');
    const split = await all('image,classes\na.jpg,"dent, scratch"\n"b c.jpg",dent\n');
    expect(labelsIn(split)).toEqual({ 'a': [1, 2], 'b c': [1] });
  });

  it('finds masks; images without classes need none', async () => {
    await data.photos('1.jpg', '2.jpg', '3.jpg', '4.jpg');
    await data.mask('masks/1.png', 0, 255);
    await data.mask('other/x.png', 2, 255);
    const split = await all('1.jpg scratch\n2.jpg other/x.png dent scratch\n3.jpg\n4.jpg dent\n');
    expect(split.items.map(({ truth }) => [truth?.kind, truth?.path])).toEqual([
      ['mask', data.path('masks/1.png')], ['mask', data.path('other/x.png')], ['background', data.path('3.jpg')], ['mask', data.path('masks/4.png')],
    ]);
    expect(split.notes).toEqual(['1 image has no class and no mask: its ground truth is background']);
    const masks = await Promise.all(split.items.slice(0, 3).map(({ truth }) => readTruth(truth!)));
    // Black and white: white is scratch, the class of the image. Otherwise the values are labels.
    expect(masks.map(({ data: labels }) => [...labels.subarray(0, 2)])).toEqual([[0, 2], [2, 255], [0, 0]]);
  });

  it('refuses a mask of black and white if it is unclear what white is', async () => {
    await data.photos('1.jpg', '2.jpg');
    await data.mask('masks/1.png', 0, 255);
    await data.mask('masks/2.png', 0, 255);
    const { items } = await all('1.jpg scratch dent\n2.jpg\n');
    await expect(readTruth(items[0].truth!)).rejects.toThrow(`mask ${data.path('masks/1.png')} has only the values 0 and 255, but its image has 2 classes`);
    await expect(readTruth(items[1].truth!)).rejects.toThrow('has only the values 0 and 255, but its image has no class');
  });

  it('reads numbers as classes of a given class set', async () => {
    await expect(all('1.jpg 2\n')).rejects.toThrow('are numbers');
    const classes = new ClassSet({ name: 'mine', classes: ['wood grain', 'dent'] });
    expect(labelsIn(await all('1.jpg 2\n2.jpg wood grain\n', { classes }))).toEqual({ 1: [2], 2: [1] });
    await expect(all('1.jpg hole\n', { classes })).rejects.toThrow('labels.txt:1: "hole" is not a class of mine');
  });

  it('refuses lists that contradict themselves, or have no classes', async () => {
    await expect(all('1.jpg dent\n1.jpg scratch\n')).rejects.toThrow('1.jpg has different classes here than in line 1');
    await expect(all('1.jpg\n2.jpg\n')).rejects.toThrow('contains no classes');
    await expect(all('1.jpg 1\n2.jpg -1\n', { classes: new ClassSet({ name: 'mine', classes: ['a'] }) })).rejects.toThrow('is a list for one class');
    await expect(openList(data.path('none.txt'))).rejects.toThrow('cannot be read');
  });

  it.skipIf(!hasShared)('reads DAGM: 166 images, 36 with a defect and its mask', async () => {
    const split = await (await openList(join(shared, 'dagm/labels.txt'))).readSplit('all');
    expect(split.items).toHaveLength(166);
    expect(split.items.filter(({ labels }) => labels!.length > 0)).toHaveLength(36);
    expect(split.items.filter(({ truth }) => truth!.kind === 'mask')).toHaveLength(36);
    expect(split.notes).toEqual(['130 images have no class and no mask: their ground truth is background']);
  });
});
