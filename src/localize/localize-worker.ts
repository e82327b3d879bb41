import sharp from 'sharp';
import { workerData } from 'piscina';
import type { Box } from '../datasets/boxes/box-truth.js';
import { messageOf, UserError } from '../errors.js';
import { openPhoto, rememberSizes } from '../image/photo-file.js';
import { writeStamped } from '../jobs/files/stamp.js';
import type { MapRows } from '../maps/map-rows.js';
import { PixelPrecision } from '../metrics/boxes/pixel-precision.js';
import { sweepBoxes } from '../metrics/boxes/sweep-boxes.js';
import type { SweptBoxes } from '../metrics/boxes/sweep-boxes.js';
import type { ImageResult } from '../pipeline/image-batch.js';
import { PhotoCam } from '../pipeline/photo-cam.js';
import type { PhotoCamPlan } from '../pipeline/photo-cam.js';
import { openInWorker } from '../runtime/shared/worker-runtime.js';
import type { WorkerRuntime } from '../runtime/shared/worker-runtime.js';
import type { MapWork } from '../variants/map-plan.js';
import { mapsOfVariant } from '../variants/variant-maps.js';
import { ObjectMasks } from './object-mask.js';
import { packBoxes, RECORD_FOLDER } from './record.js';
import type { LocalizeRecord, StoredPixels } from './record.js';

/** What a worker needs for all its images. */
export interface LocalizeWorkerData {
  /** For all requests in all views. */
  readonly photo: PhotoCamPlan;
  /** How the maps of each variant are made. */
  readonly maps: readonly MapWork[];
  readonly names: readonly string[];
  readonly runtime: WorkerRuntime;
  readonly threads: number;
  /** How many of the most likely classes get boxes. */
  readonly top: number;
  /** The number of thresholds. */
  readonly steps: number;
  /** The label of the first logit in masks. */
  readonly firstLabel: number;
}

/** One image. */
export interface LocalizeTask {
  readonly imagePath: string;
  /** The size that the true boxes are for. */
  readonly width?: number;
  readonly height?: number;
  readonly truths: readonly { readonly logit: number; readonly boxes: readonly Box[] }[];
  readonly maskPath?: string;
  /** The record to write; the folder must exist. */
  readonly recordPath: string;
}

/** The time of each stage of an image, in milliseconds: decoding, the network, maps, boxes, and writing. */
export interface LocalizeTimes {
  readonly read: number;
  readonly cam: number;
  readonly maps: number;
  readonly boxes: number;
  readonly write: number;
}

export type LocalizeResult = ImageResult<LocalizeTimes>;

/** The boxes of a map, and its pixels if it has a mask. */
interface Swept extends SweptBoxes {
  readonly pixels?: StoredPixels;
}

const data = workerData as LocalizeWorkerData;

// Images are processed in parallel; more threads per image would only compete.
sharp.concurrency(1);

let cam: Promise<PhotoCam> | undefined;

/** The entry point of the worker. Never throws; failures are returned. */
export default async function run(task: LocalizeTask): Promise<LocalizeResult> {
  try {
    cam ??= openInWorker(data.runtime).then((runtime) => PhotoCam.load(data.photo, runtime, { threads: data.threads }));
    return await localize(await cam, task);
  } catch (error) {
    return { status: 'failed', reason: messageOf(error) };
  }
}

