import { readFile } from 'node:fs/promises';
import type { Variant } from '../variants/variant.js';
import { buildActivationGraph, takesBatches } from '../cam/channel-graphs.js';
import type { ModelSpec } from '../classifier/spec.js';
import type { DataItem } from '../datasets/splits.js';
import { UserError } from '../errors.js';
import { WorkerPool } from '../jobs/workers/pool.js';
import { shareBytes } from '../jobs/workers/shared-bytes.js';
import { workerUrl } from '../jobs/workers/worker-url.js';
import { columnsOf } from '../metrics/faithfulness/tests.js';
import type { TestOptions } from '../metrics/faithfulness/tests.js';
import { serializeModel } from '../onnx/file/write.js';
import { runImageBatch, sharedProgress } from '../pipeline/image-batch.js';
import type { BatchOptions, BatchOutcome } from '../pipeline/image-batch.js';
import type { ClassSource } from '../pipeline/image-classes.js';
import type { FaithfulnessConfig } from '../settings/faithfulness.js';
import { mapVariantOf } from '../settings/axes.js';
import { planMaps } from '../variants/map-plan.js';
import { variantPass } from '../variants/pass.js';
import type { FaithfulnessResult, FaithfulnessTask, FaithfulnessTimes, FaithfulnessWorkerData } from './faithfulness-worker.js';
import { decodeRecord, RECORD_FOLDER, recordPath } from './record.js';
import type { ImageRecord } from './record.js';

/** Everything that {@link runFaithfulness} needs. */
export interface FaithfulnessOptions extends Omit<BatchOptions, 'batch'> {
  readonly settings: FaithfulnessConfig;
  readonly variants: readonly Variant[];
  /** The class of each photograph. */
  readonly classes: ClassSource;
}

/** The result of a run over all photographs. */
export interface FaithfulnessSummary extends Pick<BatchOutcome<FaithfulnessTimes>, 'failures' | 'notes' | 'interrupted' | 'seconds' | 'stages'> {
  /** The photographs that are done, now, in earlier runs or by other shards, and their records; none if other shards have some left. */
  readonly records: readonly { readonly id: string; readonly record: ImageRecord }[];
  /** The number of photographs that other shards have not measured yet. */
  readonly elsewhere: number;
  readonly counts: { readonly measured: number; readonly resumed: number; readonly failed: number; readonly left: number };
}

/** The tests of the settings. */
export function testOptionsOf({ tests, occludeAbove, occludeArea, steps, roadArea, roadNoise, roadTies }: FaithfulnessConfig): TestOptions {
  return { tests: [...new Set(tests)], thresholds: occludeAbove, areas: occludeArea, steps, roadAreas: roadArea, roadNoise, roadTies };
}

/**
 * Makes the maps of all variants for each photograph, shows the classifier photographs that the maps have changed, and writes what
 * it says to one small file per photograph. An interrupted run can be resumed.
 *
 * @throws UserError if the run cannot start, for example if the folder contains results of other settings
 */
export async function runFaithfulness(options: FaithfulnessOptions): Promise<FaithfulnessSummary> {
  const { classifier, variants, classes, out, settings, items } = options;
  const { graph, spec } = classifier;
  const plan = planMaps(variants, graph.layers.map(({ name }) => name));
  const { identity, network, photo } = variantPass(classifier, { ...settings, ...mapVariantOf(settings) }, plan);
  const maps = plan.mapsOf.map((index) => plan.maps[index]);
  const tests = testOptionsOf(settings);
  const fill = normalisedFill(spec, settings.fill);
  const sizes = [maps.length, columnsOf(tests).length] as const;
  // Most runs are of changed photographs, which have a batch of their own.
  return runImageBatch<FaithfulnessTask, FaithfulnessTimes, FaithfulnessSummary>({ ...options, batch: 1 }, {
    settings: (common) => ({ command: 'faithfulness', ...common, ...tests, fill, ...identity }),
    classes,
    network,
    folders: [RECORD_FOLDER],
    files: ({ id }) => ({ [RECORD_FOLDER]: recordPath(out, id) }),
    isWhole: async (_item, _folder, path) => decodeRecord(await readFile(path, 'utf8'), sizes) !== undefined,
    startPool: ({ choice, companion }, { workers, threads, tasksPerWorker, block }) => new WorkerPool<FaithfulnessTask, FaithfulnessResult>({
      worker: workerUrl('./faithfulness-worker.js', import.meta.url), threads: workers, tasksPerWorker, companion,
      data: {
        photo: photo({ batch: 1, block }), maps, names: variants.map(({ name }) => name),
        forward: shareBytes(serializeModel(buildActivationGraph(graph, []))),
        batch: takesBatches(graph) ? settings.batch : 1, tests, fill, runtime: choice, threads,
      } satisfies FaithfulnessWorkerData,
    }),
    taskOf: ({ id, imagePath }, { logits }) => ({ imagePath, logit: logits[0], recordPath: recordPath(out, id) }),
    stages: ['read', 'cam', 'tests', 'write'],
    finish: async (outcome) => {
      const { done, elsewhere } = await sharedProgress(outcome, items, options.shard);
      const { counts, failures, notes, interrupted, seconds, stages } = outcome;
      return {
        records: elsewhere > 0 ? [] : await readRecords(done, out, sizes), elsewhere,
        failures, notes, counts: { measured: counts.done, resumed: counts.resumed, failed: counts.failed, left: counts.left },
        interrupted, seconds: Number(seconds.toFixed(2)), stages,
      };
    },
  });
}

/** A colour as the network sees it, in its channel order. */
function normalisedFill({ channelOrder, scale, mean, std }: ModelSpec, colour: readonly number[]): number[] {
  const ordered = channelOrder === 'rgb' ? colour : [...colour].reverse();
  return ordered.map((value, channel) => (value * scale - mean[channel]) / std[channel]);
}

async function readRecords(
  items: readonly DataItem[], out: string, sizes: readonly [variants: number, columns: number],
): Promise<FaithfulnessSummary['records']> {
  const records: { id: string; record: ImageRecord }[] = [];
  for (const { id } of items) {
    const record = decodeRecord(await readFile(recordPath(out, id), 'utf8'), sizes);
    if (record === undefined) throw new UserError(`the record ${recordPath(out, id)} was changed during the run`, 'run the same command again to make it again');
    records.push({ id, record });
  }
  return records;
}
