import { dirname } from 'node:path';
import type { FeatureLayer } from '../classifier/layers.js';
import type { LayerCentres } from '../classifier/prototypes.js';
import { UserError } from '../errors.js';
import { runBatch } from '../jobs/workers/batch.js';
import { WorkerPool } from '../jobs/workers/pool.js';
import { shareBytes } from '../jobs/workers/shared-bytes.js';
import { workerUrl } from '../jobs/workers/worker-url.js';
import { serializeModel } from '../onnx/file/write.js';
import type { OnnxModel } from '../onnx/model.js';
import type { OpenedRuntime } from '../runtime/open.js';
import { reportProgress } from '../train/workflow/listener.js';
import type { TrainListener } from '../train/workflow/listener.js';
import type { ClusterResult, ClusterTask, ClusterWorkerData } from './cluster-worker.js';
import { buildProductGraphs } from './products.js';
import type { SampleTask } from './sample-worker.js';

/** The most positions of a class that are clustered: 300 MB at 1280 channels. More photographs give fewer positions each. */
const MOST_POSITIONS = 60_000;

/** How {@link clusterClasses} clusters. */
export interface ClusterOptions extends Pick<TrainListener, 'onWork'>, Pick<ClusterWorkerData, 'centres' | 'positive' | 'seed'> {
  readonly layers: readonly FeatureLayer[];
  /** The class names, by logit. */
  readonly classes: readonly string[];
  readonly positions: number;
  readonly runtime: OpenedRuntime;
  /** With an accelerator there is one: the device computes nearly everything, and points are too large to be sent to another thread. */
  readonly workers: number;
}

/**
 * The centres of all classes at each layer.
 *
 * @param photographs those whose samples are written
 * @throws UserError if a file of samples cannot be read, or there is nothing to cluster
 */
export async function clusterClasses(photographs: readonly SampleTask[], options: ClusterOptions): Promise<LayerCentres[]> {
  const { layers, classes, positions, centres: count, positive: share, seed, runtime: { choice, accelerated } } = options;
  const workers = accelerated ? 1 : options.workers;
  const tasks = layers.flatMap(({ name }, layer) => photographsByClass(photographs).map(([logit, own]) => ({
    logit,
    task: {
      layer, layerName: name, className: classes[logit], photographs: own,
      most: Math.max(1, Math.min(positions, Math.floor(MOST_POSITIONS / own.length))),
    } satisfies ClusterTask,
  })));
  const graphs = buildProductGraphs();
  const shared = (model: OnnxModel): Uint8Array => shareBytes(serializeModel(model));
  const results = new Map<ClusterTask, Extract<ClusterResult, { readonly centres: Float32Array }>>();
  const pool = new WorkerPool<ClusterTask, ClusterResult>({
    worker: workerUrl('./cluster-worker.js', import.meta.url), threads: Math.min(workers, tasks.length),
    data: {
      graphs: { similarities: shared(graphs.similarities), sums: shared(graphs.sums) }, runtime: choice, centres: count, positive: share, seed,
    } satisfies ClusterWorkerData,
  });
  try {
    await reportProgress(options, 'classes', async ({ onStart, onProgress }) => {
      onStart(tasks.length);
      // The largest first, so that no worker is left with one at the end.
      await runBatch([...tasks].sort((a, b) => b.task.photographs.length - a.task.photographs.length), {
        concurrency: workers,
        run: ({ task }) => pool.run(task),
        done: ({ task }, result) => {
          if ('reason' in result) throw failure(task, result.reason);
          results.set(task, result);
          onProgress(results.size);
        },
      });
    });
  } finally {
    await pool.destroy();
  }
  return layers.map(({ name, channels }, layer) => {
    const own = tasks.filter(({ task }) => task.layer === layer).map(({ logit, task }) => ({ logit, ...results.get(task)! }));
    const centres = joined(own.map((one) => one.centres));
    if (centres.length === 0) throw new UserError(`the layer '${name}' is zero at all positions of all photographs`, 'choose another layer with --layers');
    return {
      channels, centres,
      logits: Int32Array.from(own.flatMap(({ logit, members }) => Array<number>(members.length).fill(logit))),
      members: Int32Array.from(own.flatMap(({ members }) => [...members])), scores: Float32Array.from(own.flatMap(({ scores }) => [...scores])),
      positive: Uint8Array.from(own.flatMap(({ positive }) => [...positive])),
    };
  });
}

/** By logit, ascending: the files of the photographs that show the class, and its index among the classes of each. */
function photographsByClass(photographs: readonly SampleTask[]): [logit: number, photographs: ClusterTask['photographs']][] {
  const ofClass = new Map<number, { file: string; row: number }[]>();
  for (const { file, logits } of photographs) {
    logits.forEach((logit, row) => {
      const own = ofClass.get(logit);
      if (own === undefined) ofClass.set(logit, [{ file, row }]);
      else own.push({ file, row });
    });
  }
  return [...ofClass].sort(([a], [b]) => a - b);
}

function failure({ className, photographs: [{ file }] }: ClusterTask, reason: string): UserError {
  return new UserError(
    `the prototypes of '${className}' cannot be fitted: ${reason}`,
    `if the cache is damaged, remove ${dirname(file)} and run the same command again`,
  );
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
