import { scorePairs, type MaskPair, type PairScores, type ScorePairsOptions } from './score-pairs.js';

/** What a worker thread of `evaluatePairs` is sent. */
export interface EvalTask {
  readonly pairs: readonly MaskPair[];
  readonly options: ScorePairsOptions;
}

/** Scores one chunk of pairs in a worker thread. */
export default function evalWorker({ pairs, options }: EvalTask): Promise<PairScores> {
  return scorePairs(pairs, options);
}
