import { join } from 'node:path';
import { encodeMask } from '../../datasets/masks.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import type { ExportFormat, ExportImage } from '../format.js';

/** Where torchvision and other loaders expect VOC 2012. */
const YEAR = join('VOCdevkit', 'VOC2012');

/** A devkit with photographs: `VOCdevkit/VOC2012` with JPEGImages, SegmentationClass and ImageSets/Segmentation. */
export const voc: ExportFormat<null> = {
  help: 'a devkit with photographs, VOCdevkit/VOC2012',
  photoFolder: () => join(YEAR, 'JPEGImages'),
  uses: ['photos', 'split'],
  image: async ({ out, id, labels, classes }: ExportImage) => {
    await writeFileAtomic(join(out, YEAR, 'SegmentationClass', `${id}.png`), encodeMask(labels, 'palette', classes));
    return null;
  },
  finish: async (images, { out, options: { split } }) => {
    await writeFileAtomic(join(out, YEAR, 'ImageSets', 'Segmentation', `${split}.txt`), images.map(({ id }) => `${id}\n`).join(''));
  },
};
