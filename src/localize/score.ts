import { bootstrapMeans, meanOf } from '../metrics/boxes/bootstrap-means.js';
import type { MeanByImage } from '../metrics/boxes/bootstrap-means.js';
import { PixelPrecision } from '../metrics/boxes/pixel-precision.js';
import { maxBoxAccuracy, V2_IOUS } from '../metrics/boxes/box-accuracy.js';
import { drawWithReplacement, percentileInterval } from '../metrics/bootstrap.js';
import type { Interval } from '../metrics/bootstrap.js';
import { randomSequence } from '../random.js';
import { iousOf, LEAST, scoredImage, scoreImages } from './image-scores.js';
import type { LocalizeRecord } from './record.js';

/** A score, 0..1, with its interval over resamples of the scored images. */
export interface Score extends Partial<Interval> {
  readonly value: number;
}

/** The scores of a run. */
export interface LocalizeScores {
  readonly images: { readonly tune: number; readonly score: number };
  /** Pairs of image and true class that were scored. */
  readonly cases: number;
  /** Whether thresholds were chosen on the scored images. */
  readonly sawBoxes: boolean;
  /** The threshold of the first three scores: the one with the most boxes of true classes with an IoU of 0.5 on the tuning images. */
  readonly threshold: number;
  /** The share of true classes whose box has an IoU of 0.5. */
  readonly gtKnown: Score;
  /** The share of images whose most likely class, or one of the five most likely, is a true class and has such a box. */
  readonly loc1: Score;
  readonly loc5: Score;
  /** The share of images with a true class among them, whatever its box: the most that loc1 and loc5 can reach. */
  readonly top1: Score;
  readonly top5: Score;
  /** The mean accuracy over {@link V2_IOUS}, each at its own threshold chosen on the tuning images; the best contour counts. */
  readonly boxAccuracyV2: Score;
  readonly thresholdsV2: readonly number[];
  /** As published (Choe et al.): thresholds chosen on the scored images. */
  readonly maxBoxAcc: number;
  readonly maxBoxAccV2: number;
  /** The pixel average precision of the classes that have masks, and their number; without masks, there is none. */
  readonly pxap?: Score & { readonly cases: number };
}

/** How {@link scoreBoxes} scores. */
export interface ScoreOptions {
  readonly tune: readonly LocalizeRecord[];
  readonly score: readonly LocalizeRecord[];
  /** Whether they are the same images. */
  readonly sawBoxes: boolean;
  /** The number of thresholds. */
  readonly steps: number;
  /** Resamples; 0: no intervals. */
  readonly bootstrap: number;
  readonly seed: number;
}

/** Chooses thresholds on some images and scores others with them. Both lists have at least one image. */
export function scoreBoxes({ tune, score, sawBoxes, steps, bootstrap, seed }: ScoreOptions): LocalizeScores {
  const scored = score.map((record) => scoredImage(record, steps));
  const { step, stepsV2, means } = scoreImages(scored, sawBoxes ? scored : tune.map((record) => scoredImage(record, steps)));
  const all = Object.values(means);
  const resamples = bootstrap === 0 ? undefined : bootstrapMeans(all, { resamples: bootstrap, draw: drawWithReplacement(randomSequence(seed)) });
  const scoreOf = (mean: MeanByImage): Score => ({
    value: meanOf(mean), ...resamples !== undefined && percentileInterval(resamples[all.indexOf(mean)]),
  });
  const pxap = pixelScore(score, { steps, bootstrap, seed });
  return {
    ...pxap !== undefined && { pxap },
    images: { tune: tune.length, score: score.length }, cases: scored.reduce((sum, { cases }) => sum + cases.length, 0), sawBoxes,
    threshold: step / steps,
    gtKnown: scoreOf(means.gtKnown), loc1: scoreOf(means.loc1), loc5: scoreOf(means.loc5), top1: scoreOf(means.top1), top5: scoreOf(means.top5),
    boxAccuracyV2: scoreOf(means.boxAccuracyV2), thresholdsV2: stepsV2.map((own) => own / steps),
    maxBoxAcc: maxBoxAccuracy(iousOf(scored, 'largest'), LEAST).accuracy,
    maxBoxAccV2: V2_IOUS.reduce((sum, least) => sum + maxBoxAccuracy(iousOf(scored, 'best'), least).accuracy, 0) / V2_IOUS.length,
  };
}

/** PxAP has no threshold: the pixels of all classes with masks are counted together. Without any pixel of a class there is none. */
function pixelScore(records: readonly LocalizeRecord[], { steps, bootstrap, seed }: Pick<ScoreOptions, 'steps' | 'bootstrap' | 'seed'>): LocalizeScores['pxap'] {
  const images = records.map(({ truths }) => truths.flatMap(({ pixels }) => pixels ?? []));
  const cases = images.flat().length;
  if (cases === 0) return undefined;
  const valueOf = (weights: ArrayLike<number>): number => {
    const precision = new PixelPrecision(steps);
    images.forEach((counts, i) => { if (weights[i] > 0) for (const own of counts) precision.addCounts(own, weights[i]); });
    return precision.value;
  };
  const value = valueOf(new Uint32Array(images.length).fill(1));
  if (Number.isNaN(value)) return undefined;
  const draw = drawWithReplacement(randomSequence(seed));
  const weights = new Uint32Array(images.length);
  const resamples = Float64Array.from({ length: bootstrap }, () => {
    draw(weights);
    return valueOf(weights);
  });
  return { value, ...bootstrap > 0 && percentileInterval(resamples), cases };
}
