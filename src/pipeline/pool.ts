import type { LoadedClassifier } from '../classifier/load.js';
import { WorkerPool } from '../jobs/workers/pool.js';
import { workerUrl } from '../jobs/workers/worker-url.js';
import type { PoolRuntime } from '../runtime/shared/worker-runtime.js';
import type { SeedSettings } from '../settings/cam.js';
import { planStudent } from '../student/predict.js';
import type { ClassSet } from '../datasets/classes/class-set.js';
import { VOC } from '../datasets/classes/voc.js';
import type { MaskFormat } from '../datasets/masks.js';
import type { PoolPlan } from './image-batch.js';
import { PhotoCam } from './photo-cam.js';
import { seedPolicies, studentPolicies } from './policies.js';
import type { SeedRecipe } from './cam-seeds.js';
import type { StudentChoice } from './student-choice.js';
import type { SeedResult, SeedTask, SeedWorkerData } from './seed-worker.js';

export interface SeedPoolOptions extends PoolPlan {
  readonly settings: SeedSettings;
  /** Makes seeds of class activation maps; none: only the student makes seeds. */
  readonly classifier?: LoadedClassifier;
  /** Other settings: pixels on which their seeds differ become 255. */
  readonly agree?: readonly SeedSettings[];
  readonly student?: StudentChoice;
  /** Default: VOC. */
  readonly classes?: ClassSet;
  readonly format: MaskFormat;
  readonly runtime: PoolRuntime;
}

/** Builds the programs and starts the workers that make seeds. */
export function startSeedPool(options: SeedPoolOptions): WorkerPool<SeedTask, SeedResult> {
  const { classifier, settings, agree = [], student, classes = VOC, format, runtime: { choice, companion }, threads, batch, block } = options;
  const recipes = classifier === undefined
    ? []
    : [settings, ...agree].map((own): SeedRecipe => (
        { photo: PhotoCam.plan(classifier, own, { batch, block }), policies: seedPolicies(own, classes) }));
  return new WorkerPool<SeedTask, SeedResult>({
    worker: workerUrl('./seed-worker.js', import.meta.url), threads: options.workers, tasksPerWorker: options.tasksPerWorker, companion,
    data: {
      recipes, student: student && { plan: planStudent(student.student, student.settings), policies: studentPolicies(settings, classes) },
      classSet: classes.data, format, runtime: choice, threads,
    } satisfies SeedWorkerData,
  });
}
