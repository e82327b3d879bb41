import { Piscina } from 'piscina';
import type { LoadedClassifier } from '../cam/load.js';
import { layerCam } from '../cam/methods/layercam.js';
import { buildCamGraph } from '../cam/program-graph.js';
import type { SeedSettings } from '../config/cam.js';
import type { InputSize } from '../image/input-size.js';
import { shareBytes } from '../jobs/shared-bytes.js';
import { workerUrl } from '../jobs/worker-url.js';
import type { FeatureLayer } from '../onnx/layers.js';
import { serializeModel } from '../onnx/write.js';
import type { MaskFormat } from '../voc/masks.js';
import type { SeedResult, SeedTask, SeedWorkerData } from './seed-worker.js';

/** Worker threads that make seeds, each with a session of its own. */
export type SeedPool = Piscina<SeedTask, SeedResult>;

export interface SeedPoolOptions {
  readonly classifier: LoadedClassifier;
  readonly layers: readonly FeatureLayer[];
  readonly settings: SeedSettings;
  readonly inputSize: InputSize;
  readonly format: MaskFormat;
  readonly workers: number;
  /** Threads within each worker. */
  readonly threads: number;
}

/** Builds the CAM program and starts the workers that run it. Two tasks per worker: one computes, the next is decoded. */
export function startSeedPool({ classifier: { graph, spec }, layers, settings, inputSize, format, workers, threads }: SeedPoolOptions): SeedPool {
  return new Piscina<SeedTask, SeedResult>({
    filename: workerUrl('./seed-worker.js', import.meta.url).href,
    minThreads: workers, maxThreads: workers, concurrentTasksPerWorker: 2,
    workerData: {
      program: shareBytes(serializeModel(buildCamGraph(graph, layers, layerCam))),
      input: graph.input.name, layerCount: layers.length, threads,
      inputSize, maxPixels: settings.maxPixels, normalisation: spec, fusion: settings,
      assign: { threshold: settings.threshold, backgroundThreshold: settings.backgroundThreshold ?? settings.threshold },
      format,
    } satisfies SeedWorkerData,
  });
}
