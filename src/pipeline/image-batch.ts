import { dirname } from 'node:path';
import type { LoadedClassifier } from '../classifier/load.js';
import type { Prototypes } from '../classifier/prototypes.js';
import type { NetworkGraph } from '../classifier/network.js';
import { WORKER_BASE, workerMemory } from '../classifier/memory.js';
import { hashFile } from '../jobs/files/hash.js';
import { OutFolder } from '../jobs/files/out-folder.js';
import type { ArrayTask } from '../jobs/journal/array-task.js';
import { Journal } from '../jobs/journal/journal.js';
import type { JournalEntry } from '../jobs/journal/journal.js';
import { refuseInputs } from '../jobs/journal/own-folder.js';
import { openItems } from '../jobs/journal/resume.js';
import { itemsOfShard, shardPart } from '../jobs/journal/shard.js';
import type { Shard } from '../jobs/journal/shard.js';
import { runBatch } from '../jobs/workers/batch.js';
import type { WorkerPool } from '../jobs/workers/pool.js';
import { machineLimits, planWorkers, tasksPerWorker } from '../jobs/workers/worker-plan.js';
import type { WorkerPlan } from '../jobs/workers/worker-plan.js';
import { formatInputSize, networkSize } from '../image/input-size.js';
import type { InputSize } from '../image/input-size.js';
import { channelBlock } from '../runtime/blocked/channel-block.js';
import { openRuntime } from '../runtime/open.js';
import type { OpenedRuntime, RuntimeChoice } from '../runtime/open.js';
import { runtimeForPool } from '../runtime/shared/worker-runtime.js';
import type { PoolRuntime } from '../runtime/shared/worker-runtime.js';
import type { Size } from '../size.js';
import type { ClassSet } from '../datasets/classes/class-set.js';
import type { LabelSource } from '../datasets/labels/source.js';
import { filesOf } from '../datasets/splits.js';
import type { DataItem } from '../datasets/splits.js';
import type { ClassSource, ImageClasses } from './image-classes.js';

/** The network of a batch: results depend on its file and specification, memory on its graph. */
export interface BatchNetwork {
  readonly path: string;
  readonly spec: object;
  readonly graph: Pick<NetworkGraph, 'model' | 'input'>;
  readonly prototypes?: Pick<Prototypes, 'path' | 'hash'> | undefined;
}

/** The options of every batch of images. */
export interface BatchOptions<Network extends BatchNetwork = LoadedClassifier> {
  readonly classifier: Network;
  /** The images to process; all must be on disk. */
  readonly items: readonly DataItem[];
  readonly out: string;
  /** Other files and folders that are read, in addition to those of `items`; `out` must not be one of them. */
  readonly inputs?: readonly string[];
  /** Continue an earlier run in `out`. */
  readonly resume: boolean;
  /** Process only this part of the images. */
  readonly shard?: Shard;
  /** The array task that processes the shard; recorded in the journal for the next run. */
  readonly task?: ArrayTask;
  /** Worker threads, and threads within each; default: by the machine's processors and memory. */
  readonly workers?: number;
  readonly threads?: number;
  /** How many images of one size go to the network at once; default: 1, 8 with an accelerator. */
  readonly batch?: number;
  /** Whether one thread runs the network for all workers; default: with an accelerator. If not, each worker has its own session. */
  readonly share?: boolean;
  /** What runs the network; default: chosen by the machine's hardware. */
  readonly runtime?: RuntimeChoice;
  /** When aborted, no new image is started; images in progress are finished. */
  readonly signal?: AbortSignal;
  /** Called with a readable description of what runs the network. */
  readonly onRuntime?: (description: string) => void;
  /**
   * Called before the first image.
   *
   * @param total images to process
   * @param resumed images that earlier runs have done
   * @param remade images of earlier runs whose files are missing or damaged; they are made again
   */
  readonly onStart?: (total: number, resumed: number, remade: number) => void;
  readonly onProgress?: (done: number) => void;
}

/** The options of a batch whose images have classes of a set. */
export interface LabelledBatchOptions extends BatchOptions {
  readonly labels: LabelSource;
  /** The classes of labels, maps and seeds. Default: VOC. */
  readonly classes?: ClassSet;
}

/** The result of an image. `Times`: milliseconds of one worker by stage. */
export type ImageResult<Times>
  = | { readonly status: 'done'; readonly notes?: readonly string[]; readonly files: NonNullable<JournalEntry['files']>; readonly times: Times }
    | { readonly status: 'failed'; readonly reason: string };

/** The sizes of photographs at the network. */
export interface NetworkInput {
  readonly inputSize: InputSize;
  readonly maxPixels: number;
  readonly scales: readonly number[];
}

