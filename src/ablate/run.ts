import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LoadedClassifier } from '../classifier/load.js';
import { prepareCam } from '../cam/plan.js';
import type { AblateConfig } from '../settings/ablate.js';
import { formatInputSize } from '../image/input-size.js';
import type { InputSize } from '../image/input-size.js';
import type { ArrayTask } from '../jobs/journal/array-task.js';
import { runBatch } from '../jobs/workers/batch.js';
import { hashFile } from '../jobs/files/hash.js';
import { Journal } from '../jobs/journal/journal.js';
import type { WorkerPlan } from '../jobs/workers/worker-plan.js';
import { OutFolder } from '../jobs/files/out-folder.js';
import { refuseInputs } from '../jobs/journal/own-folder.js';
import { WorkerPool } from '../jobs/workers/pool.js';
import { openItems } from '../jobs/journal/resume.js';
import { itemsOfShard, shardPart } from '../jobs/journal/shard.js';
import type { Shard } from '../jobs/journal/shard.js';
import { workerUrl } from '../jobs/workers/worker-url.js';
import { openRuntime } from '../runtime/open.js';
import type { RuntimeChoice } from '../runtime/open.js';
import { inputSizeFor, workersFor, taskOf, vocLogits } from '../pipeline/generate.js';
import type { LabelSource } from '../voc/labels/source.js';
import type { RgbMasks } from '../voc/masks.js';
import type { VocItem } from '../voc/splits.js';
import type { AblateResult, AblateTask, AblateTimes, AblateWorkerData } from './ablate-worker.js';
import { decodeRecord } from './record.js';
import type { AblationWork, Parameters } from './work.js';

/** The settings of the pass that all variants share. */
export type PassSettings = Pick<AblateConfig, 'target' | 'scoreCamTopK' | 'scoreCamBatch' | 'inputSize' | 'maxPixels'>;

/** Everything that {@link runPass} needs. */
export interface PassOptions {
  readonly classifier: LoadedClassifier;
  readonly settings: PassSettings;
  readonly work: AblationWork;
  readonly parameters: Parameters;
  /** The images, each with a photograph and a mask on disk. */
  readonly items: readonly VocItem[];
  readonly labels: LabelSource;
  readonly rgbMasks?: RgbMasks;
  readonly out: string;
  /** Files and folders that are read, beside those of `items`: `out` may be none of them. */
  readonly inputs?: readonly string[];
  readonly resume: boolean;
  /** Measure only this part of the images, and the array task that does so. */
  readonly shard?: Shard;
  readonly task?: ArrayTask;
  /** What runs the network; the best that works here unless given. */
  readonly runtime?: RuntimeChoice;
  readonly workers?: number;
  readonly threads?: number;
  readonly stopped?: () => boolean;
  /**
   * Called before the first image, with the number of images to do, of those done by an earlier run, and of those that an
   * earlier run had done but whose records are missing or damaged now.
   */
  readonly onStart?: (total: number, resumed: number, remade: number) => void;
  readonly onProgress?: (done: number) => void;
  /** Called with the runtime that was opened. */
  readonly onRuntime?: (description: string) => void;
}

/** What a pass has done. */
export interface PassSummary {
  /** Images that have a record now, also those of other shards. */
  readonly done: readonly VocItem[];
  /** How many images other shards have not measured yet. */
  readonly elsewhere: number;
  readonly failures: readonly { readonly id: string; readonly reason: string }[];
  readonly counts: { readonly measured: number; readonly resumed: number; readonly failed: number; readonly left: number };
  /** Images that an earlier run had done, but whose records were missing or damaged: they were to be measured again. */
  readonly remade: readonly string[];
  readonly interrupted: boolean;
  readonly seconds: number;
  /** The mean time of an image in each stage, in milliseconds of one worker. */
  readonly stages: AblateTimes;
}

const RECORD_FOLDER = 'images';

/** Where the record of an image lies. */
export function recordPath(out: string, id: string): string {
  return join(out, RECORD_FOLDER, `${id}.bin`);
}

/**
 * Shows every image to the network once and counts its pixels for all variants. One small file per image holds the counts;
 * an interrupted pass resumes.
 *
 * @throws UserError where nothing can be done at all: a model without VOC classes, a folder with other settings' results
 */
