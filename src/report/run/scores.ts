import type { EvaluationResult } from '../../metrics/evaluate.js';
import { evaluatePairs } from '../../metrics/evaluate.js';
import type { CurvePoint } from '../../metrics/maps/evaluate-maps.js';
import { evaluateMaps } from '../../metrics/maps/evaluate-maps.js';
import type { ImageScore, MaskPair, PairFailure } from '../../metrics/score-pairs.js';
import type { RgbMasks } from '../../datasets/masks.js';
import type { Run, RunImage } from './folder.js';

/** Label maps for the images of a run: its seeds (refined or not), or those of another run. */
export interface Prediction {
  readonly name: string;
  /** By id; images without a label map have no entry. */
  readonly paths: ReadonlyMap<string, string>;
}

/** A prediction and its scores. */
export interface ScoredPrediction extends Prediction {
  /** Absent if no image has both a prediction and ground truth. */
  readonly result?: EvaluationResult;
  readonly byImage: ReadonlyMap<string, ImageScore>;
  /** The scores of the run's own seeds on the images of this prediction. */
  readonly reference?: EvaluationResult;
}

/** mIoU against threshold. */
export interface ThresholdCurve {
  readonly points: readonly CurvePoint[];
  /** The first point with the highest mIoU. */
  readonly best: CurvePoint;
  readonly images: number;
}

export interface ScoreOptions {
  readonly rgb?: RgbMasks;
  readonly workers?: number;
  readonly onProgress?: (done: number) => void;
}

/** The label maps to show and score: the seeds, then those before refinement, those refined later, and those of another run. */
export function predictionsOf(run: Run, name = 'Seeds', other?: { readonly name: string; readonly run: Run }): Prediction[] {
  const pathsOf = ({ images }: Run, of: (image: RunImage) => string | undefined): Map<string, string> => (
    new Map(images.flatMap((image) => { const path = of(image); return path === undefined ? [] : [[image.id, path] as const]; }))
  );
  const siblings = [
    { name: 'CAM', paths: pathsOf(run, ({ camSeedPath }) => camSeedPath) },
    { name: 'Unrefined', paths: pathsOf(run, ({ unrefinedPath }) => unrefinedPath) },
    { name: 'Refined', paths: pathsOf(run, ({ refinedPath }) => refinedPath) },
  ];
  return [
    { name, paths: pathsOf(run, ({ seedPath }) => seedPath) },
    ...siblings.filter(({ paths }) => paths.size > 0),
    ...(other === undefined ? [] : [{ name: other.name, paths: pathsOf(other.run, ({ seedPath }) => seedPath) }]),
  ];
}

/** The largest number of pairs that {@link scorePredictions} reads, for a progress bar. */
export function pairCount(run: Run, predictions: readonly Prediction[]): number {
  return predictions.reduce((total, prediction) => total + pairsOf(run, prediction).length, 0);
}

/** Scores each prediction against the ground truth. If one has fewer images, the run's seeds are scored again on those images. */
export async function scorePredictions(
  run: Run, predictions: readonly Prediction[], { rgb, workers, onProgress }: ScoreOptions = {},
): Promise<{ scored: ScoredPrediction[]; failures: PairFailure[] }> {
  const classSet = run.classes.data;
  let before = 0;
  const evaluate = async (pairs: readonly MaskPair[]): Promise<EvaluationResult | undefined> => {
    if (pairs.length === 0) return undefined;
    const result = await evaluatePairs(pairs, { byImage: true, rgb, classSet, workers, onProgress: (done) => onProgress?.(before + done) });
    before += pairs.length;
    return result.scored === 0 ? { ...result, images: [] } : result;
  };
  const results: (EvaluationResult | undefined)[] = [];
  for (const prediction of predictions) results.push(await evaluate(pairsOf(run, prediction)));
  const [own] = results;
  const scored: ScoredPrediction[] = [];
  for (const [i, prediction] of predictions.entries()) {
    const result = results[i]?.scored === 0 ? undefined : results[i];
    const byImage = new Map((result?.images ?? []).map((image) => [image.id, image]));
    const same = own !== undefined && result !== undefined && own.scored === result.scored && own.images.every(({ id }) => byImage.has(id));
    const reference = i === 0 || result === undefined || own === undefined
      ? undefined
      : same ? own : await evaluatePairs(pairsOf(run, predictions[0]).filter(({ id }) => byImage.has(id)), { rgb, classSet, workers });
    scored.push({ ...prediction, result, byImage, reference: reference?.scored === 0 ? undefined : reference });
  }
  const named = predictions.flatMap(({ name }, i) => (results[i]?.failures ?? []).map(({ id, message }) => ({ id, message: predictions.length > 1 ? `${name}: ${message}` : message })));
  return { scored, failures: named };
}

/** The images that have both maps and ground truth on disk, which {@link thresholdCurve} reads. */
export function mappedImages({ images }: Run): RunImage[] {
  return images.filter(({ camPath, truth }) => camPath !== undefined && truth !== undefined);
}

/**
 * The mIoU of the run's stored maps at each of a hundred constant thresholds, scored with the masks. `curve` is `undefined`
 * if no image has both maps and masks.
 */
export async function thresholdCurve(
  run: Run, { rgb, workers, onProgress }: ScoreOptions = {},
): Promise<{ curve?: ThresholdCurve; failures: readonly PairFailure[] }> {
  const pairs = mappedImages(run).map(({ id, camPath, truth }) => ({ id, mapPath: camPath!, truth: truth! }));
  if (pairs.length === 0) return { failures: [] };
  const { curve, best, scored, failures } = await evaluateMaps(pairs, {
    bins: 100, normalise: false, keys: 1, rgb, classSet: run.classes.data, workers, onProgress,
  });
  return scored === 0 ? { failures } : { curve: { points: curve, best: curve[best], images: scored }, failures };
}

function pairsOf({ images }: Run, { paths }: Prediction): MaskPair[] {
  return images.flatMap(({ id, truth }) => {
    const predictionPath = paths.get(id);
    return truth === undefined || predictionPath === undefined ? [] : [{ id, truth, predictionPath }];
  });
}
