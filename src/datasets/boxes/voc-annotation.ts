import { basename } from 'node:path';
import { XMLBuilder } from 'fast-xml-parser';
import type { Box } from './box-truth.js';

/** An image and its objects, for {@link vocAnnotation}. */
export interface AnnotatedImage {
  /** The photograph; of its path, only the name is written. */
  readonly photo: string;
  readonly width: number;
  readonly height: number;
  /** Whether the image has a mask. */
  readonly segmented: boolean;
  readonly objects: readonly { readonly name: string; readonly box: Box }[];
}

const builder = new XMLBuilder({ format: true, indentBy: '\t' });

/** An annotation of VOC as XML. Pixels in it count from 1; the last column and row are part of a box. */
export function vocAnnotation({ photo, width, height, segmented, objects }: AnnotatedImage): string {
  const annotation = {
    folder: 'JPEGImages', filename: basename(photo), source: { database: 'voc-seeds' }, size: { width, height, depth: 3 }, segmented: segmented ? 1 : 0,
    object: objects.map(({ name, box: [left, top, right, bottom] }) => ({
      name, pose: 'Unspecified', truncated: 0, difficult: 0, bndbox: { xmin: left + 1, ymin: top + 1, xmax: right + 1, ymax: bottom + 1 },
    })),
  };
  return builder.build({ annotation });
}
