import type { Draw } from '../bootstrap.js';

/** A score that is a mean over cases, as the sum and the number of the cases of each image. */
export interface MeanByImage {
  /** [images] */
  readonly sums: Float64Array;
  readonly counts: Float64Array;
}

/**
 * Means over resamples of the images (Efron, 1979). The same images are drawn for all scores.
 *
 * @returns per score [resamples]
 */
export function bootstrapMeans(
  scores: readonly MeanByImage[], { resamples, draw }: { readonly resamples: number; readonly draw: Draw },
): Float64Array[] {
  const results = scores.map(() => new Float64Array(resamples));
  const weights = new Uint32Array(scores.length === 0 ? 0 : scores[0].sums.length);
  for (let resample = 0; resample < resamples; resample++) {
    draw(weights);
    scores.forEach((score, s) => { results[s][resample] = weightedMean(score, weights); });
  }
  return results;
}

/** The mean over all cases; NaN if there is none. */
export function meanOf(score: MeanByImage): number {
  return weightedMean(score, new Uint32Array(score.sums.length).fill(1));
}

function weightedMean({ sums, counts }: MeanByImage, weights: Uint32Array): number {
  let [sum, count] = [0, 0];
  for (let i = 0; i < weights.length; i++) {
    sum += weights[i] * sums[i];
    count += weights[i] * counts[i];
  }
  return sum / count;
}
