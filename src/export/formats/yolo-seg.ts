import { join } from 'node:path';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import type { ExportFormat, ExportImage } from '../format.js';
import { componentsOf } from '../shapes/components.js';
import { outlineOf } from '../shapes/outline.js';

/** Where a point lies in its pixel: Ultralytics rounds down, supervision to the nearest, and both must get the pixel. */
const INSIDE = 0.25;

/**
 * Polygons as Ultralytics trains on: a line for each connected component, with its class counted from 0 and the points of its outer
 * border as shares of width and height. Holes are filled: the format has none.
 */
export const yoloSeg: ExportFormat<null> = {
  help: 'polygons for Ultralytics YOLO, labels/<id>.txt and data.yaml',
  photoFolder: () => 'images',
  uses: ['minArea', 'photos'],
  image: async ({ out, id, labels, options }: ExportImage) => {
    const lines = componentsOf(labels, options.minArea).map((component) => {
      const points = outlineOf(component, labels);
      // A polygon has at least three points; those of a pixel or a line repeat.
      while (points.length < 6) points.push(points[0], points[1]);
      const shares = points.map((place, i) => ((place + INSIDE) / (i % 2 === 0 ? labels.width : labels.height)).toFixed(6));
      return `${component.label - 1} ${shares.join(' ')}\n`;
    });
    await writeFileAtomic(join(out, 'labels', `${id}.txt`), lines.join(''));
    return null;
  },
  finish: async (_, { out, classes }) => {
    await writeFileAtomic(join(out, 'data.yaml'), [
      'train: images', '# Seeds are for training. Name validation images of your own here.', 'val: images',
      // A text of JSON is one of YAML. Without quotes, PyYAML would take the name no for false.
      'names:', ...classes.classes.map((name, i) => `  ${i}: ${JSON.stringify(name)}`), '',
    ].join('\n'));
  },
};
