import { maxBoxAccuracy, V2_IOUS } from '../metrics/boxes/box-accuracy.js';
import type { MeanByImage } from '../metrics/boxes/bootstrap-means.js';
import { bestIou } from '../metrics/boxes/sweep-boxes.js';
import { boxAt } from './record.js';
import type { LocalizeRecord } from './record.js';

/** The IoU that a box needs, except for BoxAccV2 and MaxBoxAccV2. */
export const LEAST_IOU = 0.5;

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

/** The scores of each image, at thresholds that other images chose. */
export interface ImageScores {
  /** The steps of the thresholds: that of the first three scores, and those of BoxAccV2. */
  readonly step: number;
  readonly stepsV2: readonly number[];
  readonly means: Readonly<Record<'gtKnown' | 'loc1' | 'loc5' | 'top1' | 'top5' | 'boxAccuracyV2', MeanByImage>>;
}

/** Chooses thresholds on some images and scores each of others, or the same ones, with them. Both lists have at least one image. */
export function scoreImages(scored: readonly ScoredImage[], tuned: readonly ScoredImage[]): ImageScores {
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
  return {
    step, stepsV2,
    means: {
      gtKnown: perCase(({ largest }) => Number(largest[step] >= LEAST_IOU)),
      loc1: perImage((image) => hits(image, 1)),
      loc5: perImage((image) => hits(image, 5)),
      top1: perImage(({ cases }) => Number(cases.some(({ rank }) => rank < 1))),
      top5: perImage(({ cases }) => Number(cases.some(({ rank }) => rank < 5))),
      boxAccuracyV2: perCase(({ best }) => V2_IOUS.filter((least, i) => best[stepsV2[i]] >= least).length / V2_IOUS.length),
    },
  };
}

/** The IoUs of the boxes of a variant in a record, at `steps` thresholds. */
export function scoredImage({ size, truths, maps }: LocalizeRecord, variant: number, steps: number): ScoredImage {
  return {
    cases: truths.map(({ logit, rank, boxes, best }) => {
      const stored = maps.find((map) => map.logit === logit)!.boxes[variant];
      const largest = Float64Array.from({ length: steps }, (_, step) => bestIou(boxAt(stored, step), size, boxes));
      return { rank, largest, best: Float64Array.from(best[variant]) };
    }),
  };
}

/** The IoUs of all classes, [steps] each. */
export function iousOf(images: readonly ScoredImage[], which: 'largest' | 'best'): Float64Array[] {
  return images.flatMap(({ cases }) => cases.map((one) => one[which]));
}
