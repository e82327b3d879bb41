import { dirname } from 'node:path';
import { readFile } from 'node:fs/promises';
import { inputSizeFor } from '../classifier/input-size.js';
import type { LoadedClassifier } from '../classifier/load.js';
import { workerMemory } from '../classifier/memory.js';
import { networkSize } from '../image/input-size.js';
import { hashFile } from '../jobs/files/hash.js';
import { OutFolder } from '../jobs/files/out-folder.js';
import { Journal } from '../jobs/journal/journal.js';
import { refuseInputs } from '../jobs/journal/own-folder.js';
import { openItems } from '../jobs/journal/resume.js';
import { runBatch } from '../jobs/workers/batch.js';
import { WorkerPool } from '../jobs/workers/pool.js';
import { machineLimits, planWorkers } from '../jobs/workers/worker-plan.js';
import { workerUrl } from '../jobs/workers/worker-url.js';
import { chooseLayers } from '../cam/layer-choice.js';
import { PhotoCam } from '../pipeline/photo-cam.js';
import type { PhotoCamSettings } from '../pipeline/photo-cam.js';
import { openRuntime } from '../runtime/open.js';
import type { RuntimeChoice } from '../runtime/open.js';
import type { LocalizeItem } from './items.js';
import type { LocalizeResult, LocalizeTask, LocalizeTimes, LocalizeWorkerData } from './localize-worker.js';
import { decodeRecord, RECORD_FOLDER, recordPath } from './record.js';

/** How maps become boxes, in addition to the settings of maps. */
export interface LocalizeOptions {
  readonly classifier: LoadedClassifier;
  /** The settings of maps. */
  readonly settings: Omit<PhotoCamSettings, 'background'>;
  readonly items: readonly LocalizeItem[];
  /** Identifies the true boxes and the logits of their classes: records of others are not mixed. */
  readonly truths: string;
  /** How many of the most likely classes get boxes, in addition to the true classes. */
  readonly top: number;
  /** The thresholds are 0, 1/n, 2/n, ... */
  readonly thresholds: number;
  readonly out: string;
  /** Files that are read, and those that are written beside the records. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Continue an earlier run in `out`. */
  readonly resume: boolean;
  readonly workers?: number;
  readonly threads?: number;
  readonly runtime?: RuntimeChoice;
  /** When aborted, no new image is started; images in progress are finished. */
  readonly signal?: AbortSignal;
  readonly onRuntime?: (description: string) => void;
  readonly onStart?: (total: number, resumed: number, remade: number) => void;
  readonly onProgress?: (done: number) => void;
}

/** The result of a run. */
export interface LocalizePass {
  /** Images that have a record now. */
  readonly done: readonly LocalizeItem[];
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
  const { classifier, items, top, thresholds, out, resume, signal, threads, workers } = options;
  const settings: PhotoCamSettings = { ...options.settings, background: 'constant' };
  const { names } = chooseLayers(classifier.graph, settings.layers, settings.method);
  const photo = PhotoCam.plan(classifier, settings);
  await refuseInputs({
    out, folders: [RECORD_FOLDER], files: options.outputs, inputs: options.inputs,
    inputFolders: [...new Set(items.map(({ imagePath }) => dirname(imagePath)))],
  });
  const journal = await Journal.open(out, {
    command: 'localize', ...options.settings, layers: names, model: await hashFile(classifier.path), ...classifier.spec,
    top, thresholds, truths: options.truths,
  }, '', resume, [RECORD_FOLDER]);
  const filesOf = ({ id }: LocalizeItem): Record<string, string> => ({ [RECORD_FOLDER]: recordPath(out, id) });
  let place: OutFolder | undefined;
  let pool: WorkerPool<LocalizeTask, LocalizeResult> | undefined;
  try {
    place = await OutFolder.open(out, [RECORD_FOLDER]);
    const runtime = await openRuntime(options.runtime);
    options.onRuntime?.(runtime.description);
    const { size } = networkSize(USUAL, inputSizeFor(classifier, settings), settings.maxPixels, Math.max(...settings.scales));
    const plan = planWorkers({ workers, threads }, { ...machineLimits(workerMemory(classifier.graph, size)), accelerated: runtime.accelerated });
    const { open, remade } = resume ? await openItems({ items, journal, files: filesOf, isWhole }) : { open: items, remade: [] };
    options.onStart?.(open.length, items.length - open.length, remade.length);
    if (open.length > 0) {
      pool = new WorkerPool<LocalizeTask, LocalizeResult>({
        // Two tasks per worker: one computes while the next is decoded.
        worker: workerUrl('./localize-worker.js', import.meta.url), threads: Math.min(plan.workers, open.length), tasksPerWorker: 2,
        data: {
          photo, runtime: runtime.choice, threads: plan.threads, top: Math.min(top, classifier.spec.classes.length), steps: thresholds,
        } satisfies LocalizeWorkerData,
      });
    }
    const started = Date.now();
    const failures: { id: string; reason: string }[] = [];
    const sums = { read: 0, cam: 0, maps: 0, boxes: 0, write: 0 };
    let measured = 0;
    await runBatch(open, {
      concurrency: 2 * plan.workers + 1,
      signal,
      run: ({ id, imagePath, truth: { width, height }, truths }) => pool!.run({ imagePath, width, height, truths, recordPath: recordPath(out, id) }),
      done: async ({ id }, result) => {
        await place?.check();
        if (result.status === 'failed') {
          failures.push({ id, reason: result.reason });
          await journal.record({ id, status: 'failed', reason: result.reason });
        } else {
          measured++;
          for (const stage of STAGES) sums[stage] += result.times[stage];
          await journal.record({ id, status: 'done', files: result.files, ...result.notes.length > 0 && { notes: result.notes } });
        }
        options.onProgress?.(measured + failures.length);
      },
    });
    const left = open.length - measured - failures.length;
    const own = new Set(items.map(({ id }) => id));
    return {
      done: items.filter(({ id }) => journal.isDone(id)), failures,
      notes: journal.entries.flatMap(({ id, status, notes }) => (status === 'done' && notes !== undefined && own.has(id) ? [{ id, notes }] : [])),
      counts: { measured, resumed: items.length - open.length, failed: failures.length, left },
      interrupted: signal?.aborted === true && left > 0, runtime: runtime.description,
      seconds: Number(((Date.now() - started) / 1000).toFixed(2)),
      stages: meansOf(sums, measured),
    };
  } finally {
    await pool?.destroy();
    await place?.close();
    await journal.close();
  }
}

function meansOf(sums: LocalizeTimes, count: number): LocalizeTimes {
  const mean = (sum: number): number => Number((sum / Math.max(1, count)).toFixed(2));
  return { read: mean(sums.read), cam: mean(sums.cam), maps: mean(sums.maps), boxes: mean(sums.boxes), write: mean(sums.write) };
}

async function isWhole(_item: LocalizeItem, _folder: string, path: string): Promise<boolean> {
  return decodeRecord(await readFile(path)).maps.length > 0;
}

const STAGES = ['read', 'cam', 'maps', 'boxes', 'write'] as const;

/** A usual size of photographs, [height, width], to estimate the memory of a worker. */
const USUAL = [375, 500] as const;
