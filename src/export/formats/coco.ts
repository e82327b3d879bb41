import { basename } from 'node:path';
import { encodeRleCounts } from '../../formats/coco-rle.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import type { ExportContext, ExportedImage, ExportFormat, ExportImage } from '../format.js';
import { componentsOf, runLengths } from '../shapes/components.js';

interface Instance {
  readonly label: number;
  readonly area: number;
  /** Left, top, width and height. */
  readonly bbox: readonly number[];
  /** Its run lengths. */
  readonly counts: string;
}

/** A picture's size and objects, for the lists of the file. */
export interface CocoEntry {
  readonly width: number;
  readonly height: number;
  readonly objects: readonly Instance[];
}

/**
 * One JSON file of instances, as in MS COCO: an object for each connected component, its mask as compressed run lengths. Ignored
 * pixels (255) belong to no object.
 */
export const coco: ExportFormat<CocoEntry> = {
  help: 'one JSON file of instances, as in MS COCO: an object per connected component, masks as RLE',
  singleFile: true,
  uses: ['minArea'],
  image: ({ labels, options }: ExportImage) => {
    const { width, height } = labels;
    return {
      width, height,
      objects: componentsOf(labels, options.minArea).map((component) => {
        const { label, area, left, top, right, bottom } = component;
        const counts = encodeRleCounts(runLengths(component, width * height));
        return { label, area, bbox: [left, top, right - left + 1, bottom - top + 1], counts };
      }),
    };
  },
  finish: async (images, { out, classes }: ExportContext) => {
    const ids = classes.data.categoryIds ?? classes.classes.map((_, i) => i + 1);
    await writeFileAtomic(out, [
      ...list('images', images.map(({ id, photoPath, entry: { width, height } }, i) => (
        { id: i + 1, file_name: fileNameOf({ id, photoPath }), width, height }))),
      ...list('categories', classes.classes.map((name, i) => ({ id: ids[i], name, supercategory: name }))),
      ...list('annotations', annotationsOf(images, ids)),
    ].map((text, i, { length }) => Buffer.from(`${i === 0 ? '{' : ''}${text}${i === length - 1 ? '}\n' : ''}`)));
  },
};

function fileNameOf({ id, photoPath }: Pick<ExportedImage<CocoEntry>, 'id' | 'photoPath'>): string {
  return photoPath === undefined ? `${id}.jpg` : basename(photoPath);
}

function* annotationsOf(images: readonly ExportedImage<CocoEntry>[], categories: readonly number[]): Generator<object> {
  let id = 0;
  for (const [i, { entry: { width, height, objects } }] of images.entries()) {
    for (const { label, area, bbox, counts } of objects) {
      const segmentation = { size: [height, width], counts };
      yield { id: ++id, image_id: i + 1, category_id: categories[label - 1], iscrowd: 0, area, bbox, segmentation };
    }
  }
}

/** The most characters of a piece: V8's strings end at 2^29. */
const PIECE = 1 << 24;

/** A list of the JSON object, one entry per line, in pieces. */
function list(name: string, values: Iterable<object>): string[] {
  const pieces: string[] = [];
  let text = `${name === 'images' ? '' : ',\n'}"${name}": [`;
  let first = true;
  for (const value of values) {
    text += `${first ? '\n' : ',\n'}${JSON.stringify(value)}`;
    first = false;
    if (text.length < PIECE) continue;
    pieces.push(text);
    text = '';
  }
  return [...pieces, `${text}\n]`];
}
