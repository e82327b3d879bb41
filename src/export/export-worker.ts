import sharp from 'sharp';
import { workerData } from 'piscina';
import { classSetOf } from '../datasets/classes/known.js';
import type { ClassSetData } from '../datasets/classes/class-set.js';
import type { RgbMasks } from '../datasets/masks.js';
import type { ExportItem, FormatOptions } from './format.js';
import { formatOf } from './formats/index.js';
import type { FormatName } from './formats/index.js';
import { exportImage } from './image.js';
import type { ImageOutcome } from './image.js';

/** What a worker needs for all its images. */
export interface ExportWorkerData {
  readonly format: FormatName;
  readonly out: string;
  readonly classes: ClassSetData;
  readonly options: FormatOptions;
  readonly rgb?: RgbMasks;
}

const { format, out, classes, options, rgb } = workerData as ExportWorkerData;
const context = { out, options, rgb, classes: classSetOf(classes) };

// Images are already processed in parallel.
sharp.concurrency(1);

/** Exports one image in a worker thread. */
export default function exportWorker(item: ExportItem): Promise<ImageOutcome> {
  return exportImage(formatOf(format), item, context);
}
