import { scorePairs, type MaskPair, type PairScores, type ScorePairsOptions } from './score-pairs.js';

/** A task for a worker thread of `evaluatePairs`. */
export interface EvalTask {
  readonly pairs: readonly MaskPair[];
  readonly options: ScorePairsOptions;
}

/** Scores one chunk of pairs in a worker thread. */
export default function evalWorker({ pairs, options }: EvalTask): Promise<PairScores> {
  return scorePairs(pairs, options);
}
