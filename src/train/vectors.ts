import { availableParallelism } from 'node:os';
import type { InputSize } from '../image/input-size.js';
import { DEFAULT_MAX_PIXELS } from '../image/photo.js';
import { runBatch } from '../jobs/workers/batch.js';
import { WorkerPool } from '../jobs/workers/pool.js';
import { shareBytes } from '../jobs/workers/shared-bytes.js';
import { workerUrl } from '../jobs/workers/worker-url.js';
import type { OnnxModel } from '../onnx/model.js';
import { serializeModel } from '../onnx/file/write.js';
import { openRuntime } from '../runtime/open.js';
import { runtimeForPool } from '../runtime/shared/worker-runtime.js';
import type { PhotoPassOptions } from './photo-pass.js';
import type { VectorResult, VectorWorkerData } from './vector-worker.js';

/** Options of {@link computeVectors}. */
export interface VectorOptions extends PhotoPassOptions {
  /** The name of the output that is the vector. */
  readonly output: string;
  readonly inputSizes: readonly InputSize[];
  /** Add the mirror image of each photograph as another view, at every size. */
  readonly flip: boolean;
}

/** The vectors of all readable photographs. */
export interface Vectors {
  /** The photographs with vectors, in the order of the list. */
  readonly paths: readonly string[];
  /** [photographs, views, width] */
  readonly data: Float32Array;
  readonly failures: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * Runs photographs through a network in worker threads, one view at a time, to get features or logits.
 *
 * @param width the length of a vector
 */
export async function computeVectors(model: OnnxModel, paths: readonly string[], width: number, options: VectorOptions): Promise<Vectors> {
  const { input, output, normalisation, inputSizes, flip } = options;
  const row = inputSizes.length * (flip ? 2 : 1) * width;
  const data = new Float32Array(paths.length * row);
  const reasons = new Map<string, string>();
  const { choice: runtime, companion } = runtimeForPool(await openRuntime(options.runtime));
  const { workers = availableParallelism() } = options;
  const pool = new WorkerPool<string, VectorResult>({
    worker: workerUrl('./vector-worker.js', import.meta.url), threads: workers, tasksPerWorker: 2, companion,
    data: {
      graph: shareBytes(serializeModel(model)), input, output, runtime, threads: 1, inputSizes, flip, maxPixels: DEFAULT_MAX_PIXELS, normalisation,
    } satisfies VectorWorkerData,
  });
  try {
    let ended = 0;
    options.onStart?.(paths.length);
    await runBatch(paths.map((path, index) => ({ path, index })), {
      concurrency: 2 * workers + 1,
      run: ({ path }) => pool.run(path),
      done: ({ path, index }, result) => {
        if ('reason' in result) reasons.set(path, result.reason);
        else result.views.forEach((view, v) => { data.set(view, index * row + v * width); });
        options.onProgress?.(++ended);
      },
    });
  } finally {
    await pool.destroy();
  }
  if (reasons.size === 0) return { paths, data, failures: [] };
  const kept = paths.flatMap((path, i) => (reasons.has(path) ? [] : [i]));
  const present = new Float32Array(kept.length * row);
  kept.forEach((from, to) => { present.set(data.subarray(from * row, (from + 1) * row), to * row); });
  return { paths: kept.map((i) => paths[i]), data: present, failures: [...reasons].map(([path, reason]) => ({ path, reason })) };
}
