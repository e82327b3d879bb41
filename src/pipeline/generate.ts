import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { workerMemory } from '../classifier/memory.js';
import { chooseLayers } from '../cam/layer-choice.js';
import type { LoadedClassifier } from '../classifier/load.js';
import type { SeedSettings } from '../settings/cam.js';
import { messageOf, UserError } from '../errors.js';
import { formatInputSize, networkSize, parseInputSize } from '../image/input-size.js';
import type { InputSize } from '../image/input-size.js';
import { machineLimits, planWorkers } from '../jobs/workers/worker-plan.js';
import type { WorkerPlan } from '../jobs/workers/worker-plan.js';
import type { ArrayTask } from '../jobs/journal/array-task.js';
import { runBatch } from '../jobs/workers/batch.js';
import { writeFileAtomic } from '../jobs/files/atomic.js';
import { hashFile } from '../jobs/files/hash.js';
import type { JournalEntry } from '../jobs/journal/journal.js';
import { Journal } from '../jobs/journal/journal.js';
import { OutFolder } from '../jobs/files/out-folder.js';
import { refuseInputs } from '../jobs/journal/own-folder.js';
import { openItems } from '../jobs/journal/resume.js';
import type { Shard } from '../jobs/journal/shard.js';
import { itemsOfShard, shardPart } from '../jobs/journal/shard.js';
import type { Size } from '../size.js';
import { packageVersion } from '../package.js';
import { openRuntime } from '../runtime/open.js';
import type { RuntimeChoice } from '../runtime/open.js';
import { classIndex, className } from '../voc/classes.js';
import type { LabelSource } from '../voc/labels/source.js';
import type { MaskFormat } from '../voc/masks.js';
import type { VocItem } from '../voc/splits.js';
import { startSeedPool } from './pool.js';
import type { SeedPool } from './pool.js';
import { isWholeSeedFile, recordedFiles, SEED_FOLDER, seedFiles, seedFolders } from './seed-files.js';
import type { SeedResult, SeedTask, StageTimes } from './seed-worker.js';

/** Everything that {@link generateSeeds} needs. */
export interface GenerateOptions {
  readonly classifier: LoadedClassifier;
  readonly settings: SeedSettings;
  /** The images to work on, all of them on disk. */
  readonly items: readonly VocItem[];
  /** Images of the split that are not on disk. */
  readonly missing: readonly VocItem[];
  readonly labels: LabelSource;
  /** The name of the split, for the list of ids that were written. */
  readonly split: string;
  /** All images of the split, where `items` is only a part of it: the list names every one that is done. */
  readonly splitItems?: readonly VocItem[];
  readonly out: string;
  /** Files and folders that are read, beside those of `items`: `out` may be none of them. */
  readonly inputs?: readonly string[];
  readonly format: MaskFormat;
  readonly saveCams: boolean;
  /** Write the seeds that there would be without refiners, too. */
  readonly saveUnrefined?: boolean;
  readonly resume: boolean;
  readonly shard?: Shard;
  /** The array task that works on the shard; the journal keeps it for the next run. */
  readonly task?: ArrayTask;
  /** Worker threads, each with a session of its own, and threads within each; by the machine's processors and memory unless given. */
  readonly workers?: number;
  readonly threads?: number;
  /** What runs the CAM program; chosen by what the machine has unless given. */
  readonly runtime?: RuntimeChoice;
  /** More to put down in run.json, such as the command. */
  readonly record?: Readonly<Record<string, unknown>>;
  readonly stopped?: () => boolean;
  /** Called with what runs the CAM program, for people. */
  readonly onRuntime?: (description: string) => void;
  /**
   * Called before the first image, with the number of images to do, of those done by an earlier run, and of those that an
   * earlier run had done but whose files are missing or damaged now.
   */
  readonly onStart?: (total: number, resumed: number, remade: number) => void;
  readonly onProgress?: (done: number) => void;
}

/** What a run has done; the same goes into run.json. */
export interface GenerateSummary {
  readonly out: string;
  readonly counts: {
    /** Images written now, and images that an earlier run with the same settings had written. */
    readonly written: number;
    readonly resumed: number;
    readonly failed: number;
    readonly missing: number;
    readonly left: number;
  };
  readonly failures: readonly { readonly id: string; readonly reason: string }[];
  readonly notes: readonly { readonly id: string; readonly notes: readonly string[] }[];
  readonly missing: readonly string[];
  /** Images that an earlier run had done, but whose files were missing or damaged: they were to be made again. */
  readonly remade: readonly string[];
  readonly interrupted: boolean;
  readonly seconds: number;
  readonly imagesPerSecond: number;
  /** The mean time of an image in each stage, in milliseconds of one worker. */
  readonly stages: StageTimes;
}

