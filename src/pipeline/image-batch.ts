import { dirname } from 'node:path';
import type { LoadedClassifier } from '../classifier/load.js';
import { workerMemory } from '../classifier/memory.js';
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
import { machineLimits, planWorkers } from '../jobs/workers/worker-plan.js';
import type { WorkerPlan } from '../jobs/workers/worker-plan.js';
import { formatInputSize, networkSize } from '../image/input-size.js';
import type { InputSize } from '../image/input-size.js';
import { openRuntime } from '../runtime/open.js';
import type { OpenedRuntime, RuntimeChoice } from '../runtime/open.js';
import type { Size } from '../size.js';
import type { LabelSource } from '../voc/labels/source.js';
import type { VocItem } from '../voc/splits.js';
import { imageClasses, vocLogits } from './image-classes.js';
import type { ImageClasses } from './image-classes.js';

/** What every batch of images takes. */
export interface BatchOptions {
  readonly classifier: LoadedClassifier;
  /** The images to work on, all of them on disk. */
  readonly items: readonly VocItem[];
  readonly labels: LabelSource;
  readonly out: string;
  /** Files and folders that are read, beside those of `items`: `out` may be none of them. */
  readonly inputs?: readonly string[];
  /** Go on where an earlier run in `out` stopped. */
  readonly resume: boolean;
  /** Work only on this part of the images. */
  readonly shard?: Shard;
  /** The array task that works on the shard; the journal keeps it for the next run. */
  readonly task?: ArrayTask;
  /** Worker threads, each with a session of its own, and threads within each; by the machine's processors and memory unless given. */
  readonly workers?: number;
  readonly threads?: number;
  /** What runs the network; chosen by what the machine has unless given. */
  readonly runtime?: RuntimeChoice;
  /** Once aborted, nothing new is begun; images under way are finished. */
  readonly signal?: AbortSignal;
  /** Called with what runs the network, for people. */
  readonly onRuntime?: (description: string) => void;
  /**
   * Called before the first image, with the number of images to do, of those done by an earlier run, and of those that an
   * earlier run had done but whose files are missing or damaged now.
   */
  readonly onStart?: (total: number, resumed: number, remade: number) => void;
  readonly onProgress?: (done: number) => void;
}

/** What became of an image. `Times`: milliseconds of one worker by stage. */
export type ImageResult<Times>
  = | { readonly status: 'done'; readonly notes?: readonly string[]; readonly files: NonNullable<JournalEntry['files']>; readonly times: Times }
    | { readonly status: 'failed'; readonly reason: string };

