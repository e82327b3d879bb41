import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from '../../jobs/files/atomic.js';
import { removeLeftovers } from '../../jobs/files/temporary.js';
import { runBatch } from '../../jobs/workers/batch.js';
import { WorkerPool } from '../../jobs/workers/pool.js';
import { shareBytes } from '../../jobs/workers/shared-bytes.js';
import { workerUrl } from '../../jobs/workers/worker-url.js';
import { serializeModel } from '../../onnx/file/write.js';
import type { OnnxModel } from '../../onnx/model.js';
import { ancestors } from '../../onnx/model.js';
import { DataType } from '../../onnx/tensor.js';
import { openRuntime } from '../../runtime/open.js';
import { runtimeForPool } from '../../runtime/shared/worker-runtime.js';
import type { FeatureResult, FeatureTask, FeatureWorkerData } from './feature-worker.js';
import type { CachedTensor } from './pass.js';
import type { StudentPassOptions } from './student-pass.js';
import type { CellCounts } from './targets.js';

/** A photograph with its seed. */
export interface SeededPhoto {
  readonly path: string;
  readonly seed: string;
  /** The labels of its classes. */
  readonly own: readonly number[];
}

/** A photograph that is ready for training. */
export interface StudentSample {
  readonly path: string;
  /** The file of its features. */
  readonly file: string;
  /** 0: landscape, 1: upright. */
  readonly kind: 0 | 1;
  readonly counts: CellCounts;
}

export interface StudentFeatureOptions extends StudentPassOptions {
  /** The backbone. */
  readonly model: OnnxModel;
  /** What identifies the backbone in the cache. */
  readonly hash: string;
  readonly tensors: readonly [landscape: readonly CachedTensor[], upright: readonly CachedTensor[]];
  /** Also compute the features of the mirror image. */
  readonly flip: boolean;
  readonly cache: string;
  /** Once aborted, no more photographs are started. */
  readonly signal?: AbortSignal;
}

/** The result of {@link prepareSamples}. */
export interface StudentSamples {
  /** In the order of the list. */
  readonly samples: readonly StudentSample[];
  readonly failures: readonly { readonly path: string; readonly reason: string }[];
  /** How many had their features in the cache. */
  readonly cached: number;
  readonly folder: string;
}

/**
 * Counts the labels of seeds, and computes the features of the frozen part for photographs: a file for each in the cache, unless it is
 * there. A photograph or seed that cannot be used is listed, and the others go on.
 */
export async function prepareSamples(photos: readonly SeededPhoto[], options: StudentFeatureOptions): Promise<StudentSamples> {
  const { model, input, tensors, view, flip, normalisation, classes, signal } = options;
  const folder = join(options.cache, `student-${keyOf(options)}`);
  await makeFolder(folder);
  await removeLeftovers(folder, '');
  const names = tensors[0].map(({ name }) => name);
  const graph: OnnxModel = {
    ...model, metadata: new Map(),
    graph: {
      ...model.graph, nodes: ancestors(model.graph.nodes, names), outputs: names.map((name) => ({ name, type: DataType.float32, shape: undefined })),
    },
  };
  const { choice: runtime, companion } = runtimeForPool(await openRuntime(options.runtime));
  const { workers = availableParallelism() } = options;
  const pool = new WorkerPool<FeatureTask, FeatureResult>({
    worker: workerUrl('./feature-worker.js', import.meta.url), threads: workers, tasksPerWorker: 2, companion,
    data: {
      graph: shareBytes(serializeModel(graph)), input, tensors, view, flip, normalisation, classes: classes.data, runtime,
    } satisfies FeatureWorkerData,
  });
  const results = new Map<string, StudentSample>();
  const failures = new Map<string, string>();
  let [ended, cached] = [0, 0];
  try {
    options.onStart?.(photos.length);
    const tasks = photos.map(async ({ path, seed, own }): Promise<FeatureTask> => ({ path, seed, own, file: join(folder, `${await fileKey(path)}.f16`) }));
    await runBatch(await Promise.all(tasks), {
      concurrency: 2 * workers + 1, signal,
      run: (task) => pool.run(task),
      done: ({ path, file }, result) => {
        if ('reason' in result) failures.set(path, result.reason);
        else results.set(path, { path, file, kind: result.kind, counts: result.counts });
        if ('cached' in result && result.cached) cached++;
        options.onProgress?.(++ended);
      },
    });
  } finally {
    await pool.destroy();
  }
  return {
    samples: photos.flatMap(({ path }) => results.get(path) ?? []), cached, folder,
    failures: photos.flatMap(({ path }) => (failures.has(path) ? [{ path, reason: failures.get(path)! }] : [])),
  };
}

function keyOf({ hash, tensors, view, flip, normalisation: { channelOrder, scale, mean, std } }: StudentFeatureOptions): string {
  return short(JSON.stringify({ version: 1, hash, tensors: tensors[0], view, flip, channelOrder, scale, mean, std }));
}

async function fileKey(path: string): Promise<string> {
  const entry = await stat(path).catch(() => undefined);
  return short(`${path}\0${entry?.size}\0${entry?.mtimeMs}`);
}

function short(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}
