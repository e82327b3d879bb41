import type { LoadedClassifier } from '../classifier/load.js';
import { WorkerPool } from '../jobs/workers/pool.js';
import type { WorkerPlan } from '../jobs/workers/worker-plan.js';
import { workerUrl } from '../jobs/workers/worker-url.js';
import type { RuntimeChoice } from '../runtime/open.js';
import type { SeedSettings } from '../settings/cam.js';
import type { ClassSet } from '../datasets/classes/class-set.js';
import { VOC } from '../datasets/classes/voc.js';
import type { MaskFormat } from '../datasets/masks.js';
import { PhotoCam } from './photo-cam.js';
import { seedPolicies } from './policies.js';
import type { SeedRecipe, SeedResult, SeedTask, SeedWorkerData } from './seed-worker.js';

export interface SeedPoolOptions extends WorkerPlan {
  readonly classifier: LoadedClassifier;
  readonly settings: SeedSettings;
  /** Other settings: pixels on which their seeds differ become 255. */
  readonly agree?: readonly SeedSettings[];
  /** Default: VOC. */
  readonly classes?: ClassSet;
  readonly format: MaskFormat;
  readonly runtime: RuntimeChoice;
}

/** Builds the CAM program and starts the workers that make seeds, each with its own session. */
export function startSeedPool(
  { classifier, settings, agree = [], classes = VOC, format, runtime, workers, threads }: SeedPoolOptions,
): WorkerPool<SeedTask, SeedResult> {
  const recipeOf = (own: SeedSettings): SeedRecipe => ({ photo: PhotoCam.plan(classifier, own), policies: seedPolicies(own, classes) });
  return new WorkerPool<SeedTask, SeedResult>({
    // Two tasks per worker: one computes while the next is decoded.
    worker: workerUrl('./seed-worker.js', import.meta.url), threads: workers, tasksPerWorker: 2,
    data: {
      ...recipeOf(settings), others: agree.map(recipeOf), classSet: classes.data, format, runtime, threads,
    } satisfies SeedWorkerData,
  });
}
