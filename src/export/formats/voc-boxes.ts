import { join } from 'node:path';
import { vocAnnotation } from '../../datasets/boxes/voc-annotation.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import type { ExportFormat, ExportImage } from '../format.js';
import { componentsOf } from '../shapes/components.js';

/** Annotations of VOC: a box around each connected component. */
export const vocBoxes: ExportFormat<null> = {
  help: 'boxes of connected components as VOC annotations, Annotations/<id>.xml',
  uses: ['minArea'],
  image: async ({ out, id, photoPath = `${id}.jpg`, labels, classes, options }: ExportImage) => {
    const { width, height } = labels;
    const objects = componentsOf(labels, options.minArea).map(({ label, left, top, right, bottom }) => (
      { name: classes.nameOf(label), box: [left, top, right, bottom] as const }));
    await writeFileAtomic(join(out, 'Annotations', `${id}.xml`), vocAnnotation({ photo: photoPath, width, height, segmented: true, objects }));
    return null;
  },
};