/** What a batch does with its images. */
export interface BatchWork<Task, Times, Summary> {
  /**
   * Everything that results depend on.
   *
   * @param common what every batch has: classifier, labels, input size
   */
  readonly settings: (common: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;
  /** How photographs come to the network, for the room that a worker takes. */
  readonly network: { readonly inputSize: InputSize; readonly maxPixels: number; readonly scales: readonly number[] };
  /** The folders in `out` of the images' files; other folders that are made; paths of other files that are written. */
  readonly folders: readonly string[];
  readonly otherFolders?: readonly string[];
  readonly otherFiles?: readonly string[];
  /** The files of an image that is done, by folder. */
  readonly files: (item: VocItem, entry: JournalEntry) => Readonly<Record<string, string>>;
  /** Whether a file of which no stamp is known is complete. False or an error: it is made again. */
  readonly isWhole: (item: VocItem, folder: string, path: string) => Promise<boolean>;
  readonly startPool: (runtime: RuntimeChoice, plan: WorkerPlan) => WorkerPool<Task, ImageResult<Times>>;
  readonly taskOf: (item: VocItem, classes: ImageClasses) => Task;
  /** The stages of an image, in the order of the summary. */
  readonly stages: readonly (keyof Times & string)[];
  /** Called at the end, also after an interruption, while the folder and the journal are held. */
  readonly finish: (outcome: BatchOutcome<Times>) => Promise<Summary>;
}

/** What a batch has come to. */
export interface BatchOutcome<Times> {
  readonly journal: Journal;
  /** What the results depend on, as the journal holds it. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The images of the shard. */
  readonly items: readonly VocItem[];
  readonly runtime: OpenedRuntime;
  readonly plan: WorkerPlan;
  readonly started: Date;
  readonly seconds: number;
  /** Images done now, done by earlier runs, failed, and not begun. */
  readonly counts: { readonly done: number; readonly resumed: number; readonly failed: number; readonly left: number };
  readonly failures: readonly { readonly id: string; readonly reason: string }[];
  readonly notes: readonly { readonly id: string; readonly notes: readonly string[] }[];
  /** Images that an earlier run had done, but whose files were missing or damaged: they were to be made again. */
  readonly remade: readonly string[];
  readonly interrupted: boolean;
  /** The mean time of an image in each stage, in milliseconds of one worker. */
  readonly stages: Times;
}

/**
 * Works through photographs with worker threads. Workers take whole images; decoding of the next and writing of the last
 * overlap with computing.
 *
 * An image that fails is recorded with its reason and the batch goes on. A journal in the output folder lets an interrupted run
 * resume; shards of one run share the folder.
 *
 * @throws UserError if nothing can be done at all: a model without VOC classes, a folder with other settings' results
 */
export async function runImageBatch<Task, Times extends Readonly<Record<keyof Times, number>>, Summary>(
  options: BatchOptions, work: BatchWork<Task, Times, Summary>,
): Promise<Summary> {
  const { classifier, items, labels, out, resume, shard, signal } = options;
  const { folders, network, stages } = work;
  const logitOf = vocLogits(classifier);
  const settings = work.settings({
    inputSize: formatInputSize(network.inputSize), model: await hashFile(classifier.path), ...classifier.spec, labels: labels.name,
  });
  await refuseInputs({
    out, folders, files: work.otherFiles, inputs: options.inputs ?? [],
    inputFolders: [...new Set(items.flatMap(({ imagePath, maskPath }) => [dirname(imagePath), dirname(maskPath)]))],
  });
  const journal = await Journal.open(out, settings, shardPart(shard), resume, folders, options.task);
  let place: OutFolder | undefined;
  let pool: WorkerPool<Task, ImageResult<Times>> | undefined;
  try {
    place = await OutFolder.open(out, [...folders, ...work.otherFolders ?? []]);
    const runtime = await openRuntime(options.runtime);
    options.onRuntime?.(runtime.description);
    const plan = workersFor(classifier, network, options, runtime.accelerated);
    const started = new Date();
    const mine = shard === undefined ? items : itemsOfShard(items, shard);
    const { open, remade } = resume
      ? await openItems({ items: mine, journal, files: work.files, isWhole: work.isWhole })
      : { open: mine, remade: [] };
    const resumed = mine.length - open.length;
    options.onStart?.(open.length, resumed, remade.length);
    if (open.length > 0) pool = work.startPool(runtime.choice, { ...plan, workers: Math.min(plan.workers, open.length) });
    const tally = new Tally(stages);
    await runBatch(open, {
      concurrency: 2 * plan.workers + 1,
      signal,
      run: async (item): Promise<ImageResult<Times>> => {
        const classes = await imageClasses(item, labels, logitOf);
        return 'reason' in classes ? { status: 'failed', reason: classes.reason } : pool!.run(work.taskOf(item, classes));
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

/** A photograph of VOC's usual size, [height, width]. */
const USUAL: Size = [375, 500];

/** How many workers and threads there are to be: those that are wanted, or as many as the machine has room for. */
function workersFor(
  { graph }: LoadedClassifier, { inputSize, maxPixels, scales }: BatchWork<unknown, unknown, unknown>['network'], wanted: Partial<WorkerPlan>,
  accelerated: boolean,
): WorkerPlan {
  const { size } = networkSize(USUAL, inputSize, maxPixels, Math.max(...scales));
  return planWorkers(wanted, { ...machineLimits(workerMemory(graph, size)), accelerated });
}

function entryOf(id: string, result: ImageResult<unknown>): JournalEntry {
  if (result.status === 'failed') return { id, status: 'failed', reason: result.reason };
  const { notes = [], files } = result;
  return notes.length === 0 ? { id, status: 'done', files } : { id, status: 'done', notes, files };
}

/** Adds up what became of the images. */
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