async function localize(photoCam: PhotoCam, { imagePath, width, height, truths, maskPath, recordPath }: LocalizeTask): Promise<LocalizeResult> {
  const start = performance.now();
  const photo = rememberSizes(await openPhoto(imagePath));
  const { original: size } = photo;
  if ((height ?? size[0]) !== size[0] || (width ?? size[1]) !== size[1]) {
    throw new UserError(`the photograph ${imagePath} is ${size[1]} x ${size[0]} pixels, but its boxes are for ${width ?? '?'} x ${height ?? '?'}`);
  }
  const read = performance.now() - start;
  const likely = data.top === 0 ? [] : mostLikely(await photoCam.logits(photo), data.top);
  const found = performance.now() - start - read;
  const classes = [...new Set([...truths.map(({ logit }) => logit), ...likely])];
  const { views, logits, times } = await photoCam.layerMaps(photo, classes);
  const reading = performance.now();
  const masks = maskPath === undefined ? undefined : await ObjectMasks.read(maskPath, truths.length, size);
  const maskOf = new Map(truths.map(({ logit }) => [logit, masks?.of(logit + data.firstLabel)]));
  const masked = performance.now() - reading;
  const notes: string[] = truths.filter(({ logit }) => maskOf.get(logit)?.includes(1) === false).map(({ logit }) => (
    `the mask does not have the class ${data.photo.spec.classes[logit]}`));
  const swept: Swept[][] = [];
  const spent = { maps: 0, boxes: 0 };
  for (const [i, work] of data.maps.entries()) {
    const begun = performance.now();
    const { maps, maxima } = await mapsOfVariant(work, views, classes.length, size, photo);
    const mapped = performance.now();
    swept.push(classes.map((logit, k): Swept => {
      const map = normalised(maps, k);
      const mask = maskOf.get(logit);
      const boxes = truths.find((truth) => truth.logit === logit)?.boxes ?? [];
      return { ...sweepBoxes(map, size, boxes, data.steps), ...mask !== undefined && { pixels: pixelsOf(map, mask) } };
    }));
    spent.maps += mapped - begun;
    spent.boxes += performance.now() - mapped;
    const which = data.maps.length === 1 ? '' : ` (${data.names[i]})`;
    for (const { logit } of truths) {
      if (maxima[classes.indexOf(logit)] === 0) notes.push(`the map of ${data.photo.spec.classes[logit]} is zero everywhere${which}`);
    }
  }
  const record: LocalizeRecord = {
    size: [...size],
    truths: truths.map(({ logit, boxes }) => {
      const own = swept.map((variant) => variant[classes.indexOf(logit)]);
      return {
        logit, rank: rankOf(logits, logit), boxes: boxes.map((box) => [...box]), best: own.map(({ best }) => [...best]),
        ...masks !== undefined && { pixels: own.map(({ pixels }) => pixels!) },
      };
    }),
    maps: classes.map((logit, k) => (
      { logit, value: logits[logit], rank: rankOf(logits, logit), boxes: swept.map((own) => packBoxes(own[k].largest)) })),
  };
  const writing = performance.now();
  const stamp = await writeStamped(recordPath, Buffer.from(JSON.stringify(record)));
  return {
    status: 'done', files: { [RECORD_FOLDER]: stamp }, notes,
    times: { read: read + masked + times.read, cam: found + times.cam, ...spent, write: performance.now() - writing },
  };
}

/** A class's map divided by its maximum, [height, width]. Thresholds are shares of the maximum. */
function normalised(maps: MapRows, k: number): Float32Array {
  const { height, width, data: all } = maps;
  const area = height * width;
  const map = all?.subarray(k * area, (k + 1) * area) ?? rowsOf(maps, k);
  let maximum = 0;
  // NaN stays: it is refused where boxes are made.
  let proper = true;
  for (let i = 0; i < area; i++) {
    if (map[i] > maximum) maximum = map[i];
    else if (!(map[i] >= 0)) proper = false;
  }
  if (proper && (maximum === 1 || maximum === 0)) return map;
  const result = new Float32Array(area);
  for (let i = 0; i < area; i++) result[i] = map[i] <= 0 ? 0 : map[i] / maximum;
  return result;
}

function rowsOf(maps: MapRows, k: number): Float32Array {
  const map = new Float32Array(maps.height * maps.width);
  for (let y = 0; y < maps.height; y++) map.set(maps.row(k, y), y * maps.width);
  return map;
}

function pixelsOf(map: Float32Array, mask: Uint8Array): StoredPixels {
  const precision = new PixelPrecision(data.steps);
  precision.add(map, mask);
  const { inside, outside } = precision.counts;
  return { inside: Array.from(inside), outside: Array.from(outside) };
}

function mostLikely(logits: Float32Array, count: number): number[] {
  return Array.from(logits, (_, i) => i).sort((a, b) => logits[b] - logits[a]).slice(0, count);
}

/** How many classes are more likely; of equal ones, the first counts as more likely. */
function rankOf(logits: Float32Array, logit: number): number {
  return logits.reduce((rank, value, i) => (value > logits[logit] || (value === logits[logit] && i < logit) ? rank + 1 : rank), 0);
}
