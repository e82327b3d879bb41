import sharp from 'sharp';
import { workerData } from 'piscina';
import { runViews, unmirrored } from '../pipeline/photo-views.js';
import type { PhotoViewOptions } from '../pipeline/photo-views.js';
import type { CamPlan, CamRunner } from '../cam/plan.js';
import { openCam } from '../cam/plan.js';
import { messageOf, UserError } from '../errors.js';
import { networkSize } from '../image/input-size.js';
import { openPhoto } from '../image/photo-file.js';
import type { PhotoFile } from '../image/photo-file.js';
import { writeStamped } from '../jobs/files/stamp.js';
import { refineGrid } from '../maps/refine/refiners.js';
import { openRuntime } from '../runtime/open.js';
import type { RuntimeChoice } from '../runtime/open.js';
import { classesInMap } from '../voc/labels/masks.js';
import type { RgbMasks } from '../voc/masks.js';
import { readMask } from '../voc/masks.js';
import { ImageMeasurer, takesColours } from './measure-image.js';
import type { MeasuredImage } from './measure-image.js';
import type { MeasureCounts } from './record.js';
import { encodeRecord } from './record.js';
import { truthSlots } from './truth-slots.js';
import type { AblationWork, Parameters } from './work.js';
import { parametersOf } from './work.js';

/** What a worker needs for all of its images. */
export interface AblateWorkerData {
  /** Of all methods at all layers. */
  readonly plan: CamPlan;
  readonly runtime: RuntimeChoice;
  readonly work: AblationWork;
  readonly parameters: Parameters;
  readonly photo: Omit<PhotoViewOptions, 'scales' | 'flip'>;
  readonly rgbMasks?: RgbMasks;
  readonly threads: number;
}

/** One image. */
export interface AblateTask {
  readonly imagePath: string;
  readonly maskPath: string;
  /** VOC indices of its classes, and the logit of each. */
  readonly labels: readonly number[];
  readonly logits: readonly number[];
  /** Where its record goes; the folder must exist. */
  readonly recordPath: string;
}

/** Where the time of an image went, in milliseconds: decoding, the network, all variants, writing. */
export interface AblateTimes {
  readonly read: number;
  readonly cam: number;
  readonly variants: number;
  readonly write: number;
}

export type AblateResult
  = | { readonly status: 'done'; /** Of its record, see `jobs/stamp.ts`. */ readonly stamp: string; readonly times: AblateTimes }
    | { readonly status: 'failed'; readonly reason: string };

const data = workerData as AblateWorkerData;

// The images of a batch are the parallel work; threads inside one image would only compete with them.
sharp.concurrency(1);

let runner: Promise<CamRunner> | undefined;
const measurer = new ImageMeasurer(data.work, data.parameters);
const coloured = data.work.maps.some(takesColours);
const scales = new Set(data.work.views.map((view) => view.scale));

/** The entry point of the worker: never throws, a failure is a result. */
export default async function run(task: AblateTask): Promise<AblateResult> {
  try {
    return await measure(task);
  } catch (error) {
    return { status: 'failed', reason: messageOf(error) };
  }
}

async function measure({ imagePath, maskPath, labels, logits, recordPath }: AblateTask): Promise<AblateResult> {
  const times = { read: 0, cam: 0, variants: 0, write: 0 };
  const start = performance.now();
  const mask = await readMask(maskPath, { rgb: data.rgbMasks });
  // Refuses values that are no labels.
  classesInMap(mask, maskPath);
  const photo = await openPhoto(imagePath);
  const { original } = photo;
  times.read += performance.now() - start;
  if (original[0] !== mask.height || original[1] !== mask.width) {
    throw new UserError(`the photograph ${imagePath} is ${original[1]} x ${original[0]} pixels, its mask ${maskPath} ${mask.width} x ${mask.height}`);
  }
  // One of no class is decoded all the same: a damaged one is to be reported.
  if (labels.length === 0) await photo.at(networkSize(original, data.photo.inputSize, data.photo.maxPixels).size);
  const views = labels.length === 0 ? [] : await viewsOf(photo, logits, times);
  const decoding = performance.now();
  const image = coloured && labels.length > 0 ? await photo.at(refineGrid(original)) : undefined;
  const measuring = performance.now();
  const { truth, measures } = labels.length === 0
    ? { truth: truthSlots(mask.data), measures: data.work.measures.map(noClass) }
    : measurer.measure({ views, labels, size: original, truth: mask.data, image });
  const writing = performance.now();
  const stamp = await writeStamped(recordPath, encodeRecord({ truths: truth.truths, totals: truth.totals, labels, measures }));
  times.read += measuring - decoding;
  times.variants = writing - measuring;
  times.write = performance.now() - writing;
  return { status: 'done', stamp, times };
}

/** What the network says to every view. */
async function viewsOf(photo: PhotoFile, logits: readonly number[], times: { read: number; cam: number }): Promise<MeasuredImage['views']> {
  const { views: wanted } = data.work;
  runner ??= openRuntime(data.runtime).then(({ runtime }) => openCam(data.plan, runtime, { threads: data.threads }));
  const cam = await runner;
  const found = new Map<string, MeasuredImage['views'][number]>();
  for (const scale of scales) {
    const flip = wanted.some((view) => view.flip && view.scale === scale);
    const seen = await runViews(photo, { ...data.photo, scales: [scale], flip }, (tensor, size) => cam.run(tensor, size, logits));
    times.read += seen.times.read;
    times.cam += seen.times.cam;
    for (const { result, ...view } of seen.results) found.set(`${scale} ${view.flip}`, result.maps.map((layers) => unmirrored(layers, view)));
  }
  return wanted.map(({ scale, flip }) => found.get(`${scale} ${flip}`)!);
}

function noClass({ kind }: AblationWork['measures'][number]): MeasureCounts {
  return { parameters: parametersOf(kind, data.parameters).length, columns: 0, counts: new Int32Array(0) };
}
