import type { ExportFormat } from '../format.js';
import { coco } from './coco.js';
import { hf } from './hf.js';
import { irn } from './irn.js';
import { overlays } from './overlays.js';
import { psa } from './psa.js';
import { voc } from './voc.js';
import { vocBoxes } from './voc-boxes.js';
import { yoloSeg } from './yolo-seg.js';

/** The formats by the names that users type. */
export const formats = { voc, 'coco': coco, 'voc-boxes': vocBoxes, 'yolo-seg': yoloSeg, hf, irn, psa, overlays } as const;

export type FormatName = keyof typeof formats;

export const FORMAT_NAMES = Object.keys(formats) as readonly FormatName[];

/** A format, whatever it notes about an image. */
export function formatOf(name: FormatName): ExportFormat<unknown> {
  return formats[name];
}