/** How a pool of workers is started. */
export interface PoolPlan extends WorkerPlan {
  readonly tasksPerWorker: number;
  /** See `channelBlock`. */
  readonly block: number | undefined;
}

/** What a batch does with its images. */
export interface BatchWork<Task, Times, Summary> {
  /**
   * Everything that results depend on.
   *
   * @param common the part that all batches share: classifier, classes, input size
   */
  readonly settings: (common: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;
  readonly classes: ClassSource;
  /** The sizes of photographs at the network, to estimate the memory of a worker. */
  readonly network: NetworkInput;
  /** Those of other sessions that a worker has at the same time. */
  readonly otherNetworks?: readonly NetworkInput[];
  /** The folders in `out` for files of images; other folders that are made; paths of other files that are written. */
  readonly folders: readonly string[];
  readonly otherFolders?: readonly string[];
  readonly otherFiles?: readonly string[];
  /** The files of an image that is done, by folder. */
  readonly files: (item: DataItem, entry: JournalEntry) => Readonly<Record<string, string>>;
  /** Whether a file without a recorded stamp is complete. If it returns false or throws, the file is made again. */
  readonly isWhole: (item: DataItem, folder: string, path: string) => Promise<boolean>;
  readonly startPool: (runtime: PoolRuntime, plan: PoolPlan) => WorkerPool<Task, ImageResult<Times>>;
  readonly taskOf: (item: DataItem, classes: ImageClasses) => Task;
  /** The stages of an image, in the order of the summary. */
  readonly stages: readonly (keyof Times & string)[];
  /** Called at the end, also after an interruption, while the folder and the journal are still locked. */
  readonly finish: (outcome: BatchOutcome<Times>) => Promise<Summary>;
}

/** The result of a batch. */
export interface BatchOutcome<Times> {
  readonly journal: Journal;
  /** What the results depend on, as recorded in the journal. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The images of the shard. */
  readonly items: readonly DataItem[];
  readonly runtime: OpenedRuntime;
  readonly plan: WorkerPlan;
  readonly started: Date;
  readonly seconds: number;
  /** Images done by this run, done by earlier runs, failed, and not started. */
  readonly counts: { readonly done: number; readonly resumed: number; readonly failed: number; readonly left: number };
  readonly failures: readonly { readonly id: string; readonly reason: string }[];
  readonly notes: readonly { readonly id: string; readonly notes: readonly string[] }[];
  /** Images of earlier runs that were made again because their files were missing or damaged. */
  readonly remade: readonly string[];
  readonly interrupted: boolean;
  /** The mean time of an image in each stage, in milliseconds of one worker. */
  readonly stages: Times;
}

/**
 * Processes photographs with worker threads, one image each; reading and writing overlap with computing.
 *
 * If an image fails, the reason is recorded and the batch continues. An interrupted run can be resumed from the journal in the
 * output folder. Shards of one run share the folder.
 *
 * @throws UserError if the run cannot start, for example if the folder contains results of other settings
 */
export async function runImageBatch<Task, Times extends Readonly<Record<keyof Times, number>>, Summary>(
  options: BatchOptions<BatchNetwork>, work: BatchWork<Task, Times, Summary>,
): Promise<Summary> {
  const { classifier, items, out, resume, shard, signal } = options;
  const { classes, folders, otherFolders = [], network, otherNetworks = [], stages } = work;
  const settings = work.settings({
    inputSize: formatInputSize(network.inputSize), model: await hashFile(classifier.path), ...classifier.spec, ...classes.settings,
    ...classifier.prototypes !== undefined && { prototypes: classifier.prototypes.hash },
  });
  await refuseInputs({
    out, folders, files: work.otherFiles,
    inputs: [...options.inputs ?? [], ...classifier.prototypes === undefined ? [] : [classifier.prototypes.path]],
    inputFolders: [...new Set(items.flatMap(filesOf).map((file) => dirname(file)))],
  });
  const journal = await Journal.open(out, settings, shardPart(shard), resume, [...folders, ...otherFolders], options.task);
  let place: OutFolder | undefined;
  let pool: WorkerPool<Task, ImageResult<Times>> | undefined;
  try {
    place = await OutFolder.open(out, [...folders, ...otherFolders]);
    const runtime = await openRuntime(options.runtime);
    options.onRuntime?.(runtime.description);
    const { accelerated } = runtime;
    const shared = options.share ?? accelerated;
    const plan = workersFor(classifier, [network, ...otherNetworks], options, { accelerated, shared });
    const started = new Date();
    const mine = shard === undefined ? items : itemsOfShard(items, shard);
    const { open, remade } = resume
      ? await openItems({ items: mine, journal, files: work.files, isWhole: work.isWhole })
      : { open: mine, remade: [] };
    const resumed = mine.length - open.length;
    options.onStart?.(open.length, resumed, remade.length);
    const tasks = tasksPerWorker(plan, shared);
    if (open.length > 0) {
      const workers = Math.min(plan.workers, open.length);
      pool = work.startPool(runtimeForPool(runtime, shared), { ...plan, workers, tasksPerWorker: tasks, block: await channelBlock(runtime.runtime) });
    }
    const tally = new Tally(stages);
    await runBatch(open, {
      concurrency: tasks * plan.workers + 1,
      signal,
      run: async (item): Promise<ImageResult<Times>> => {
        const own = await classes.classesOf(item);
        return 'reason' in own ? { status: 'failed', reason: own.reason } : pool!.run(work.taskOf(item, own));
      },
      done: async ({ id }, result) => {
        await place?.check();
        tally.add(id, result);
        await journal.record(entryOf(id, result));
        options.onProgress?.(tally.ended);
      },
    });
    await place.check();
    const left = open.length - tally.ended;
    return await work.finish({
      journal, settings, items: mine, runtime, plan, started, seconds: (Date.now() - started.getTime()) / 1000,
      counts: { done: tally.done, resumed, failed: tally.failures.length, left },
      failures: tally.failures, notes: tally.notes, remade, interrupted: signal?.aborted === true && left > 0, stages: tally.means(),
    });
  } finally {
    await pool?.destroy();
    await place?.close();
    await journal.close();
  }
}

/** What the shards of a batch have done together. */
export interface SharedProgress<T> {
  /** Images that are done now, also by other shards, in the order of the list. */
  readonly done: readonly T[];
  /** The number of images that other shards have not done yet. */
  readonly elsewhere: number;
}

/**
 * What all shards of a batch have done.
 *
 * @param items the images of all shards
 * @param shard that of this process; without one, there are no others
 */
export async function sharedProgress<T extends { readonly id: string }>(
  { journal, items: own }: Pick<BatchOutcome<unknown>, 'journal' | 'items'>, items: readonly T[], shard: Shard | undefined,
): Promise<SharedProgress<T>> {
  if (shard !== undefined) await journal.refresh();
  const done = items.filter(({ id }) => journal.isDone(id));
  return { done, elsewhere: items.length - new Set([...own, ...done].map(({ id }) => id)).size };
}

/** The usual size of VOC photographs, [height, width]. */
const USUAL: Size = [375, 500];

/** The number of workers and threads: those given, or as many as the machine has processors and memory for. */
function workersFor(
  { graph }: BatchNetwork, networks: readonly NetworkInput[], wanted: Partial<WorkerPlan>,
  { accelerated, shared }: { readonly accelerated: boolean; readonly shared: boolean },
): WorkerPlan {
  if (shared) return planWorkers(wanted, { ...machineLimits(WORKER_BASE), accelerated });
  const memory = networks.map(({ inputSize, maxPixels, scales }) => (
    workerMemory(graph, networkSize(USUAL, inputSize, maxPixels, Math.max(...scales)).size)));
  return planWorkers(wanted, { ...machineLimits(memory.reduce((sum, bytes) => sum + bytes)), accelerated });
}

function entryOf(id: string, result: ImageResult<unknown>): JournalEntry {
  if (result.status === 'failed') return { id, status: 'failed', reason: result.reason };
  const { notes = [], files } = result;
  return notes.length === 0 ? { id, status: 'done', files } : { id, status: 'done', notes, files };
}

/** Adds up the results of images. */
class Tally<Times extends Readonly<Record<keyof Times, number>>> {
  done = 0;
  readonly failures: { id: string; reason: string }[] = [];
  readonly notes: { id: string; notes: readonly string[] }[] = [];
  private readonly times: Map<keyof Times & string, number>;

  constructor(stages: readonly (keyof Times & string)[]) {
    this.times = new Map(stages.map((stage) => [stage, 0]));
  }

  get ended(): number {
    return this.done + this.failures.length;
  }

  add(id: string, result: ImageResult<Times>): void {
    if (result.status === 'failed') {
      this.failures.push({ id, reason: result.reason });
      return;
    }
    this.done++;
    const { notes = [], times } = result;
    if (notes.length > 0) this.notes.push({ id, notes });
    for (const [stage, sum] of this.times) this.times.set(stage, sum + times[stage]);
  }

  means(): Times {
    return Object.fromEntries([...this.times].map(([stage, sum]) => [stage, Number((sum / Math.max(1, this.done)).toFixed(2))])) as Times;
  }
}
