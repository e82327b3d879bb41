import { bootstrapMeans, meanOf } from '../metrics/boxes/bootstrap-means.js';
import { PixelPrecision } from '../metrics/boxes/pixel-precision.js';
import { maxBoxAccuracy, V2_IOUS } from '../metrics/boxes/box-accuracy.js';
import { differenceInterval, drawWithReplacement, percentileInterval } from '../metrics/bootstrap.js';
import type { Interval } from '../metrics/bootstrap.js';
import { randomSequence } from '../random.js';
import { iousOf, LEAST_IOU, scoredImage, scoreImages } from './image-scores.js';
import type { LocalizeRecord } from './record.js';

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
  /** The pixel average precision of the classes that have masks, and their number; without masks, there is none. */
  readonly pxap?: Score & { readonly cases: number };
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

/** Chooses the thresholds of each variant on some images and scores others with them. Both lists have at least one image. */
export function scoreBoxes({ variants, tune, score, sawBoxes, steps, bootstrap, seed }: ScoreOptions): LocalizeScores[] {
  const all = Array.from({ length: variants }, (_, v) => {
    const scored = score.map((record) => scoredImage(record, v, steps));
    return { scored, ...scoreImages(scored, sawBoxes ? scored : tune.map((record) => scoredImage(record, v, steps))) };
  });
  const flat = all.flatMap(({ means }) => NAMES.map((name) => means[name]));
  const resamples = bootstrap === 0 ? undefined : bootstrapMeans(flat, { resamples: bootstrap, draw: drawWithReplacement(randomSequence(seed)) });
  const pixels = pixelScores(score, { variants, steps, bootstrap, seed });
  return all.map(({ scored, step, stepsV2 }, v): LocalizeScores => {
    const sampled = (variant: number, name: ScoreName): Sampled => (
      { value: meanOf(all[variant].means[name]), resamples: resamples?.[variant * NAMES.length + NAMES.indexOf(name)] });
    const scoreOf = (name: ScoreName): Score => compared(sampled(v, name), v > 0 ? sampled(0, name) : undefined);
    return {
      ...pixels !== undefined && { pxap: { ...compared(pixels.sampled[v], v > 0 ? pixels.sampled[0] : undefined), cases: pixels.cases } },
      images: { tune: tune.length, score: score.length }, cases: scored.reduce((sum, { cases }) => sum + cases.length, 0), sawBoxes,
      threshold: step / steps,
      gtKnown: scoreOf('gtKnown'), loc1: scoreOf('loc1'), loc5: scoreOf('loc5'), top1: scoreOf('top1'), top5: scoreOf('top5'),
      boxAccuracyV2: scoreOf('boxAccuracyV2'), thresholdsV2: stepsV2.map((own) => own / steps),
      maxBoxAcc: maxBoxAccuracy(iousOf(scored, 'largest'), LEAST_IOU).accuracy,
      maxBoxAccV2: V2_IOUS.reduce((sum, least) => sum + maxBoxAccuracy(iousOf(scored, 'best'), least).accuracy, 0) / V2_IOUS.length,
    };
  });
}

const NAMES = ['gtKnown', 'loc1', 'loc5', 'top1', 'top5', 'boxAccuracyV2'] as const;
type ScoreName = typeof NAMES[number];

/** A value, and those of resamples. */
interface Sampled {
  readonly value: number;
  readonly resamples?: Float64Array;
}

/** A score with its interval, and the difference to that of the first variant. */
function compared(own: Sampled, first: Sampled | undefined): Score {
  return {
    value: own.value, ...own.resamples !== undefined && percentileInterval(own.resamples),
    ...first !== undefined && {
      difference: {
        value: own.value - first.value,
        ...own.resamples !== undefined && first.resamples !== undefined && differenceInterval(own.resamples, first.resamples),
      },
    },
  };
}

/**
 * PxAP has no threshold: the pixels of all classes with masks are counted together. Without any pixel of a class there is none. The same
 * images are drawn for all variants.
 */
function pixelScores(
  records: readonly LocalizeRecord[], { variants, steps, bootstrap, seed }: Pick<ScoreOptions, 'variants' | 'steps' | 'bootstrap' | 'seed'>,
): { readonly sampled: readonly Sampled[]; readonly cases: number } | undefined {
  const images = records.map(({ truths }) => truths.flatMap(({ pixels }) => (pixels === undefined ? [] : [pixels])));
  const cases = images.flat().length;
  if (cases === 0) return undefined;
  const valueOf = (variant: number, weights: ArrayLike<number>): number => {
    const precision = new PixelPrecision(steps);
    images.forEach((counts, i) => { if (weights[i] > 0) for (const own of counts) precision.addCounts(own[variant], weights[i]); });
    return precision.value;
  };
  const values = Array.from({ length: variants }, (_, v) => valueOf(v, new Uint32Array(images.length).fill(1)));
  if (values.some(Number.isNaN)) return undefined;
  const resamples = values.map(() => new Float64Array(bootstrap));
  const draw = drawWithReplacement(randomSequence(seed));
  const weights = new Uint32Array(images.length);
  for (let resample = 0; resample < bootstrap; resample++) {
    draw(weights);
    resamples.forEach((own, v) => { own[resample] = valueOf(v, weights); });
  }
  return { sampled: values.map((value, v) => ({ value, ...bootstrap > 0 && { resamples: resamples[v] } })), cases };
}
