import type { LoadedClassifier } from '../classifier/load.js';
import type { ChosenLayers } from '../cam/layer-choice.js';
import { prepareCam } from '../cam/plan.js';
import type { SeedSettings } from '../settings/cam.js';
import type { InputSize } from '../image/input-size.js';
import { WorkerPool } from '../jobs/workers/pool.js';
import { workerUrl } from '../jobs/workers/worker-url.js';
import type { RuntimeChoice } from '../runtime/open.js';
import type { MaskFormat } from '../voc/masks.js';
import { backgroundPolicy, conflictPolicy, photoMapOptions } from './policies.js';
import type { SeedResult, SeedTask, SeedWorkerData } from './seed-worker.js';

/** Worker threads that make seeds, each with a session of its own. */
export type SeedPool = WorkerPool<SeedTask, SeedResult>;

export interface SeedPoolOptions {
  readonly classifier: LoadedClassifier;
  readonly chosen: ChosenLayers;
  readonly settings: SeedSettings;
  readonly inputSize: InputSize;
  readonly format: MaskFormat;
  readonly runtime: RuntimeChoice;
  readonly workers: number;
  /** Threads within each worker. */
  readonly threads: number;
}

/** Builds the CAM program and starts the workers that run it. Two tasks per worker: one computes, the next is decoded. */
export function startSeedPool({
  classifier: { graph, spec }, chosen, settings, inputSize, format, runtime, workers, threads,
}: SeedPoolOptions): SeedPool {
  return new WorkerPool<SeedTask, SeedResult>({
    worker: workerUrl('./seed-worker.js', import.meta.url), threads: workers, tasksPerWorker: 2,
    data: {
      plan: prepareCam(graph, chosen.layers, { ...settings, methods: chosen.methods, picks: chosen.picks }), picks: chosen.picks, runtime, threads,
      views: { inputSize, maxPixels: settings.maxPixels, normalisation: spec, scales: settings.scales, flip: settings.flip },
      maps: photoMapOptions(settings),
      policies: {
        background: backgroundPolicy(settings), conflict: conflictPolicy(settings),
        backgroundThreshold: settings.backgroundThreshold, rescue: settings.rescue,
      },
      format,
    } satisfies SeedWorkerData,
  });
}
