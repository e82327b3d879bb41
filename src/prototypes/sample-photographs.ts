import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { GraphRequest } from '../cam/gradient-graph.js';
import type { FeatureLayer } from '../classifier/layers.js';
import type { LoadedClassifier } from '../classifier/load.js';
import type { InputSize } from '../image/input-size.js';
import { makeFolder } from '../jobs/files/atomic.js';
import { removeLeftovers } from '../jobs/files/temporary.js';
import { runBatch } from '../jobs/workers/batch.js';
import { WorkerPool } from '../jobs/workers/pool.js';
import { shareBytes } from '../jobs/workers/shared-bytes.js';
import { workerUrl } from '../jobs/workers/worker-url.js';
import { serializeModel } from '../onnx/file/write.js';
import type { OpenedRuntime } from '../runtime/open.js';
import { runtimeForPool } from '../runtime/shared/worker-runtime.js';
import type { PhotoFailure } from '../train/reasons.js';
import { reportProgress } from '../train/workflow/listener.js';
import type { TrainListener } from '../train/workflow/listener.js';
import { buildSampleGraph } from './sample-graph.js';
import type { SampleResult, SampleTask, SampleWorkerData } from './sample-worker.js';

/** How {@link samplePhotographs} samples. */
export interface SampleOptions extends Pick<TrainListener, 'onWork'> {
  readonly classifier: LoadedClassifier;
  readonly layers: readonly FeatureLayer[];
  /** The layer and method of the map that tells object from surroundings. */
  readonly guide: GraphRequest;
  readonly positions: number;
  readonly seed: number;
  readonly inputSize: InputSize;
  readonly maxPixels: number;
  readonly runtime: OpenedRuntime;
  readonly workers: number;
}

/**
 * Writes the samples of all photographs that have no file yet.
 *
 * @returns the photographs that failed
 * @throws UserError if the guide does not work with the classifier
 */
export async function samplePhotographs(photographs: readonly SampleTask[], options: SampleOptions): Promise<PhotoFailure[]> {
  const { classifier: { graph, spec }, layers, guide, positions, seed, inputSize, maxPixels, runtime, workers } = options;
  const open: SampleTask[] = [];
  for (const photograph of photographs) if (await stat(photograph.file).catch(() => undefined) === undefined) open.push(photograph);
  if (open.length === 0) return [];
  const folder = dirname(open[0].file);
  await makeFolder(folder);
  await removeLeftovers(folder);
  const failures: PhotoFailure[] = [];
  const { choice, companion } = runtimeForPool(runtime);
  const pool = new WorkerPool<SampleTask, SampleResult>({
    worker: workerUrl('./sample-worker.js', import.meta.url), threads: Math.min(workers, open.length), tasksPerWorker: 2, companion,
    data: {
      graph: shareBytes(serializeModel(buildSampleGraph(graph, layers, guide))), input: graph.input.name, layers: layers.length,
      positions, seed, inputSize, maxPixels, normalisation: spec, runtime: choice,
    } satisfies SampleWorkerData,
  });
  try {
    await reportProgress(options, 'images', async ({ onStart, onProgress }) => {
      let ended = 0;
      onStart(open.length);
      await runBatch(open, {
        concurrency: 2 * workers + 1,
        run: (task) => pool.run(task),
        done: ({ path }, reason) => {
          if (reason !== undefined) failures.push({ path, reason });
          onProgress(++ended);
        },
      });
    });
  } finally {
    await pool.destroy();
  }
  return failures;
}
