import { readFile } from 'node:fs/promises';
import { chooseLayers } from '../cam/layer-choice.js';
import { inputSizeFor } from '../classifier/input-size.js';
import { WorkerPool } from '../jobs/workers/pool.js';
import { workerUrl } from '../jobs/workers/worker-url.js';
import { runImageBatch, sharedProgress } from '../pipeline/image-batch.js';
import type { BatchOptions } from '../pipeline/image-batch.js';
import { PhotoCam } from '../pipeline/photo-cam.js';
import type { PhotoCamSettings } from '../pipeline/photo-cam.js';
import type { LocalizeItem } from './items.js';
import type { LocalizeResult, LocalizeTask, LocalizeTimes, LocalizeWorkerData } from './localize-worker.js';
import { decodeRecord, RECORD_FOLDER, recordPath } from './record.js';

/** Everything that {@link runLocalize} needs. */
export interface LocalizeOptions extends Omit<BatchOptions, 'items'> {
  /** The settings of maps. */
  readonly settings: Omit<PhotoCamSettings, 'background'>;
  readonly items: readonly LocalizeItem[];
  /** Identifies the true boxes and the logits of their classes: records of others are not mixed. */
  readonly truths: string;
  /** How many of the most likely classes get boxes, in addition to the true classes. */
  readonly top: number;
  /** The thresholds are 0, 1/n, 2/n, ... */
  readonly thresholds: number;
  /** Files that are written beside the records. */
  readonly outputs: readonly string[];
}

/** The result of a run. */
export interface LocalizePass {
  /** Images that have a record now, including those of other shards. */
  readonly done: readonly LocalizeItem[];
  /** The number of images that other shards have not measured yet. */
  readonly elsewhere: number;
  readonly failures: readonly { readonly id: string; readonly reason: string }[];
  readonly notes: readonly { readonly id: string; readonly notes: readonly string[] }[];
  readonly counts: { readonly measured: number; readonly resumed: number; readonly failed: number; readonly left: number };
  readonly interrupted: boolean;
  readonly runtime: string;
  readonly seconds: number;
  /** The mean time of an image in each stage, in milliseconds of one worker. */
  readonly stages: LocalizeTimes;
}

/**
 * Finds the boxes of every image at all thresholds, and writes a small record of each. Worker threads process one image each. An image
 * that fails is reported and skipped. An interrupted run can be resumed.
 *
 * @throws UserError if the run cannot start, for example if the folder contains results of other settings
 */
export async function runLocalize(options: LocalizeOptions): Promise<LocalizePass> {
  const { classifier, top, thresholds, out } = options;
  const settings: PhotoCamSettings = { ...options.settings, background: 'constant' };
  const { names } = chooseLayers(classifier.graph, settings.layers, settings.method);
  const photo = PhotoCam.plan(classifier, settings);
  const items = new Map(options.items.map((item) => [item.id, item]));
  const photographs = options.items.map(({ id, imagePath }) => ({ id, imagePath }));
  return runImageBatch<LocalizeTask, LocalizeTimes, LocalizePass>({ ...options, items: photographs }, {
    settings: (common) => ({ command: 'localize', ...options.settings, layers: names, ...common, top, thresholds }),
    classes: {
      settings: { truths: options.truths },
      classesOf: ({ id }) => Promise.resolve({ labels: [], logits: items.get(id)!.truths.map(({ logit }) => logit) }),
    },
    network: { inputSize: inputSizeFor(classifier, settings), maxPixels: settings.maxPixels, scales: settings.scales },
    folders: [RECORD_FOLDER], otherFiles: options.outputs,
    files: ({ id }) => ({ [RECORD_FOLDER]: recordPath(out, id) }),
    isWhole: async (_item, _folder, path) => decodeRecord(await readFile(path)).maps.length > 0,
    startPool: (runtime, { workers, threads }) => new WorkerPool<LocalizeTask, LocalizeResult>({
      // Two tasks per worker: one computes while the next is decoded.
      worker: workerUrl('./localize-worker.js', import.meta.url), threads: workers, tasksPerWorker: 2,
      data: { photo, runtime, threads, top: Math.min(top, classifier.spec.classes.length), steps: thresholds } satisfies LocalizeWorkerData,
    }),
    taskOf: ({ id, imagePath }) => {
      const { truth: { width, height }, truths } = items.get(id)!;
      return { imagePath, width, height, truths, recordPath: recordPath(out, id) };
    },
    stages: ['read', 'cam', 'maps', 'boxes', 'write'],
    finish: async (outcome) => {
      const { done, elsewhere } = await sharedProgress(outcome, options.items, options.shard);
      const { journal, runtime, counts, failures, interrupted, seconds, stages } = outcome;
      return {
        done, elsewhere, failures,
        // Also those of earlier runs that this one has resumed, and of other shards.
        notes: journal.entries.flatMap(({ id, status, notes }) => (status === 'done' && notes !== undefined && items.has(id) ? [{ id, notes }] : [])),
        counts: { measured: counts.done, resumed: counts.resumed, failed: counts.failed, left: counts.left },
        interrupted, runtime: runtime.description, seconds: Number(seconds.toFixed(2)), stages,
      };
    },
  });
}
