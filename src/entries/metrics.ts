/** `voc-seeds/metrics`: scores of label maps and of stored maps. */
export { meanAveragePrecision } from '../metrics/average-precision.js';
export { ConfusionMatrix } from '../metrics/confusion.js';
export { evaluatePairs } from '../metrics/evaluate.js';
export type { EvaluationResult } from '../metrics/evaluate.js';
export { readMapDump } from '../metrics/maps/dump.js';
export type { MapDump } from '../metrics/maps/dump.js';
export { evaluateMaps } from '../metrics/maps/evaluate-maps.js';
export type { EvaluateMapsOptions, MapsResult } from '../metrics/maps/evaluate-maps.js';
export type { MapPair } from '../metrics/maps/score-maps.js';
export { coverageOf, scoreAllWays, scoreMatrix } from '../metrics/scores.js';
export type { Scores } from '../metrics/scores.js';
export { ThresholdSweep } from '../metrics/sweep.js';
