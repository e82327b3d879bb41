import { scoreMapFiles, type MapPair, type MapScores, type ScoreMapsOptions } from './score-maps.js';

/** A task for a worker thread of `evaluateMaps`. */
export interface MapsTask {
  readonly pairs: readonly MapPair[];
  readonly options: ScoreMapsOptions;
}

/** Scores one chunk of maps in a worker thread. */
export default function mapsWorker({ pairs, options }: MapsTask): Promise<MapScores> {
  return scoreMapFiles(pairs, options);
}
