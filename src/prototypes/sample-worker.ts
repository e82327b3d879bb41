import { basename } from 'node:path';
import sharp from 'sharp';
import { workerData } from 'piscina';
import { CAM_CLASSES, camOutput } from '../cam/gradient-graph.js';
import { floatsOf } from '../cam/gradient-program.js';
import { messageOf } from '../errors.js';
import type { InputSize } from '../image/input-size.js';
import { toTensor } from '../image/normalise.js';
import type { Normalisation } from '../image/normalise.js';
import { readPhoto } from '../image/photo.js';
import { writeFileAtomic } from '../jobs/files/atomic.js';
import { loadGraph } from '../runtime/load-graph.js';
import type { RuntimeTensor, Session } from '../runtime/runtime.js';
import { openInWorker } from '../runtime/shared/worker-runtime.js';
import type { WorkerRuntime } from '../runtime/shared/worker-runtime.js';
import { randomCells, randomOf, unitFeatures, valuesAt } from './sample.js';
import { encodeSamples } from './sample-file.js';
import { featureOutput } from './sample-graph.js';

/** What a worker needs for all its photographs. */
export interface SampleWorkerData {
  /** See `buildSampleGraph`; serialised, in shared memory. */
  readonly graph: Uint8Array;
  readonly input: string;
  /** The number of layers. */
  readonly layers: number;
  readonly positions: number;
  readonly seed: number;
  readonly inputSize: InputSize;
  readonly maxPixels: number;
  readonly normalisation: Normalisation;
  readonly runtime: WorkerRuntime;
}

/** One photograph. */
export interface SampleTask {
  readonly path: string;
  /** The logits of its classes. */
  readonly logits: readonly number[];
  /** The file to write. */
  readonly file: string;
}

/** The reason of a failure; `undefined`: the file is written. */
export type SampleResult = string | undefined;

const data = workerData as SampleWorkerData;
sharp.concurrency(1);

let session: Promise<Session> | undefined;

/** The entry point of the worker. It never throws; a failure is a result. */
export default async function run({ path, logits, file }: SampleTask): Promise<SampleResult> {
  try {
    session ??= openInWorker(data.runtime).then((runtime) => loadGraph(runtime, data.graph, { threads: 1 }));
    const loaded = await session;
    const { pixels, size } = await readPhoto(path, { input: data.inputSize, maxPixels: data.maxPixels });
    const outputs = await loaded.run({
      [data.input]: { type: 'float32', dims: [1, 3, ...size], data: toTensor(pixels, size, data.normalisation) },
      [CAM_CLASSES]: { type: 'int64', dims: [logits.length], data: BigInt64Array.from(logits, BigInt) },
    });
    const guide = gridOf(outputs[camOutput(0)]);
    // The name of the file, so that the same photographs elsewhere give the same prototypes.
    const random = randomOf(data.seed, basename(path));
    await writeFileAtomic(file, encodeSamples(Array.from({ length: data.layers }, (_, i) => {
      const features = gridOf(outputs[featureOutput(i)]);
      const cells = randomCells(features, data.positions, random);
      return { features: unitFeatures(features, cells), channels: features.channels, guide: valuesAt(guide, features, cells) };
    })));
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** [..., C, h, w] */
function gridOf(tensor: RuntimeTensor): { channels: number; height: number; width: number; data: Float32Array } {
  const [channels, height, width] = tensor.dims.slice(-3);
  return { channels, height, width, data: floatsOf(tensor) };
}
