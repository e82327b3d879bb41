import type { Variant } from '../variants/variant.js';
import { differenceInterval, drawWithReplacement, percentileInterval } from '../metrics/bootstrap.js';
import type { Interval } from '../metrics/bootstrap.js';
import { meanCurve } from '../metrics/faithfulness/curve.js';
import { TESTS } from '../metrics/faithfulness/names.js';
import type { Column } from '../metrics/faithfulness/tests.js';
import { randomSequence } from '../random.js';
import { curveValue, PLAIN_VALUES } from './record.js';
import type { Curves, ImageRecord } from './record.js';

/** A mean over photographs. */
export interface Mean {
  readonly mean: number;
  /** The interval of a bootstrap over the photographs. */
  readonly interval?: Interval;
}

/** A column of a variant. */
export interface VariantMean extends Mean {
  readonly column: Column;
  /** The difference to the first variant; photographs are drawn for both together. */
  readonly difference?: Mean;
}

/** What the classifier said, as means over photographs; all numbers are shares in 0..1. */
export interface FaithfulnessScores {
  readonly photographs: number;
  /** The unchanged photographs. */
  readonly plain: readonly (Mean & { readonly value: typeof PLAIN_VALUES[number] })[];
  readonly variants: readonly { readonly variant: Variant; readonly means: readonly VariantMean[]; readonly curves?: Curves }[];
}

/**
 * Means over photographs with percentile intervals of a bootstrap.
 *
 * @param records at least one
 * @param bootstrap the number of resamples; 0: no intervals
 */
export function summarise(
  records: readonly ImageRecord[], variants: readonly Variant[], columns: readonly Column[],
  { bootstrap, seed }: { readonly bootstrap: number; readonly seed: number },
): FaithfulnessScores {
  const weights = resamples(records.length, bootstrap, seed);
  const meanOf = (valueOf: (record: ImageRecord) => number): Resampled => resampled(Float64Array.from(records, valueOf), weights);
  const means = variants.map((_, v) => columns.map((__, c) => meanOf((record) => record.variants[v][c])));
  return {
    photographs: records.length,
    plain: PLAIN_VALUES.map((value, i) => ({ value, ...shown(meanOf((record) => record.plain[i])) })),
    variants: variants.map((variant, v) => ({
      variant, ...curvesOf(records, v),
      means: columns.map((column, c): VariantMean => ({
        column, ...shown(means[v][c]), ...v > 0 && { difference: differenceOf(means[v][c], means[0][c]) },
      })),
    })),
  };
}

/** The mean curves of a variant; none if a record of an earlier version has none. */
function curvesOf(records: readonly ImageRecord[], v: number): { readonly curves?: Curves } {
  const mean = TESTS.flatMap((test): [string, readonly number[]][] => {
    const all = records.map(({ curves }) => curves?.[v]?.[test]).filter((curve) => curve !== undefined);
    return all.length === records.length ? [[test, meanCurve(all).map(curveValue)]] : [];
  });
  return mean.length === 0 ? {} : { curves: Object.fromEntries(mean) };
}

/** A mean, and the means of resamples. */
interface Resampled {
  readonly mean: number;
  readonly draws: Float64Array;
}

/** How often each photograph is drawn, for every resample. */
function resamples(count: number, bootstrap: number, seed: number): Uint32Array[] {
  const draw = drawWithReplacement(randomSequence(seed));
  return Array.from({ length: bootstrap }, () => {
    const weights = new Uint32Array(count);
    draw(weights);
    return weights;
  });
}

function resampled(values: Float64Array, weights: readonly Uint32Array[]): Resampled {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const draws = Float64Array.from(weights, (own) => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += own[i] * values[i];
    return sum / values.length;
  });
  return { mean, draws };
}

function shown({ mean, draws }: Resampled): Mean {
  return draws.length === 0 ? { mean } : { mean, interval: percentileInterval(draws) };
}

function differenceOf(own: Resampled, first: Resampled): Mean {
  const mean = own.mean - first.mean;
  return own.draws.length === 0 ? { mean } : { mean, interval: differenceInterval(own.draws, first.draws) };
}
