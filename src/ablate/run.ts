import { readFile } from 'node:fs/promises';
import { WorkerPool } from '../jobs/workers/pool.js';
import { workerUrl } from '../jobs/workers/worker-url.js';
import { runImageBatch, sharedProgress } from '../pipeline/image-batch.js';
import type { BatchOutcome, LabelledBatchOptions } from '../pipeline/image-batch.js';
import { labelledClasses } from '../pipeline/image-classes.js';
import type { AblateConfig } from '../settings/ablate.js';
import { VOC } from '../datasets/classes/voc.js';
import type { RgbMasks } from '../datasets/masks.js';
import type { DataItem } from '../datasets/splits.js';
import { variantPass } from '../variants/pass.js';
import type { AblateResult, AblateTask, AblateTimes, AblateWorkerData } from './ablate-worker.js';
import { decodeRecord, RECORD_FOLDER, recordPath } from './record.js';
import type { AblationWork, Parameters } from './work.js';

/** Everything that {@link runPass} needs; each item must have a photograph and a mask on disk. */
export interface PassOptions extends LabelledBatchOptions {
  readonly settings: AblateConfig;
  readonly work: AblationWork;
  readonly parameters: Parameters;
  readonly rgbMasks?: RgbMasks;
}

/** The result of a pass. */
export interface PassSummary extends Pick<BatchOutcome<AblateTimes>, 'failures' | 'remade' | 'interrupted' | 'seconds' | 'stages'> {
  /** Images that have a record now, including those of other shards. */
  readonly done: readonly DataItem[];
  /** The number of images that other shards have not measured yet. */
  readonly elsewhere: number;
  readonly counts: { readonly measured: number; readonly resumed: number; readonly failed: number; readonly left: number };
}

/**
 * Shows every image to the network once and counts its pixels for all variants. The counts are written to one small file per
 * image. An interrupted pass can be resumed.
 *
 * @throws UserError if the pass cannot start, for example if the model has none of the classes or the folder contains results of other
 * settings
 */
export async function runPass(options: PassOptions): Promise<PassSummary> {
  const { classifier, work, parameters, out, settings } = options;
  const { identity, network, photo } = variantPass(classifier, settings, work);
  return runImageBatch<AblateTask, AblateTimes, PassSummary>(options, {
    settings: (common) => ({ command: 'ablate', ...common, ...parameters, ...identity, measures: work.measures }),
    classes: labelledClasses(classifier, options.labels, options.classes),
    network,
    folders: [RECORD_FOLDER],
    files: ({ id }) => ({ [RECORD_FOLDER]: recordPath(out, id) }),
    isWhole: async (_item, _folder, path) => decodeRecord(await readFile(path)) !== undefined,
    startPool: ({ choice, companion }, { workers, threads, tasksPerWorker, batch, block }) => new WorkerPool<AblateTask, AblateResult>({
      worker: workerUrl('./ablate-worker.js', import.meta.url), threads: workers, tasksPerWorker, companion,
      data: {
        photo: photo({ batch, block }), runtime: choice, work, parameters,
        rgbMasks: options.rgbMasks, classSet: (options.classes ?? VOC).data, threads,
      } satisfies AblateWorkerData,
    }),
    taskOf: ({ id, imagePath, truth }, classes) => ({ ...classes, imagePath, truth: truth!, recordPath: recordPath(out, id) }),
    stages: ['read', 'cam', 'variants', 'write'],
    finish: (outcome) => summaryOf(outcome, options),
  });
}

async function summaryOf(outcome: BatchOutcome<AblateTimes>, { items, shard }: PassOptions): Promise<PassSummary> {
  const { counts, failures, remade, interrupted, seconds, stages } = outcome;
  return {
    ...await sharedProgress(outcome, items, shard), failures,
    counts: { measured: counts.done, resumed: counts.resumed, failed: counts.failed, left: counts.left },
    remade, interrupted, seconds: Number(seconds.toFixed(2)), stages,
  };
}
