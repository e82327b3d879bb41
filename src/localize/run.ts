import { readFile } from 'node:fs/promises';
import type { LoadedClassifier } from '../classifier/load.js';
import { WorkerPool } from '../jobs/workers/pool.js';
import { workerUrl } from '../jobs/workers/worker-url.js';
import { runImageBatch, sharedProgress } from '../pipeline/image-batch.js';
import type { BatchOptions, BatchOutcome } from '../pipeline/image-batch.js';
import { mapVariantOf } from '../settings/axes.js';
import type { LocalizeConfig } from '../settings/localize.js';
import { planMaps } from '../variants/map-plan.js';
import { variantPass } from '../variants/pass.js';
import type { Variant } from '../variants/variant.js';
import type { LocalizeItem } from './items.js';
import type { LocalizeResult, LocalizeTask, LocalizeTimes, LocalizeWorkerData } from './localize-worker.js';
import { decodeRecord, RECORD_FOLDER, recordPath } from './record.js';

/** Everything that {@link runLocalize} needs. */
export interface LocalizeOptions extends Omit<BatchOptions, 'items'> {
  /** The settings of maps that variants share, `top` and `thresholds`. */
  readonly settings: LocalizeConfig;
  readonly variants: readonly Variant[];
  readonly items: readonly LocalizeItem[];
  /** Identifies the true boxes and the logits of their classes: records of others are not mixed. */
  readonly truths: string;
  /** Files that are written beside the records. */
  readonly outputs: readonly string[];
}

/** The result of a run. */
export interface LocalizePass extends Pick<BatchOutcome<LocalizeTimes>, 'failures' | 'notes' | 'interrupted' | 'seconds' | 'stages'> {
  /** Images that have a record now, including those of other shards. */
  readonly done: readonly LocalizeItem[];
  /** The number of images that other shards have not measured yet. */
  readonly elsewhere: number;
  readonly counts: { readonly measured: number; readonly resumed: number; readonly failed: number; readonly left: number };
  readonly runtime: string;
}

/**
 * Finds the boxes of every image by each variant at all thresholds, and writes a small record of each image. Worker threads process one
 * image each. An image that fails is reported and skipped. An interrupted run can be resumed.
 *
 * @throws UserError if the run cannot start, for example if the folder contains results of other settings
 */
export async function runLocalize(options: LocalizeOptions): Promise<LocalizePass> {
  const { classifier, settings, variants, out } = options;
  const { top, thresholds } = settings;
  const plan = planMaps(variants, classifier.graph.layers.map(({ name }) => name));
  const { identity, network, photo } = variantPass(classifier, { ...settings, ...mapVariantOf(settings) }, plan);
  const maps = plan.mapsOf.map((index) => plan.maps[index]);
  const items = new Map(options.items.map((item) => [item.id, item]));
  const photographs = options.items.map(({ id, imagePath }) => ({ id, imagePath }));
  return runImageBatch<LocalizeTask, LocalizeTimes, LocalizePass>({ ...options, items: photographs }, {
    settings: (common) => ({ command: 'localize', ...common, ...identity, top, thresholds }),
    classes: {
      settings: { truths: options.truths },
      classesOf: ({ id }) => Promise.resolve({ labels: [], logits: items.get(id)!.truths.map(({ logit }) => logit) }),
    },
    network,
    folders: [RECORD_FOLDER], otherFiles: options.outputs,
    files: ({ id }) => ({ [RECORD_FOLDER]: recordPath(out, id) }),
    isWhole: async (_item, _folder, path) => decodeRecord(await readFile(path), variants.length).maps.length > 0,
    startPool: ({ choice, companion }, { workers, threads, tasksPerWorker, batch, block }) => new WorkerPool<LocalizeTask, LocalizeResult>({
      worker: workerUrl('./localize-worker.js', import.meta.url), threads: workers, tasksPerWorker, companion,
      data: {
        photo: photo({ batch, block }), maps, names: variants.map(({ name }) => name), runtime: choice, threads,
        top: Math.min(top, classifier.spec.classes.length), steps: thresholds,
        firstLabel: firstLabelOf(classifier),
      } satisfies LocalizeWorkerData,
    }),
    taskOf: ({ id, imagePath }) => {
      const { truth: { width, height }, truths, maskPath } = items.get(id)!;
      return { imagePath, width, height, truths, maskPath, recordPath: recordPath(out, id) };
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

/** The label of the first logit in masks, where 0 is the background. */
function firstLabelOf({ spec }: LoadedClassifier): number {
  return /^background$/i.test(spec.classes[0]) ? 0 : 1;
}
