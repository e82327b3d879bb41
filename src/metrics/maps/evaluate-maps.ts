import { availableParallelism } from 'node:os';
import { UserError } from '../../errors.js';
import { runBatch } from '../../jobs/workers/batch.js';
import { WorkerPool } from '../../jobs/workers/pool.js';
import { workerUrl } from '../../jobs/workers/worker-url.js';
import { VOC } from '../../datasets/classes/voc.js';
import type { ConfusionMatrix } from '../confusion.js';
import type { PairFailure } from '../score-pairs.js';
import { meanIou } from '../mean-iou.js';
import type { KeyBase } from './map-sweep.js';
import { MapSweep } from './map-sweep.js';
import type { MapsTask } from './maps-worker.js';
import { scoreMapFiles, type MapPair, type MapScores, type ScoreMapsOptions } from './score-maps.js';

/** Options of {@link evaluateMaps}. */
export interface EvaluateMapsOptions extends ScoreMapsOptions {
  /** The first class index; `auto` compares the keys with the classes of the whole list. */
  readonly keys: KeyBase | 'auto';
  /** Worker threads, one per processor by default. With 1 the calling thread does the work. */
  readonly workers?: number;
  /** Once aborted, no more maps are read, and its reason is thrown. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number) => void;
}

/** The score at one threshold. */
export interface CurvePoint {
  readonly threshold: number;
  /** 0..1 */
  readonly meanIou: number;
}

/** The scores of maps at every threshold. */
export interface MapsResult extends Pick<MapScores, 'scored' | 'failures' | 'resized' | 'aboveOne' | 'arrays'> {
  /** The first class index that was assumed; `undefined` if no file has a key. */
  readonly keyBase: KeyBase | undefined;
  /** Images whose keys are not their classes. */
  readonly mismatches: readonly string[];
  readonly curve: readonly CurvePoint[];
  /** The first step with the highest mean IoU. It is chosen with the ground truth. */
  readonly best: number;
  /** The confusion matrix of a step of the curve. */
  readonly matrixAt: (step: number) => ConfusionMatrix;
}

/** Images per task. */
const CHUNK_SIZE = 16;

/**
 * Scores stored maps against ground truth at every threshold, in one pass.
 *
 * @throws UserError if it is unclear which classes the keys mean
 */
export async function evaluateMaps(pairs: readonly MapPair[], options: EvaluateMapsOptions): Promise<MapsResult> {
  const { bins, array, normalise, rgb, classSet = VOC.data, onProgress = () => undefined } = options;
  const tasks = Array.from({ length: Math.ceil(pairs.length / CHUNK_SIZE) }, (_, i): MapsTask => ({
    pairs: pairs.slice(i * CHUNK_SIZE, (i + 1) * CHUNK_SIZE), options: { bins, array, normalise, rgb, classSet },
  }));
  let done = 0;
  const count = classSet.classes.length;
  const sweep = new MapSweep(bins, count + 1);
  const parts = await runTasks(tasks, options, (part) => {
    sweep.merge(MapSweep.unpack(part.counts));
    onProgress(done += part.scored + part.failures.length);
  });
  const sum = (of: (part: Rest) => number): number => parts.reduce((total, part) => total + of(part), 0);
  const scored = sum((part) => part.scored);
  const mismatches = { 0: parts.flatMap((part) => part.mismatches[0]), 1: parts.flatMap((part) => part.mismatches[1]) };
  const ranges = parts.map(({ keyRange }) => keyRange);
  const range = [Math.min(...ranges.map(([lowest]) => lowest)), Math.max(...ranges.map(([, highest]) => highest))] as const;
  const known = keyBaseOf(options.keys, count, range, [mismatches[0].length, mismatches[1].length]);
  const keyBase = known ?? 1;
  const pointOf = (step: number): CurvePoint => ({ threshold: sweep.threshold(step), meanIou: meanIou(sweep.matrix(step, keyBase).counts) });
  const curve = Array.from({ length: bins }, (_, step) => pointOf(step));
  return {
    scored, failures: parts.flatMap(({ failures }): readonly PairFailure[] => failures),
    resized: sum((part) => part.resized), aboveOne: sum((part) => part.aboveOne), arrays: [...new Set(parts.flatMap(({ arrays }) => arrays))],
    keyBase: known, mismatches: mismatches[keyBase], curve,
    best: curve.reduce((best, point, step) => (point.meanIou > curve[best].meanIou ? step : best), 0),
    matrixAt: (step) => sweep.matrix(step, keyBase),
  };
}

function keyBaseOf(
  wanted: KeyBase | 'auto', count: number, [lowest, highest]: readonly [number, number], mismatches: readonly [number, number],
): KeyBase | undefined {
  const possible = ([0, 1] as const).filter((base) => lowest >= base && highest < count + base);
  if (highest < 0) return undefined;
  if (wanted !== 'auto') {
    if (possible.includes(wanted)) return wanted;
    throw new UserError(`the keys of the maps are ${lowest}..${highest}, which does not fit --keys ${wanted}`, 'use --keys auto');
  }
  if (possible.length === 0) throw new UserError(`the maps have both key 0 and key ${count}: some files count from 0, others from 1`, 'score them separately');
  if (possible.length === 1) return possible[0];
  if (mismatches[0] === mismatches[1]) {
    throw new UserError(
      `the classes of the images do not show whether the keys of the maps (${lowest}..${highest}) begin at 0 or 1`,
      'use --keys 0 (IRN, PSA, CLIP-ES) or --keys 1 (voc-seeds)',
    );
  }
  return mismatches[0] < mismatches[1] ? 0 : 1;
}

/** A part without its counts: they are large, and already added up. */
type Rest = Omit<MapScores, 'counts'>;

async function runTasks(
  tasks: readonly MapsTask[], { workers: wanted, signal }: Pick<EvaluateMapsOptions, 'workers' | 'signal'>, ended: (part: MapScores) => void,
): Promise<Rest[]> {
  const keep = (part: MapScores): Rest => {
    ended(part);
    const { scored, failures, resized, aboveOne, arrays, keyRange, mismatches } = part;
    return { scored, failures, resized, aboveOne, arrays, keyRange, mismatches };
  };
  const workers = Math.min(wanted ?? availableParallelism(), tasks.length);
  if (workers <= 1) {
    const parts: Rest[] = [];
    for (const { pairs, options } of tasks) {
      signal?.throwIfAborted();
      parts.push(keep(await scoreMapFiles(pairs, options)));
    }
    return parts;
  }
  const pool = new WorkerPool<MapsTask, MapScores>({ worker: workerUrl('./maps-worker.js', import.meta.url), threads: workers });
  const parts = new Array<Rest>(tasks.length);
  try {
    await runBatch(tasks.entries(), {
      concurrency: 2 * workers,
      signal,
      run: ([, task]) => pool.run(task),
      done: ([index], part) => { parts[index] = keep(part); },
    });
    signal?.throwIfAborted();
    return parts;
  } finally {
    await pool.destroy();
  }
}
