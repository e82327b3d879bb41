import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { annotationXml, CLASSES, labelLine, rasterise } from '../../scripts/sample/rasterise.mjs';
import type { Outlines } from '../../scripts/sample/rasterise.mjs';
import { VOC_CLASSES } from '../../src/datasets/classes/voc.js';
import { openDevkit } from '../../src/datasets/devkit.js';
import { listLabels } from '../../src/datasets/labels/list.js';
import { maskLabels } from '../../src/datasets/labels/masks.js';
import { xmlLabels } from '../../src/datasets/labels/xml.js';
import { readMask } from '../../src/datasets/masks.js';
import { readSplit } from '../../src/datasets/splits.js';
import type { DataItem } from '../../src/datasets/splits.js';

const root = fileURLToPath(new URL('../../data/sample/', import.meta.url));
const text = (path: string): string => readFileSync(join(root, path), 'utf8');
const outlinesOf = (id: string): Outlines => JSON.parse(text(`polygons/${id}.json`)) as Outlines;
const namesIn = (folder: string): string[] => readdirSync(join(root, folder)).map((file) => file.replace(/\.\w+$/, '')).sort();
const ids = namesIn('polygons');

/** Label maps drawn as text: `.` background, `#` void, other characters a label each. */
const drawn = (labels: Uint8Array, width: number, names: Record<number, string>): string[] => {
  const cells = Array.from(labels, (label) => ({ 0: '.', 255: '#', ...names })[label] ?? '?');
  return Array.from({ length: labels.length / width }, (_, y) => cells.slice(y * width, (y + 1) * width).join(''));
};

describe('the rasteriser', () => {
  it('fills a square and draws the void border two pixels to either side of its outline', () => {
    const { labels, objects } = rasterise({ width: 14, height: 13, shapes: [{ class: 'cat', instance: 1, rings: [[[4, 4], [11, 4], [11, 10], [4, 10]]] }] });
    expect(drawn(labels, 14, { 8: 'c' })).toEqual([
      '..............',
      '..............',
      '...#########..',
      '..###########.',
      '..###########.',
      '..###########.',
      '..####ccc####.',
      '..####ccc####.',
      '..###########.',
      '..###########.',
      '..###########.',
      '...#########..',
      '..............',
    ]);
    expect(objects).toEqual([{ name: 'cat', truncated: false, difficult: false, box: { xmin: 5, ymin: 5, xmax: 11, ymax: 10 } }]);
  });

  it('draws no border along the picture\'s edge, one between two objects of a class, and none inside an object of two shapes', () => {
    const strip = (instance: number, from: number, to: number) => ({ class: 'dog', instance, rings: [[[from, 0], [to, 0], [to, 3], [from, 3]]] as [number, number][][] });
    const { labels, objects } = rasterise({ width: 15, height: 3, shapes: [strip(1, 0, 3), strip(1, 3, 7), strip(2, 7, 15)] });
    expect(drawn(labels, 15, { 12: 'd' })).toEqual(Array(3).fill('ddddd####dddddd'));
    expect(objects.map(({ box }) => [box.xmin, box.xmax])).toEqual([[1, 7], [8, 15]]);
  });

  it('paints later shapes over earlier ones, leaves holes, and counts a pixel by its centre', () => {
    const shapes = [
      { class: 'ignore', rings: [[[0, 0], [12, 0], [12, 1], [0, 1]]] as [number, number][][] },
      { class: 'background', rings: [[[3.4, 0], [9.6, 0], [9.6, 1], [3.4, 1]]] as [number, number][][] },
    ];
    // Of the background only the middle is left: the border covers two pixels at each end.
    expect(drawn(rasterise({ width: 12, height: 1, shapes }).labels, 12, {})).toEqual(['#####...####']);
    const holed = { class: 'ignore', rings: [[[0, 0], [12, 0], [12, 1], [0, 1]], [[2, 0], [10, 0], [10, 1], [2, 1]]] as [number, number][][] };
    expect(drawn(rasterise({ width: 12, height: 1, shapes: [holed] }).labels, 12, {})).toEqual(['####....####']);
  });

  it('uses the class names of the devkit', () => {
    expect(CLASSES).toEqual([...VOC_CLASSES]);
  });
});

describe('the sample dataset', () => {
  it('is small and complete: every picture has its mask, annotation, outlines and credits', () => {
    for (const folder of ['JPEGImages', 'SegmentationClass', 'Annotations']) expect(namesIn(folder)).toEqual(ids);
    expect(ids.length).toBeGreaterThanOrEqual(6);
    const entries = readdirSync(root, { recursive: true }).map((path) => statSync(join(root, String(path))));
    const bytes = entries.reduce((sum, entry) => sum + (entry.isFile() ? entry.size : 0), 0);
    expect(bytes).toBeLessThan(1_500_000);
    const credits = text('CREDITS.md');
    for (const id of ids) expect(credits).toContain(`## ${id}\n`);
  });

  it.each(ids)('%s: mask and annotation are what the outlines give, and fit the photograph', async (id) => {
    const outlines = outlinesOf(id);
    const { width, height } = outlines;
    const photo = await sharp(join(root, `JPEGImages/${id}.jpg`)).metadata();
    expect({ width: photo.width, height: photo.height, channels: photo.channels }).toEqual({ width, height, channels: 3 });
    expect(Math.max(width, height)).toBeLessThanOrEqual(500);

    const { labels, objects } = rasterise(outlines);
    const mask = await readMask(join(root, `SegmentationClass/${id}.png`));
    expect([mask.width, mask.height]).toEqual([width, height]);
    expect(Buffer.compare(mask.data, labels)).toBe(0);
    expect(text(`Annotations/${id}.xml`)).toBe(annotationXml(id, outlines, objects));
    expect(text('labels.txt').split('\n')).toContain(labelLine(id, objects));
  });

  it.each(ids)('%s: objects cut off by the picture\'s edge are marked as truncated', (id) => {
    const { width, height, shapes } = outlinesOf(id);
    for (const { name, truncated, box } of rasterise({ width, height, shapes }).objects) {
      const cut = box.xmin === 1 || box.ymin === 1 || box.xmax === width || box.ymax === height;
      expect(truncated, `${name} ${JSON.stringify(box)}`).toBe(cut);
    }
  });

  describe('read as a devkit', () => {
    let items: readonly DataItem[];
    beforeAll(async () => {
      ({ items } = await readSplit(await openDevkit(root), 'sample'));
    });

    it('lists all pictures in ImageSets/Segmentation/sample.txt', () => {
      expect(items.map(({ id }) => id)).toEqual(ids);
    });

    it('has the same classes in the annotations, in labels.txt and in the masks', async () => {
      const sources = [await xmlLabels({ devkit: await openDevkit(root) }), await listLabels(join(root, 'labels.txt')), maskLabels({})];
      for (const item of items) {
        const [xml, list, masks] = await Promise.all(sources.map((source) => source.labels(item)));
        expect(xml.length, item.id).toBeGreaterThan(0);
        expect(list, item.id).toEqual(xml);
        expect(masks, item.id).toEqual(xml);
      }
    });
  });
});
