import { availableParallelism } from 'node:os';
import { runBatch } from '../jobs/workers/batch.js';
import { WorkerPool } from '../jobs/workers/pool.js';
import { workerUrl } from '../jobs/workers/worker-url.js';
import type { ClassSet } from '../datasets/classes/class-set.js';
import { classSetOf } from '../datasets/classes/known.js';
import { VOC } from '../datasets/classes/voc.js';
import { ConfusionMatrix } from './confusion.js';
import type { EvalTask } from './eval-worker.js';
import { scorePairs, type ImageScore, type MaskPair, type PairFailure, type PairScores, type ScorePairsOptions } from './score-pairs.js';
import { coverageOf, scoreAllWays, type Coverage, type IgnoredAs, type Scores } from './scores.js';

/** Options of {@link evaluatePairs}. */
export interface EvaluateOptions extends ScorePairsOptions {
  /**
   * Worker threads. Default: one per processor, or 1 for a short list, where starting threads would take longer. With 1, the
   * calling thread does the work.
   */
  readonly workers?: number;
  /** Once aborted, no more pairs are read, and the signal's reason is thrown. */
  readonly signal?: AbortSignal;
  /** Called with the number of pairs that were scored or have failed so far. */
  readonly onProgress?: (done: number) => void;
}

/** The scores of a list of predictions. */
export interface EvaluationResult {
  readonly classes: ClassSet;
  /** Counts over all pixels of all scored pairs. */
  readonly matrix: ConfusionMatrix;
  /** The scores for each way of scoring ignored pixels. The three are equal if no pixel is predicted as ignore. */
  readonly scores: Readonly<Record<IgnoredAs, Scores>>;
  readonly coverage: Coverage;
  /** How many pairs were scored. */
  readonly scored: number;
  /** Pairs that could not be scored, in the order of the list. */
  readonly failures: readonly PairFailure[];
  /** The number of pairs with a mask whose void is white, see {@link LabelMap.whiteVoid}. */
  readonly whiteVoid: number;
  /** The scores of each image, in the order of the list; empty unless `byImage` is set. */
  readonly images: readonly ImageScore[];
}

/** Pairs per task: few enough for a smooth progress bar, enough for little overhead. */
const CHUNK_SIZE = 16;

/** Lists up to this length are scored in the calling thread: starting workers takes about as long. */
const SHORT_LIST = 4 * CHUNK_SIZE;

/**
 * Scores predictions against ground truth: one confusion matrix over all pixels of all pairs, and the scores computed from
 * it. Counts are whole numbers, so the result does not depend on the number of workers.
 *
 * A pair that cannot be scored (unreadable, different sizes, values that are not labels) is listed in `failures` and
 * does not stop the others. An empty list gives NaN scores with all labels absent.
 *
 * @example
 * const { scores } = await evaluatePairs([{ id: 'cat', truth: 'gt/cat.png', predictionPath: 'seeds/cat.png' }]);
 * console.log(scores.error.meanIou);
 */
export async function evaluatePairs(pairs: readonly MaskPair[], options: EvaluateOptions = {}): Promise<EvaluationResult> {
  const { byImage = false, rgb, classSet = VOC.data, signal, onProgress = () => undefined } = options;
  const workers = options.workers ?? (pairs.length > SHORT_LIST ? availableParallelism() : 1);
  const tasks = chunksOf(pairs).map((chunk): EvalTask => ({ pairs: chunk, options: { byImage, rgb, classSet } }));
  let done = 0;
  const ended = ({ scored, failures }: PairScores): void => onProgress(done += scored + failures.length);
  const parts = workers > 1 && tasks.length > 1 ? await runInWorkers(tasks, workers, signal, ended) : await runHere(tasks, signal, ended);

  const classes = classSetOf(classSet);
  const matrix = new ConfusionMatrix(classes.labelCount);
  for (const { counts } of parts) matrix.merge(new ConfusionMatrix(counts));
  return {
    classes,
    matrix,
    scores: scoreAllWays(matrix),
    coverage: coverageOf(matrix),
    scored: parts.reduce((sum, { scored }) => sum + scored, 0),
    failures: parts.flatMap(({ failures }) => failures),
    whiteVoid: parts.reduce((sum, { whiteVoid }) => sum + whiteVoid, 0),
    images: parts.flatMap(({ images }) => images),
  };
}

function chunksOf(pairs: readonly MaskPair[]): MaskPair[][] {
  return Array.from({ length: Math.ceil(pairs.length / CHUNK_SIZE) }, (_, i) => pairs.slice(i * CHUNK_SIZE, (i + 1) * CHUNK_SIZE));
}

async function runHere(tasks: readonly EvalTask[], signal: AbortSignal | undefined, ended: (part: PairScores) => void): Promise<PairScores[]> {
  const parts: PairScores[] = [];
  for (const { pairs, options } of tasks) {
    signal?.throwIfAborted();
    const part = await scorePairs(pairs, options);
    parts.push(part);
    ended(part);
  }
  return parts;
}

async function runInWorkers(
  tasks: readonly EvalTask[], workers: number, signal: AbortSignal | undefined, ended: (part: PairScores) => void,
): Promise<PairScores[]> {
  const threads = Math.min(workers, tasks.length);
  const pool = new WorkerPool<EvalTask, PairScores>({ worker: workerUrl('./eval-worker.js', import.meta.url), threads, onDemand: true });
  const parts = new Array<PairScores>(tasks.length);
  try {
    await runBatch(tasks.entries(), {
      concurrency: 2 * threads,
      signal,
      run: ([, task]) => pool.run(task),
      done: ([index], part) => {
        parts[index] = part;
        ended(part);
      },
    });
    signal?.throwIfAborted();
    return parts;
  } finally {
    await pool.destroy();
  }
}
