import sharp from 'sharp';
import { workerData } from 'piscina';
import { messageOf } from '../errors.js';
import { networkSize } from '../image/input-size.js';
import { toTensor } from '../image/normalise.js';
import { openPhoto, rememberSizes } from '../image/photo-file.js';
import { writeStamped } from '../jobs/files/stamp.js';
import { mapsToArray } from '../maps/map-rows.js';
import type { Picture } from '../metrics/faithfulness/perturb.js';
import { isAmong } from '../metrics/faithfulness/score.js';
import { makerOf, runTests, Subject } from '../metrics/faithfulness/tests.js';
import type { TestOptions } from '../metrics/faithfulness/tests.js';
import type { ImageResult } from '../pipeline/image-batch.js';
import { PhotoCam } from '../pipeline/photo-cam.js';
import type { PhotoCamPlan } from '../pipeline/photo-cam.js';
import { openInWorker } from '../runtime/shared/worker-runtime.js';
import type { WorkerRuntime } from '../runtime/shared/worker-runtime.js';
import type { MapWork } from '../variants/map-plan.js';
import { mapsOfVariant } from '../variants/variant-maps.js';
import { ForwardPass, scoreOf } from './forward.js';
import { curveValue, encodeRecord, RECORD_FOLDER } from './record.js';
import type { Curves } from './record.js';

/** What a worker needs for all its images. */
export interface FaithfulnessWorkerData {
  /** For all requests in all views. */
  readonly photo: PhotoCamPlan;
  /** How the maps of each variant are made. */
  readonly maps: readonly MapWork[];
  readonly names: readonly string[];
  /** The classifier, in shared memory: image in, logits out. */
  readonly forward: Uint8Array;
  readonly batch: number;
  readonly tests: TestOptions;
  /** The normalised colour that hides pixels, in the network's channel order. */
  readonly fill: readonly number[];
  readonly runtime: WorkerRuntime;
  readonly threads: number;
}

/** One photograph. */
export interface FaithfulnessTask {
  readonly imagePath: string;
  /** The index of its class's logit. */
  readonly logit: number;
  /** The record to write; the folder must exist. */
  readonly recordPath: string;
}

/** The time of each stage of an image, in milliseconds: decoding, the maps, the tests, writing. */
export interface FaithfulnessTimes {
  readonly read: number;
  readonly cam: number;
  readonly tests: number;
  readonly write: number;
}

export type FaithfulnessResult = ImageResult<FaithfulnessTimes>;

const data = workerData as FaithfulnessWorkerData;

// Images are processed in parallel; more threads per image would only compete.
sharp.concurrency(1);

interface Loaded { readonly cam: PhotoCam; readonly forward: ForwardPass }

let loaded: Promise<Loaded> | undefined;

async function load(): Promise<Loaded> {
  const runtime = await openInWorker(data.runtime);
  const options = { threads: data.threads };
  return {
    cam: await PhotoCam.load(data.photo, runtime, options),
    forward: await ForwardPass.load(data.forward, data.photo.cam.input, data.batch, runtime, options),
  };
}

/** The entry point of the worker. Never throws; failures are returned. */
export default async function run(task: FaithfulnessTask): Promise<FaithfulnessResult> {
  try {
    loaded ??= load();
    return await measure(await loaded, task);
  } catch (error) {
    return { status: 'failed', reason: messageOf(error) };
  }
}

async function measure({ cam, forward }: Loaded, { imagePath, logit, recordPath }: FaithfulnessTask): Promise<FaithfulnessResult> {
  const start = performance.now();
  const { spec, inputSize, maxPixels } = data.photo;
  const photo = rememberSizes(await openPhoto(imagePath));
  const { size, limited } = networkSize(photo.original, inputSize, maxPixels);
  const picture: Picture = { data: toTensor(await photo.at(size), size, spec), size, fill: data.fill };
  const read = performance.now() - start;
  const { views, logits, times } = await cam.layerMaps(photo, [logit]);
  const testing = performance.now();
  // Among the views is usually the unchanged photograph.
  const [plain] = data.photo.views.some(({ scale, flip }) => scale === 1 && !flip)
    ? [scoreOf(logits, logit)]
    : await forward.scores(picture, logit, [(out) => { out.set(picture.data); }]);
  const made = makerOf(picture);
  const notes = limited ? [`limited to ${size[1]}x${size[0]} pixels at the network`] : [];
  const variants: number[][] = [];
  const curves: Curves[] = [];
  for (const [i, work] of data.maps.entries()) {
    const { maps, maxima } = await mapsOfVariant(work, views, 1, size, photo);
    if (maxima[0] === 0) notes.push(`the map of ${data.names[i]} is zero everywhere`);
    // The rows may be overwritten by the next map.
    const subject = new Subject(picture, mapsToArray(maps).slice(), plain, made);
    const own: { -readonly [test in keyof Curves]: Curves[test] } = {};
    variants.push(await runTests(subject, data.tests, (pictures) => forward.scores(picture, logit, pictures), (test, confidences) => {
      own[test] = confidences.map(curveValue);
    }));
    curves.push(own);
  }
  const writing = performance.now();
  const record = { class: logit, plain: [isAmong(1, plain), isAmong(5, plain), plain.confidence], variants, curves };
  const stamp = await writeStamped(recordPath, encodeRecord(record));
  return {
    status: 'done', notes, files: { [RECORD_FOLDER]: stamp },
    times: { read: read + times.read, cam: times.cam, tests: writing - testing, write: performance.now() - writing },
  };
}