/**
 * Makes seeds for a list of photographs: maps of each image's own classes, fused, thresholded, and written as VOC
 * label PNGs. Workers take whole images; decoding of the next and writing of the last overlap with computing.
 *
 * An image that fails is recorded with its reason and the batch goes on. Results are written under a temporary name and
 * renamed; a journal in the output folder lets an interrupted run resume.
 *
 * @throws UserError where nothing can be done at all: a model without VOC classes, a folder with other settings' results
 */
export async function generateSeeds(options: GenerateOptions): Promise<GenerateSummary> {
  const { classifier, settings, out, shard } = options;
  const logitOf = vocLogits(classifier);
  const inputSize = inputSizeFor(classifier, settings);
  const chosen = chooseLayers(classifier.graph, settings.layers, settings.method);
  const modelHash = await hashFile(classifier.path);
  const part = shardPart(shard);
  const fixed = {
    ...settings, inputSize: formatInputSize(inputSize), layers: chosen.names, model: modelHash,
    ...classifier.spec, labels: options.labels.name, png: options.format, cams: options.saveCams,
    // Not named where it is not asked for: runs of earlier versions can be resumed.
    ...options.saveUnrefined === true && { unrefined: true },
  };
  const folders = seedFolders(options);
  await refuseInputs({
    out, folders, files: [listPath(options), join(out, 'run.json')],
    inputs: options.inputs ?? [],
    inputFolders: [...new Set(options.items.flatMap(({ imagePath, maskPath }) => [dirname(imagePath), dirname(maskPath)]))],
  });
  const journal = await Journal.open(out, fixed, part, options.resume, folders, options.task);
  let place: OutFolder | undefined;
  let pool: SeedPool | undefined;
  try {
    place = await OutFolder.open(out, [...folders, LIST_FOLDER]);
    const opened = await openRuntime(options.runtime);
    options.onRuntime?.(opened.description);
    const { workers, threads } = workersFor(classifier, settings, inputSize, options, opened.accelerated);
    const started = new Date();
    const tally = new Tally();
    const mine = shard === undefined ? options.items : itemsOfShard(options.items, shard);
    const { open, remade } = options.resume
      ? await openItems({ items: mine, journal, files: (_, entry) => recordedFiles(out, entry, options), isWhole: isWholeSeedFile })
      : { open: mine, remade: [] };
    const resumed = mine.length - open.length;
    options.onStart?.(open.length, resumed, remade.length);
    const used = Math.min(workers, open.length);
    if (used > 0) pool = startSeedPool({
      classifier, chosen, settings, inputSize, format: options.format, runtime: opened.choice, workers: used, threads,
    });
    let ended = 0;
    await runBatch(open, {
      concurrency: 2 * workers + 1,
      stopped: options.stopped,
      run: async (item): Promise<SeedResult> => {
        const task = await taskOf(item, options.labels, logitOf);
        if ('reason' in task) return { status: 'failed', reason: task.reason };
        return pool!.run({ ...task, imagePath: item.imagePath, files: seedFiles(out, item.id, options) });
      },
      done: async (item, result) => {
        await place?.check();
        tally.add(item.id, result);
        await journal.record(entryOf(item.id, result));
        ended++;
        options.onProgress?.(ended);
      },
    });
    await place.check();
    await requireSeeds(out, mine, journal);
    const summary = tally.summary(options, { resumed, remade }, open.length - ended, (Date.now() - started.getTime()) / 1000);
    await writeList(options, journal);
    await writeFileAtomic(join(out, part === '' ? 'run.json' : `run-${part}.json`), `${JSON.stringify({
      ...options.record,
      settings: fixed,
      modelPath: classifier.path,
      runtime: opened.description,
      versions: { 'node': process.version, [opened.runtime.name]: opened.runtime.version, 'voc-seeds': packageVersion() },
      split: options.split, shard: shard ?? null, workers, threads,
      started: started.toISOString(), finished: new Date().toISOString(),
      ...summary,
      // Of earlier runs too, which this one has resumed.
      notes: journal.entries.flatMap(({ id, status, notes }) => (status === 'done' && notes ? [{ id, notes }] : [])),
    }, null, 2)}\n`);
    return summary;
  } finally {
    await pool?.destroy();
    await place?.close();
    await journal.close();
  }
}

/** The logit of each VOC class that the classifier knows. */
export function vocLogits({ spec, path }: LoadedClassifier): Map<number, number> {
  const logits = new Map<number, number>();
  spec.classes.forEach((name, logit) => {
    const index = classIndex(name);
    if (index !== undefined) logits.set(index, logit);
  });
  if (logits.size === 0) {
    throw new UserError(
      `none of the ${spec.classes.length} classes of ${path} is a VOC class (they begin with ${spec.classes.slice(0, 3).join(', ')})`,
      'seeds need a classifier of the VOC classes: \'voc-seeds train --mode head\' makes one from an ImageNet model',
    );
  }
  return logits;
}

/** A photograph of VOC's usual size, [height, width]. */
const USUAL: Size = [375, 500];

