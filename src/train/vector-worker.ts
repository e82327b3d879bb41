import sharp from 'sharp';
import { workerData } from 'piscina';
import { messageOf } from '../errors.js';
import type { InputSize } from '../image/input-size.js';
import { mirrored, toTensor } from '../image/normalise.js';
import type { Normalisation } from '../image/normalise.js';
import { readPhoto } from '../image/photo.js';
import { loadGraph } from '../runtime/load-graph.js';
import type { Session } from '../runtime/runtime.js';
import { openInWorker } from '../runtime/shared/worker-runtime.js';
import type { WorkerRuntime } from '../runtime/shared/worker-runtime.js';

/** The data of a worker, for all of its images. */
export interface VectorWorkerData {
  /** The serialised network, in shared memory. */
  readonly graph: Uint8Array;
  readonly input: string;
  readonly output: string;
  readonly runtime: WorkerRuntime;
  readonly threads: number;
  readonly inputSizes: readonly InputSize[];
  readonly flip: boolean;
  readonly maxPixels: number;
  readonly normalisation: Normalisation;
}

/** The vector of each view of a photograph, or the reason of its failure. */
export type VectorResult = { readonly views: readonly Float32Array[] } | { readonly reason: string };

const data = workerData as VectorWorkerData;
sharp.concurrency(1);

let session: Promise<Session> | undefined;

/** The entry point of the worker. It never throws; a failure is a result. */
export default async function run(path: string): Promise<VectorResult> {
  try {
    session ??= openInWorker(data.runtime).then((runtime) => loadGraph(runtime, data.graph, { threads: data.threads }));
    const loaded = await session;
    const views: Float32Array[] = [];
    for (const input of data.inputSizes) {
      const { pixels, size } = await readPhoto(path, { input, maxPixels: data.maxPixels });
      const tensor = toTensor(pixels, size, data.normalisation);
      for (const view of data.flip ? [tensor, mirrored(tensor, size[1])] : [tensor]) {
        const results = await loaded.run({ [data.input]: { type: 'float32', dims: [1, 3, ...size], data: view } });
        views.push(results[data.output].data as Float32Array);
      }
    }
    return { views };
  } catch (error) {
    return { reason: messageOf(error) };
  }
}
