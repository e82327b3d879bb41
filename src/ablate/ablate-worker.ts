import sharp from 'sharp';
import { workerData } from 'piscina';
import { messageOf, UserError } from '../errors.js';
import { openPhoto } from '../image/photo-file.js';
import { writeStamped } from '../jobs/files/stamp.js';
import { refineGrid } from '../maps/refine/refiners.js';
import type { ImageResult } from '../pipeline/image-batch.js';
import type { ImageClasses } from '../pipeline/image-classes.js';
import { PhotoCam } from '../pipeline/photo-cam.js';
import type { PhotoCamPlan } from '../pipeline/photo-cam.js';
import { openInWorker } from '../runtime/shared/worker-runtime.js';
import type { WorkerRuntime } from '../runtime/shared/worker-runtime.js';
import { classesInMap } from '../datasets/labels/masks.js';
import type { ClassSetData } from '../datasets/classes/class-set.js';
import { classSetOf } from '../datasets/classes/known.js';
import type { RgbMasks } from '../datasets/masks.js';
import { readTruth, truthName } from '../datasets/truth.js';
import type { GroundTruth } from '../datasets/truth.js';
import { ImageMeasurer, takesColours } from './measure-image.js';
import type { MeasureCounts } from './record.js';
import { encodeRecord, RECORD_FOLDER } from './record.js';
import { truthSlots } from './truth-slots.js';
import type { AblationWork, Parameters } from './work.js';
import { parametersOf } from './work.js';

/** What a worker needs for all its images. */
export interface AblateWorkerData {
  /** For all requests in all views. */
  readonly photo: PhotoCamPlan;
  readonly runtime: WorkerRuntime;
  readonly work: AblationWork;
  readonly parameters: Parameters;
  readonly rgbMasks?: RgbMasks;
  readonly classSet: ClassSetData;
  readonly threads: number;
}

/** One image. */
export interface AblateTask extends ImageClasses {
  readonly imagePath: string;
  readonly truth: GroundTruth;
  /** The record to write; the folder must exist. */
  readonly recordPath: string;
}

/** The time of each stage of an image, in milliseconds: decoding, the network, all variants, writing. */
export interface AblateTimes {
  readonly read: number;
  readonly cam: number;
  readonly variants: number;
  readonly write: number;
}

export type AblateResult = ImageResult<AblateTimes>;

const data = workerData as AblateWorkerData;

// Images are processed in parallel; more threads per image would only compete.
sharp.concurrency(1);

let cam: Promise<PhotoCam> | undefined;
const measurer = new ImageMeasurer(data.work, data.parameters);
const classes = classSetOf(data.classSet);
const coloured = data.work.maps.some(takesColours);

/** The entry point of the worker. Never throws; failures are returned. */
export default async function run(task: AblateTask): Promise<AblateResult> {
  try {
    return await measure(task);
  } catch (error) {
    return { status: 'failed', reason: messageOf(error) };
  }
}

async function measure({ imagePath, truth, labels, logits, recordPath }: AblateTask): Promise<AblateResult> {
  const start = performance.now();
  const mask = await readTruth(truth, { rgb: data.rgbMasks, classes });
  // Throws if a value is not a label.
  classesInMap(mask, truthName(truth), classes);
  const photo = await openPhoto(imagePath);
  const { original } = photo;
  if (original[0] !== mask.height || original[1] !== mask.width) {
    throw new UserError(`the photograph ${imagePath} is ${original[1]} x ${original[0]} pixels, but its mask ${truthName(truth)} is ${mask.width} x ${mask.height}`);
  }
  const opened = performance.now();
  cam ??= openInWorker(data.runtime).then((runtime) => PhotoCam.load(data.photo, runtime, { threads: data.threads }));
  const { views, times } = await (await cam).layerMaps(photo, logits);
  const decoding = performance.now();
  const image = coloured && labels.length > 0 ? await photo.at(refineGrid(original)) : undefined;
  const measuring = performance.now();
  const { truth: slots, measures } = labels.length === 0
    ? { truth: truthSlots(mask.data), measures: data.work.measures.map(noClass) }
    : measurer.measure({ views, labels, size: original, truth: mask.data, image });
  const writing = performance.now();
  const stamp = await writeStamped(recordPath, encodeRecord({ truths: slots.truths, totals: slots.totals, labels, measures }));
  const read = opened - start + times.read + measuring - decoding;
  return {
    status: 'done', files: { [RECORD_FOLDER]: stamp },
    times: { read, cam: times.cam, variants: writing - measuring, write: performance.now() - writing },
  };
}

function noClass({ kind }: AblationWork['measures'][number]): MeasureCounts {
  return { parameters: parametersOf(kind, data.parameters).length, columns: 0, counts: new Int32Array(0) };
}
