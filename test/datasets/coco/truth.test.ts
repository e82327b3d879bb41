import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAnnotations } from '../../../src/datasets/coco/annotations.js';
import { readCocoTruth } from '../../../src/datasets/coco/truth.js';
import type { CocoTruth } from '../../../src/datasets/coco/truth.js';
import { repository } from '../../helpers.js';

const tiny = join(repository, 'test/fixtures/coco/instances_tiny.json');
// Labels drawn with pycocotools and numpy: test/fixtures/coco/make_coco.py.
const expected = JSON.parse(readFileSync(join(repository, 'test/fixtures/coco/tiny_expected.json'), 'utf8')) as readonly { readonly id: number; readonly labels: string }[];
const labels = { 1: 1, 3: 3, 17: 16, 18: 17, 67: 61, 90: 80 };

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'coco-truth-')); });
afterAll(() => rm(folder, { recursive: true }));

async function truthsOf(path: string): Promise<CocoTruth[]> {
  const { images } = await readAnnotations(path);
  return images.map(({ id, width, height, places }) => ({ kind: 'coco', path, imageId: id, width, height, places, labels }));
}

describe('readCocoTruth', () => {
  it('draws crowds as 255 below all objects, and small objects above large ones', async () => {
    for (const truth of await truthsOf(tiny)) {
      const { width, height, data } = await readCocoTruth(truth);
      expect([width, height]).toEqual([truth.width, truth.height]);
      expect(Buffer.from(data).toString('base64')).toBe(expected.find(({ id }) => id === truth.imageId)!.labels);
    }
  });

  it('names image and annotation if one is not valid', async () => {
    const path = join(folder, 'bad.json');
    const annotations = [{ id: 5, image_id: 1, category_id: 1, segmentation: [[1, 2, 3]] }, { id: 6, image_id: 2, category_id: 8, segmentation: [] }];
    const images = [1, 2].map((id) => ({ id, file_name: `${id}.jpg`, width: 3, height: 2 }));
    await writeFile(path, JSON.stringify({ images, annotations, categories: [{ id: 1, name: 'dent' }] }));
    const [first, second] = await truthsOf(path);
    await expect(readCocoTruth(first)).rejects.toThrow(`image 1 of ${path}: annotation 5: its polygon has 3 coordinates, an odd number`);
    await expect(readCocoTruth(second)).rejects.toThrow(`image 2 of ${path}: annotation 6 has the category 8, which is not in the file`);
    await writeFile(path, JSON.stringify({ images, annotations: [{ ...annotations[0], image_id: 2 }, annotations[1]], categories: [{ id: 1, name: 'dent' }] }));
    await expect(readCocoTruth(first)).rejects.toThrow(`image 1 of ${path}: the file was changed after it was opened`);
    await rm(path);
    await expect(readCocoTruth(first)).rejects.toThrow(`image 1 of ${path} cannot be read: ENOENT`);
  });
});