/** How many workers and threads there are to be: those that are wanted, or as many as the machine has room for. */
export function workersFor(
  { graph }: LoadedClassifier, { scales, maxPixels }: Pick<SeedSettings, 'scales' | 'maxPixels'>, inputSize: InputSize, wanted: Partial<WorkerPlan>,
  accelerated: boolean,
): WorkerPlan {
  const { size } = networkSize(USUAL, inputSize, maxPixels, Math.max(...scales));
  return planWorkers(wanted, { ...machineLimits(workerMemory(graph, size)), accelerated });
}

/**
 * The input size to use: a network of fixed size takes no other.
 *
 * @throws UserError where several scales are asked of such a network
 */
export function inputSizeFor({ graph, path }: LoadedClassifier, { inputSize, scales }: Pick<SeedSettings, 'inputSize' | 'scales'>): InputSize {
  if (graph.input.fixedSize !== undefined && scales.some((scale) => scale !== 1)) {
    throw new UserError(`${path} works at ${graph.input.fixedSize.join('x')} pixels only, so there are no other scales`, 'leave out --scales, or export the model with free height and width');
  }
  return graph.input.fixedSize === undefined ? parseInputSize(inputSize) : { kind: 'fixed', size: graph.input.fixedSize };
}

/** The classes of an image and their logits, or the reason why it cannot be worked on. */
export async function taskOf(
  item: VocItem, source: LabelSource, logitOf: ReadonlyMap<number, number>,
): Promise<Pick<SeedTask, 'labels' | 'logits'> | { readonly reason: string }> {
  try {
    const labels = await source.labels(item);
    const unknown = labels.filter((label) => !logitOf.has(label));
    if (unknown.length > 0) return { reason: `the classifier has no class ${unknown.map(className).join(', ')}` };
    return { labels, logits: labels.map((label) => logitOf.get(label)!) };
  } catch (error) {
    return { reason: messageOf(error) };
  }
}

function entryOf(id: string, result: SeedResult): JournalEntry {
  if (result.status === 'failed') return { id, status: 'failed', reason: result.reason };
  const { notes, files } = result;
  return notes.length === 0 ? { id, status: 'done', files } : { id, status: 'done', notes, files };
}

const LIST_FOLDER = 'ImageSets';

function listPath({ out, split }: GenerateOptions): string {
  return join(out, LIST_FOLDER, `${split}.txt`);
}

/** @throws UserError if seeds that are done have been removed while the run was under way */
async function requireSeeds(out: string, items: readonly VocItem[], journal: Journal): Promise<void> {
  const names = new Set(await readdir(join(out, SEED_FOLDER)));
  const lost = items.filter(({ id }) => journal.isDone(id) && !names.has(`${id}.png`));
  if (lost.length === 0) return;
  throw new UserError(`${lost.length} seeds in ${join(out, SEED_FOLDER)} were removed while the run was under way, the first being ${lost[0].id}.png`, 'the same command makes them again');
}

/** Writes the ids that are done, in the order of the split, also those of other shards. */
async function writeList(options: GenerateOptions, journal: Journal): Promise<void> {
  const { items, splitItems = items } = options;
  await journal.refresh();
  // A shard that ended while this one was writing has written its own list before or after: look once more.
  do {
    const ids = splitItems.map(({ id }) => id).filter((id) => journal.isDone(id));
    await writeFileAtomic(listPath(options), ids.map((id) => `${id}\n`).join(''));
  } while (await journal.refresh());
}

/** Adds up what became of the images. */
class Tally {
  private written = 0;
  private readonly failures: { id: string; reason: string }[] = [];
  private readonly notes: { id: string; notes: readonly string[] }[] = [];
  private readonly times = { read: 0, cam: 0, seeds: 0, write: 0 };

  add(id: string, result: SeedResult): void {
    if (result.status === 'failed') {
      this.failures.push({ id, reason: result.reason });
      return;
    }
    this.written++;
    if (result.notes.length > 0) this.notes.push({ id, notes: result.notes });
    for (const stage of Object.keys(this.times) as (keyof StageTimes)[]) this.times[stage] += result.times[stage];
  }

  summary(
    { out, missing, stopped }: GenerateOptions, { resumed, remade }: { readonly resumed: number; readonly remade: readonly string[] },
    left: number, seconds: number,
  ): GenerateSummary {
    const mean = (total: number): number => Number((total / Math.max(1, this.written)).toFixed(2));
    return {
      out,
      counts: { written: this.written, resumed, failed: this.failures.length, missing: missing.length, left },
      failures: this.failures, notes: this.notes, missing: missing.map(({ id }) => id), remade,
      interrupted: stopped?.() === true && left > 0,
      seconds: Number(seconds.toFixed(2)),
      imagesPerSecond: Number((this.written / Math.max(seconds, 1e-3)).toFixed(2)),
      stages: { read: mean(this.times.read), cam: mean(this.times.cam), seeds: mean(this.times.seeds), write: mean(this.times.write) },
    };
  }
}
