import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClassSet } from '../../../src/datasets/classes/class-set.js';
import { COCO } from '../../../src/datasets/classes/coco.js';
import { VOC } from '../../../src/datasets/classes/voc.js';
import { openCoco } from '../../../src/datasets/coco/data-set.js';
import { readTruth } from '../../../src/datasets/truth.js';
import { repository } from '../../helpers.js';
import { DataFolder } from '../data-folder.js';

const fixture = (name: string): string => readFileSync(join(repository, 'test/fixtures/coco', name), 'utf8');
const tiny = fixture('instances_tiny.json');
// By pycocotools: test/fixtures/coco/make_coco.py.
const expected = JSON.parse(fixture('tiny_expected.json')) as readonly { readonly classes: readonly number[]; readonly labels: string }[];

let data: DataFolder;
beforeEach(async () => { data = await DataFolder.make(); });
afterEach(() => data.remove());

const image = (id: number, name: string): Record<string, unknown> => ({ id, file_name: name, width: 5, height: 4 });

describe('openCoco', () => {
  it('reads images, labels and ground truth of COCO\'s classes', async () => {
    await data.text('annotations/instances_tiny.json', tiny);
    await data.photos('tiny/a.jpg', 'images/sub/b.png');
    const split = await (await openCoco(data.root)).readSplit('tiny');
    expect(split).toMatchObject({ name: 'tiny', path: data.path('annotations/instances_tiny.json'), duplicates: 0, notes: [] });
    expect(split.classes).toBe(COCO);
    expect(split.items.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    expect(split.items.map(({ imagePath }) => imagePath)).toEqual([data.path('tiny/a.jpg'), data.path('images/sub/b.png'), data.path('tiny/c.jpg')]);
    expect(split.items.map(({ labels }) => labels)).toEqual(expected.map(({ classes }) => classes));
    const masks = await Promise.all(split.items.map(({ truth }) => readTruth(truth!)));
    expect(masks.map(({ data: labels }) => Buffer.from(labels).toString('base64'))).toEqual(expected.map(({ labels }) => labels));
  });

  it('takes other categories in the order of their ids as classes', async () => {
    const categories = [{ id: 7, name: 'dent' }, { id: 2, name: 'scratch' }, { id: 90, name: 'hole' }];
    const annotations = [{ id: 1, image_id: 1, category_id: 90, segmentation: [[0, 0, 5, 0, 5, 4, 0, 4]] }, { id: 2, image_id: 1, category_id: 2 }];
    const path = await data.text('mine.json', JSON.stringify({ images: [image(1, 'x/1.jpg'), image(2, 'y/1.jpg')], annotations, categories }));
    await data.photos('x/1.jpg', 'y/1.jpg');
    const set = await openCoco(data.root);
    const split = await set.readSplit(path);
    expect(split.classes.data).toMatchObject({ classes: ['scratch', 'dent', 'hole'], categoryIds: [2, 7, 90] });
    expect(split.items).toMatchObject([{ id: 'x_1', imagePath: data.path('x/1.jpg'), labels: [1, 3] }, { id: 'y_1', labels: [] }]);
    expect([...(await readTruth(split.items[1].truth!)).data]).toEqual(Array.from({ length: 20 }, () => 0));
    await expect(readTruth(split.items[0].truth!)).rejects.toThrow(`image 1 of ${path}: annotation 2: it has no segmentation`);
    // A subset of COCO, but with an id of COCO for another name.
    const mixed = { images: [image(1, '1.jpg')], annotations: [], categories: [{ id: 17, name: 'cat' }, { id: 18, name: 'cow' }] };
    const coco = await data.text('coco.json', JSON.stringify(mixed));
    expect((await set.readSplit(coco)).classes.classes).toEqual(['cat', 'cow']);
  });

  it('takes the labels of a given class set by name, or by its own ids', async () => {
    const path = await data.text('mine.json', JSON.stringify({
      images: [image(1, '1.jpg')], annotations: [{ id: 1, image_id: 1, category_id: 64 }, { id: 2, image_id: 1, category_id: 5 }],
      categories: [{ id: 5, name: 'airplane' }, { id: 64, name: 'potted plant' }],
    }));
    const labels = async (classes: ClassSet): Promise<readonly number[] | undefined> => (
      (await (await openCoco(data.root, { classes })).readSplit(path)).items[0].labels);
    expect(await labels(VOC)).toEqual([1, 16]);
    expect(await labels(new ClassSet({ name: 'mine', classes: ['Blume', 'Flieger'], categoryIds: [64, 5] }))).toEqual([1, 2]);
    await expect(labels(new ClassSet({ name: 'mine', classes: ['airplane', 'plant'], categoryIds: [64, 5] }))).rejects.toThrow('category 5 of');
    await expect(labels(new ClassSet({ name: 'mine', classes: ['airplane'] }))).rejects
      .toThrow(`category 64 of ${path}: "potted plant" is not a class of mine`);
  });

  it('keeps bad annotations to their images', async () => {
    const annotations = [{ id: 5, image_id: 3, category_id: 1 }, { id: 6, image_id: 1, category_id: 9 }];
    const json = { images: [image(1, '1.jpg'), image(2, '2.jpg')], annotations, categories: [{ id: 1, name: 'dent' }] };
    const path = await data.text('val/_annotations.coco.json', JSON.stringify(json));
    await data.photos('val/1.jpg');
    const split = await (await openCoco(data.root)).readSplit('val');
    expect(split).toMatchObject({ name: 'val', notes: [`${path} has annotations of images that are not in it (1); they are left out: 5`] });
    const problem = `annotation 6 of ${path} has no category, or one that is not in the file`;
    expect(split.items).toMatchObject([{ id: '1', imagePath: data.path('val/1.jpg'), problem }, { id: '2', labels: [] }]);
    await expect(readTruth(split.items[0].truth!)).rejects.toThrow('annotation 6 has the category 9');
  });

  it('reads masks of a folder instead', async () => {
    await data.text('annotations/val.json', JSON.stringify({ images: [image(1, '1.jpg')], annotations: [], categories: [{ id: 1, name: 'dent' }] }));
    await data.mask('stuff/1.png', 1, 255);
    const split = await (await openCoco(data.root, { maskDir: 'stuff' })).readSplit('val');
    expect([...(await readTruth(split.items[0].truth!)).data.subarray(0, 3)]).toEqual([1, 255, 0]);
  });

  it('names the splits if there is no such one', async () => {
    await expect(openCoco(data.path('none'))).rejects.toThrow('the COCO folder');
    await data.text('annotations/instances_val2017.json', '{}');
    await expect((await openCoco(data.root)).readSplit('val')).rejects
      .toMatchObject({ hint: 'Give the path of an annotation file, or one of: val2017.' });
    await expect((await openCoco(data.root)).readSplit('val2017')).rejects
      .toThrow(`the annotations ${data.path('annotations/instances_val2017.json')}: it has no 'images'`);
  });
});
