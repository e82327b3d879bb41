import { bootstrapMeans, meanOf } from '../metrics/boxes/bootstrap-means.js';
import type { MeanByImage } from '../metrics/boxes/bootstrap-means.js';
import { maxBoxAccuracy, V2_IOUS } from '../metrics/boxes/box-accuracy.js';
import { bestIou } from '../metrics/boxes/sweep-boxes.js';
import { drawWithReplacement, percentileInterval } from '../metrics/bootstrap.js';
import type { Interval } from '../metrics/bootstrap.js';
import { randomSequence } from '../random.js';
import { boxAt } from './record.js';
import type { LocalizeRecord } from './record.js';

/** The true classes of an image. */
export interface ScoredImage {
  readonly cases: readonly {
    /** How many classes are more likely. */
    readonly rank: number;
    /** [steps]: the IoU of the largest contour's box, and the best IoU of any contour's. */
    readonly largest: Float64Array;
    readonly best: Float64Array;
  }[];
}

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

/** The IoU that a box needs, except for BoxAccV2. */
export const LEAST_IOU = 0.5;

/** Chooses thresholds on some images and scores others with them. Both lists have at least one image. */
export function scoreBoxes({ tune, score, sawBoxes, steps, bootstrap, seed }: ScoreOptions): LocalizeScores {
  const scored = score.map((record) => scoredImage(record, steps));
  const tuned = sawBoxes ? scored : tune.map((record) => scoredImage(record, steps));
  const { step } = maxBoxAccuracy(iousOf(tuned, 'largest'), LEAST_IOU);
  const stepsV2 = V2_IOUS.map((least) => maxBoxAccuracy(iousOf(tuned, 'best'), least).step);
  const hits = (image: ScoredImage, ranks: number): number => (
    Number(image.cases.some(({ rank, largest }) => rank < ranks && largest[step] >= LEAST_IOU)));
  const perImage = (of: (image: ScoredImage) => number): MeanByImage => (
    { sums: Float64Array.from(scored, of), counts: new Float64Array(scored.length).fill(1) });
  const perCase = (of: (one: ScoredImage['cases'][number]) => number): MeanByImage => ({
    sums: Float64Array.from(scored, ({ cases }) => cases.reduce((sum, one) => sum + of(one), 0)),
    counts: Float64Array.from(scored, ({ cases }) => cases.length),
  });
  const means = {
    gtKnown: perCase(({ largest }) => Number(largest[step] >= LEAST_IOU)),
    loc1: perImage((image) => hits(image, 1)),
    loc5: perImage((image) => hits(image, 5)),
    top1: perImage(({ cases }) => Number(cases.some(({ rank }) => rank < 1))),
    top5: perImage(({ cases }) => Number(cases.some(({ rank }) => rank < 5))),
    boxAccuracyV2: perCase(({ best }) => V2_IOUS.filter((least, i) => best[stepsV2[i]] >= least).length / V2_IOUS.length),
  };
  const all = Object.values(means);
  const resamples = bootstrap === 0 ? undefined : bootstrapMeans(all, { resamples: bootstrap, draw: drawWithReplacement(randomSequence(seed)) });
  const scoreOf = (mean: MeanByImage): Score => ({
    value: meanOf(mean), ...resamples !== undefined && percentileInterval(resamples[all.indexOf(mean)]),
  });
  return {
    images: { tune: tune.length, score: score.length }, cases: scored.reduce((sum, { cases }) => sum + cases.length, 0), sawBoxes,
    threshold: step / steps,
    gtKnown: scoreOf(means.gtKnown), loc1: scoreOf(means.loc1), loc5: scoreOf(means.loc5), top1: scoreOf(means.top1), top5: scoreOf(means.top5),
    boxAccuracyV2: scoreOf(means.boxAccuracyV2), thresholdsV2: stepsV2.map((own) => own / steps),
    maxBoxAcc: maxBoxAccuracy(iousOf(scored, 'largest'), LEAST_IOU).accuracy,
    maxBoxAccV2: V2_IOUS.reduce((sum, least) => sum + maxBoxAccuracy(iousOf(scored, 'best'), least).accuracy, 0) / V2_IOUS.length,
  };
}

function iousOf(images: readonly ScoredImage[], which: 'largest' | 'best'): Float64Array[] {
  return images.flatMap(({ cases }) => cases.map((one) => one[which]));
}

/** The IoUs of an image's boxes at all thresholds. */
export function scoredImage({ size, truths, maps }: LocalizeRecord, steps: number): ScoredImage {
  return {
    cases: truths.map(({ logit, rank, boxes, best }) => {
      const stored = maps.find((map) => map.logit === logit)!.boxes;
      const largest = Float64Array.from({ length: steps }, (_, step) => bestIou(boxAt(stored, step), size, boxes));
      return { rank, largest, best: Float64Array.from(best) };
    }),
  };
}