export async function runPass(options: PassOptions): Promise<PassSummary> {
  const { classifier, work, parameters, items, out, settings: { target, scoreCamTopK, scoreCamBatch, maxPixels, inputSize: wantedSize } } = options;
  const logitOf = vocLogits(classifier);
  const scales = [...new Set(work.views.map(({ scale }) => scale))];
  const inputSize = inputSizeFor(classifier, { inputSize: wantedSize, scales });
  await refuseInputs({
    out, folders: [RECORD_FOLDER], inputs: options.inputs ?? [],
    inputFolders: [...new Set(items.flatMap(({ imagePath, maskPath }) => [dirname(imagePath), dirname(maskPath)]))],
  });
  const { shard } = options;
  const mine = shard === undefined ? items : itemsOfShard(items, shard);
  const journal = await Journal.open(out, {
    command: 'ablate', target, scoreCamTopK, scoreCamBatch, maxPixels, inputSize: formatInputSize(inputSize), model: await hashFile(classifier.path), ...classifier.spec,
    labels: options.labels.name, ...parameters,
    layers: work.layers, methods: work.methods, views: work.views, maps: work.maps, measures: work.measures,
  }, shardPart(shard), options.resume, [RECORD_FOLDER], options.task);
  const opened = await openRuntime(options.runtime);
  options.onRuntime?.(opened.description);
  const { workers, threads } = workersFor(classifier, { scales, maxPixels }, inputSize, options, opened.accelerated);
  const start = performance.now();
  const failures: { id: string; reason: string }[] = [];
  const times = { read: 0, cam: 0, variants: 0, write: 0 };
  let place: OutFolder | undefined;
  let pool: WorkerPool<AblateTask, AblateResult> | undefined;
  try {
    place = await OutFolder.open(out, [RECORD_FOLDER]);
    const { open, remade } = options.resume
      ? await openItems({
          items: mine, journal, files: ({ id }) => ({ [RECORD_FOLDER]: recordPath(out, id) }),
          isWhole: async (_item, _folder, path) => decodeRecord(await readFile(path)) !== undefined,
        })
      : { open: mine, remade: [] };
    options.onStart?.(open.length, mine.length - open.length, remade.length);
    if (open.length > 0) pool = startPool(options, inputSize, opened.choice, { workers: Math.min(workers, open.length), threads });
    const finished = new Set<string>();
    let ended = 0;
    await runBatch(open, {
      concurrency: 2 * workers + 1,
      stopped: options.stopped,
      run: async (item): Promise<AblateResult> => {
        const task = await taskOf(item, options.labels, logitOf);
        if ('reason' in task) return { status: 'failed', reason: task.reason };
        return pool!.run({ ...task, imagePath: item.imagePath, maskPath: item.maskPath, recordPath: recordPath(out, item.id) });
      },
      done: async ({ id }, result) => {
        await place?.check();
        if (result.status === 'failed') failures.push({ id, reason: result.reason });
        else {
          finished.add(id);
          for (const stage of Object.keys(times) as (keyof AblateTimes)[]) times[stage] += result.times[stage];
        }
        await journal.record(result.status === 'failed' ? { id, status: 'failed', reason: result.reason } : { id, status: 'done', files: { [RECORD_FOLDER]: result.stamp } });
        options.onProgress?.(++ended);
      },
    });
    await place.check();
    if (shard !== undefined) await journal.refresh();
    const done = items.filter(({ id }) => journal.isDone(id));
    const own = new Set(mine.map(({ id }) => id));
    const mean = (total: number): number => Number((total / Math.max(1, finished.size)).toFixed(2));
    return {
      done, elsewhere: items.filter(({ id }) => !own.has(id) && !journal.isDone(id)).length,
      failures,
      counts: { measured: finished.size, resumed: mine.length - open.length, failed: failures.length, left: open.length - ended },
      remade,
      interrupted: options.stopped?.() === true && ended < open.length,
      seconds: Number(((performance.now() - start) / 1000).toFixed(2)),
      stages: { read: mean(times.read), cam: mean(times.cam), variants: mean(times.variants), write: mean(times.write) },
    };
  } finally {
    await pool?.destroy();
    await place?.close();
    await journal.close();
  }
}

function startPool(
  { classifier: { graph, spec }, settings, work, parameters, rgbMasks }: PassOptions,
  inputSize: InputSize, runtime: RuntimeChoice, { workers, threads }: WorkerPlan,
): WorkerPool<AblateTask, AblateResult> {
  return new WorkerPool<AblateTask, AblateResult>({
    // Two tasks per worker: one computes, the next is decoded.
    worker: workerUrl('./ablate-worker.js', import.meta.url), threads: workers, tasksPerWorker: 2,
    data: {
      plan: prepareCam(graph, graph.resolveLayers(work.layers), {
        ...settings, methods: work.methods, picks: work.maps.flatMap(({ picks }) => picks),
      }),
      runtime, work, parameters, photo: { inputSize, maxPixels: settings.maxPixels, normalisation: spec }, rgbMasks, threads,
    } satisfies AblateWorkerData,
  });
}
