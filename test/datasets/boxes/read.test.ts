import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBoxes } from '../../../src/datasets/boxes/read.js';

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-boxes-')); });
afterAll(() => rm(folder, { recursive: true }));

let count = 0;
async function file(ending: string, text: string): Promise<string> {
  const path = join(folder, `${count++}${ending}`);
  await writeFile(path, text);
  return path;
}

describe('a table', () => {
  it('has several boxes and classes', async () => {
    const path = await file('.csv', 'image,width,height,class,boxes\na.jpg,20,10,65,"1 2 3 4;5.5 6 7 8.25"\nb.png,8,8,"tabby, tabby cat","0 0 8 8"\na.jpg,20,10,7,0 0 1 1\n'.replace('0 0 1 1', '"0 0 1 1"'));
    expect(await readBoxes(path)).toEqual({
      bad: [], images: [
        { id: 'a', fileName: 'a.jpg', width: 20, height: 10, classes: [{ name: '65', boxes: [[1, 2, 3, 4], [5.5, 6, 7, 8.25]] }, { name: '7', boxes: [[0, 0, 1, 1]] }] },
        { id: 'b', fileName: 'b.png', width: 8, height: 8, classes: [{ name: 'tabby, tabby cat', boxes: [[0, 0, 8, 8]] }] },
      ],
    });
  });

  it.each([
    ['a.jpg,20,10,65', ':1 has 4 columns instead of 5'],
    ['a.jpg,20,10,65,"1 2 3"', ':1: \'1 2 3\' is not a box'],
    ['a.jpg,20,ten,65,"1 2 3 4"', ':1: \'ten\' is not a number of pixels'],
    ['a.jpg,20,10,65,"5 2 3 4"', ':1: the box 5 2 3 4 is not inside the image of 20 x 10 pixels'],
    ['a.jpg,20,10,65,"1 2 21 4"', ':1: the box 1 2 21 4 is not inside the image of 20 x 10 pixels'],
    ['a.jpg,20,10,65,"1 2 3 4"\na.png,20,10,66,"1 2 3 4"', ':2: another line has the image a.jpg'],
    ['a.jpg,20,10,65,"1 2 3 4"\na.jpg,20,10,65,"1 2 3 4"', ':2: another line has the class 65 of this image'],
  ])('refuses %j', async (text, message) => {
    const path = await file('.csv', text);
    await expect(readBoxes(path)).rejects.toThrow(`${path}${message}`);
  });
});

describe('a folder of VOC annotations', () => {
  it('counts pixels from 1, and reports a bad file', async () => {
    const annotations = join(folder, 'Annotations');
    await mkdir(annotations);
    const object = (name: string, box: string): string => `<object><name>${name}</name><bndbox>${box}</bndbox></object>`;
    await writeFile(join(annotations, 'a.xml'), `<annotation><size><width>500</width><height>375</height></size>${
      object('dog', '<xmin>1</xmin><ymin>2</ymin><xmax>100</xmax><ymax>200</ymax>')}${object('cat &amp; co', '<xmax>30</xmax><xmin>10</xmin><ymin>10</ymin><ymax>20.5</ymax>')}</annotation>`);
    await writeFile(join(annotations, 'b.xml'), `<annotation>${object('dog', '<xmin>1</xmin><ymin>x</ymin><xmax>100</xmax><ymax>200</ymax>')}</annotation>`);
    await writeFile(join(annotations, 'c.xml'), '<annotation><size><width>0</width><height>0</height></size></annotation>');
    expect(await readBoxes(annotations)).toEqual({
      images: [
        { id: 'a', fileName: 'a', width: 500, height: 375, classes: [{ name: 'dog', boxes: [[0, 1, 99, 199]] }, { name: 'cat & co', boxes: [[9, 9, 29, 19.5]] }] },
        { id: 'c', fileName: 'c', width: undefined, height: undefined, classes: [] },
      ],
      bad: [{ id: 'b', reason: `${join(annotations, 'b.xml')}: the <ymin> of a <bndbox> is 'x', which is not a number` }],
    });
  });
});

describe('a COCO file', () => {
  it('has edges between pixels, and crowds are left out', async () => {
    const path = await file('.json', JSON.stringify({
      images: [{ id: 9, file_name: 'train/a.jpg', width: 50, height: 40 }, { id: 10, file_name: 'b.jpg', width: 5, height: 4 }, { id: 11, file_name: 'c.jpg', width: 5, height: 4 }],
      categories: [{ id: 3, name: 'car' }, { id: 1, name: 'person' }],
      annotations: [
        { id: 1, image_id: 9, category_id: 3, iscrowd: 0, bbox: [10, 5, 20, 30] },
        { id: 2, image_id: 9, category_id: 1, iscrowd: 1, bbox: [0, 0, 50, 40] },
        { id: 3, image_id: 9, category_id: 3, bbox: [0.5, 1.5, 2, 2], segmentation: [[1, 2, 3, 4, 5, 6]] },
        { id: 4, image_id: 11, category_id: 1, bbox: [1, 2] },
      ],
    }));
    expect(await readBoxes(path)).toEqual({
      images: [{ id: 'a', fileName: 'a.jpg', width: 50, height: 40, imageId: 9, classes: [{ name: 'car', boxes: [[10, 5, 29, 34], [0.5, 1.5, 1.5, 2.5]] }] }],
      bad: [{ id: 'c', reason: `image 11 of ${path}: annotation 4 has no bbox of four numbers` }],
      categoryIds: new Map([['person', 1], ['car', 3]]),
    });
  });
});

it('refuses other files', async () => {
  await expect(readBoxes(join(folder, 'boxes.doc'))).rejects.toThrow('have an unknown layout');
});
