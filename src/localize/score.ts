import { bootstrapMeans, meanOf } from '../metrics/boxes/bootstrap-means.js';
import type { MeanByImage } from '../metrics/boxes/bootstrap-means.js';
import { maxBoxAccuracy, V2_IOUS } from '../metrics/boxes/box-accuracy.js';
import { bestIou } from '../metrics/boxes/sweep-boxes.js';
import { differenceInterval, drawWithReplacement, percentileInterval } from '../metrics/bootstrap.js';
import type { Interval } from '../metrics/bootstrap.js';
import { randomSequence } from '../random.js';
import { boxAt } from './record.js';
import type { LocalizeRecord } from './record.js';

/** The classes of an image that has boxes. */
interface ScoredImage {
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
  /** The difference to the first variant; the same images are drawn for both. */
  readonly difference?: Partial<Interval> & { readonly value: number };
}

/** The scores of a variant. */
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
  /** The number of variants in each record. */
  readonly variants: number;
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

/** The IoU that a box needs, but for MaxBoxAccV2. */
const LEAST = 0.5;

/** Chooses the thresholds of each variant on some images and scores others with them. Both lists have at least one image. */
export function scoreBoxes({ variants, tune, score, sawBoxes, steps, bootstrap, seed }: ScoreOptions): LocalizeScores[] {
  const all = Array.from({ length: variants }, (_, v) => {
    const scored = score.map((record) => scoredImage(record, v, steps));
    const tuned = sawBoxes ? scored : tune.map((record) => scoredImage(record, v, steps));
    const { step } = maxBoxAccuracy(iousOf(tuned, 'largest'), LEAST);
    const stepsV2 = V2_IOUS.map((least) => maxBoxAccuracy(iousOf(tuned, 'best'), least).step);
    return { scored, step, stepsV2, means: meansOf(scored, step, stepsV2) };
  });
  const flat = all.flatMap(({ means }) => NAMES.map((name) => means[name]));
  const resamples = bootstrap === 0 ? undefined : bootstrapMeans(flat, { resamples: bootstrap, draw: drawWithReplacement(randomSequence(seed)) });
  return all.map(({ scored, step, stepsV2, means }, v): LocalizeScores => {
    const scoreOf = (name: ScoreName): Score => {
      const [value, first] = [meanOf(means[name]), meanOf(all[0].means[name])];
      const drawn = (variant: number): Float64Array | undefined => resamples?.[variant * NAMES.length + NAMES.indexOf(name)];
      const [own, others] = [drawn(v), drawn(0)];
      return {
        value, ...own !== undefined && percentileInterval(own),
        ...v > 0 && { difference: { value: value - first, ...own !== undefined && others !== undefined && differenceInterval(own, others) } },
      };
    };
    return {
      images: { tune: tune.length, score: score.length }, cases: scored.reduce((sum, { cases }) => sum + cases.length, 0), sawBoxes,
      threshold: step / steps,
      gtKnown: scoreOf('gtKnown'), loc1: scoreOf('loc1'), loc5: scoreOf('loc5'), top1: scoreOf('top1'), top5: scoreOf('top5'),
      boxAccuracyV2: scoreOf('boxAccuracyV2'), thresholdsV2: stepsV2.map((own) => own / steps),
      maxBoxAcc: maxBoxAccuracy(iousOf(scored, 'largest'), LEAST).accuracy,
      maxBoxAccV2: V2_IOUS.reduce((sum, least) => sum + maxBoxAccuracy(iousOf(scored, 'best'), least).accuracy, 0) / V2_IOUS.length,
    };
  });
}

const NAMES = ['gtKnown', 'loc1', 'loc5', 'top1', 'top5', 'boxAccuracyV2'] as const;
type ScoreName = typeof NAMES[number];

/** What the scores are means of, at the chosen thresholds. */
function meansOf(scored: readonly ScoredImage[], step: number, stepsV2: readonly number[]): Record<ScoreName, MeanByImage> {
  const hits = (image: ScoredImage, ranks: number): number => Number(image.cases.some(({ rank, largest }) => rank < ranks && largest[step] >= LEAST));
  const perImage = (of: (image: ScoredImage) => number): MeanByImage => (
    { sums: Float64Array.from(scored, of), counts: new Float64Array(scored.length).fill(1) });
  const perCase = (of: (one: ScoredImage['cases'][number]) => number): MeanByImage => ({
    sums: Float64Array.from(scored, ({ cases }) => cases.reduce((sum, one) => sum + of(one), 0)),
    counts: Float64Array.from(scored, ({ cases }) => cases.length),
  });
  return {
    gtKnown: perCase(({ largest }) => Number(largest[step] >= LEAST)),
    loc1: perImage((image) => hits(image, 1)),
    loc5: perImage((image) => hits(image, 5)),
    top1: perImage(({ cases }) => Number(cases.some(({ rank }) => rank < 1))),
    top5: perImage(({ cases }) => Number(cases.some(({ rank }) => rank < 5))),
    boxAccuracyV2: perCase(({ best }) => V2_IOUS.filter((least, i) => best[stepsV2[i]] >= least).length / V2_IOUS.length),
  };
}

function iousOf(images: readonly ScoredImage[], which: 'largest' | 'best'): Float64Array[] {
  return images.flatMap(({ cases }) => cases.map((one) => one[which]));
}

function scoredImage({ size, truths, maps }: LocalizeRecord, variant: number, steps: number): ScoredImage {
  return {
    cases: truths.map(({ logit, rank, boxes, best }) => {
      const stored = maps.find((map) => map.logit === logit)!.boxes[variant];
      const largest = Float64Array.from({ length: steps }, (_, step) => bestIou(boxAt(stored, step), size, boxes));
      return { rank, largest, best: Float64Array.from(best[variant]) };
    }),
  };
}
