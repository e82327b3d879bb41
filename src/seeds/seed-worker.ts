import sharp from 'sharp';
import { workerData } from 'piscina';
import { FusedMaps } from '../cam/fusion.js';
import type { FusionOptions } from '../cam/fusion.js';
import { CamProgram } from '../cam/program.js';
import { messageOf } from '../errors.js';
import type { InputSize } from '../image/input-size.js';
import { toTensor } from '../image/normalise.js';
import type { Normalisation } from '../image/normalise.js';
import { readPhoto } from '../image/photo.js';
import { writeFileAtomic } from '../jobs/files.js';
import { encodeNpz } from '../jobs/npz.js';
import { ownBytes } from '../jobs/shared-bytes.js';
import { ortRuntime } from '../runtime/ort.js';
import { className } from '../voc/classes.js';
import type { MaskFormat } from '../voc/masks.js';
import { writeMask } from '../voc/masks.js';
import type { AssignOptions } from './assign.js';
import { assignSeeds } from './assign.js';

/** What a worker needs for all of its images. */
export interface SeedWorkerData {
  /** The serialised CAM program, in shared memory. */
  readonly program: Uint8Array;
  readonly input: string;
  readonly layerCount: number;
  readonly threads: number;
  readonly inputSize: InputSize;
  readonly maxPixels: number;
  readonly normalisation: Normalisation;
  readonly fusion: FusionOptions;
  readonly assign: AssignOptions;
  readonly format: MaskFormat;
}

/** One photograph. */
export interface SeedTask {
  readonly imagePath: string;
  /** VOC indices of its classes, and the logit of each. */
  readonly labels: readonly number[];
  readonly logits: readonly number[];
  readonly seedPath: string;
  /** Where the maps go as .npz; not written without it. */
  readonly camPath?: string;
}

/** Where the time of an image went, in milliseconds. */
export interface StageTimes {
  readonly read: number;
  readonly cam: number;
  readonly seeds: number;
  readonly write: number;
}

/** What became of a photograph. */
export type SeedResult
  = | { readonly status: 'done'; readonly notes: readonly string[]; readonly times: StageTimes }
    | { readonly status: 'failed'; readonly reason: string };

const data = workerData as SeedWorkerData;

// The images of a batch are the parallel work; threads inside one image would only compete with them.
sharp.concurrency(1);

let program: Promise<CamProgram> | undefined;

/** The entry point of the worker: never throws, a failure is a result. */
export default async function run(task: SeedTask): Promise<SeedResult> {
  try {
    program ??= CamProgram.load(ownBytes(data.program), data.input, data.layerCount, ortRuntime, { threads: data.threads });
    return await makeSeed(await program, task);
  } catch (error) {
    return { status: 'failed', reason: messageOf(error) };
  }
}

async function makeSeed(cam: CamProgram, { imagePath, labels, logits, seedPath, camPath }: SeedTask): Promise<SeedResult> {
  const notes: string[] = [];
  const start = performance.now();
  const photo = await readPhoto(imagePath, { input: data.inputSize, maxPixels: data.maxPixels });
  if (photo.limited) notes.push(`held down to ${photo.size[1]}x${photo.size[0]} pixels at the network`);
  const tensor = toTensor(photo.pixels, photo.size, data.normalisation);
  const read = performance.now();
  const { layers } = labels.length === 0 ? { layers: [] } : await cam.run(tensor, photo.size, logits);
  const computed = performance.now();
  const [height, width] = photo.original;
  if (labels.length === 0) {
    notes.push('no class: all background');
    await writeMask(seedPath, { width, height, data: new Uint8Array(width * height) }, data.format);
    return { status: 'done', notes, times: { read: read - start, cam: 0, seeds: 0, write: performance.now() - computed } };
  }
  const maps = new FusedMaps(layers, labels.length, photo.original, data.fusion);
  labels.forEach((label, k) => {
    if (maps.maxima[k] === 0) notes.push(`the map of ${className(label)} is zero everywhere`);
  });
  const seeds = assignSeeds(maps, labels, data.assign);
  const assigned = performance.now();
  await writeMask(seedPath, seeds, data.format);
  if (camPath !== undefined) {
    await writeFileAtomic(camPath, encodeNpz({
      keys: { shape: [labels.length], data: Int32Array.from(labels) },
      maps: { shape: [labels.length, height, width], data: maps.toArray() },
    }));
  }
  return { status: 'done', notes, times: { read: read - start, cam: computed - read, seeds: assigned - computed, write: performance.now() - assigned } };
}
