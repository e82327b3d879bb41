import { basename, join } from 'node:path';
import { XMLBuilder } from 'fast-xml-parser';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import type { ExportFormat, ExportImage } from '../format.js';
import { componentsOf } from '../shapes/components.js';

const builder = new XMLBuilder({ format: true, indentBy: '\t' });

/** Annotations of VOC: a box around each connected component, its corners counted from 1 and part of the object. */
export const vocBoxes: ExportFormat<null> = {
  help: 'boxes of connected components as VOC annotations, Annotations/<id>.xml',
  uses: ['minArea'],
  image: async ({ out, id, photoPath, labels, classes, options }: ExportImage) => {
    const { width, height } = labels;
    const annotation = {
      folder: 'JPEGImages', filename: photoPath === undefined ? `${id}.jpg` : basename(photoPath),
      source: { database: 'voc-seeds' }, size: { width, height, depth: 3 }, segmented: 1,
      object: componentsOf(labels, options.minArea).map(({ label, left, top, right, bottom }) => ({
        name: classes.nameOf(label), pose: 'Unspecified', truncated: 0, difficult: 0,
        bndbox: { xmin: left + 1, ymin: top + 1, xmax: right + 1, ymax: bottom + 1 },
      })),
    };
    await writeFileAtomic(join(out, 'Annotations', `${id}.xml`), builder.build({ annotation }));
    return null;
  },
};
