import type { MapPlan } from '../variants/map-plan.js';
import { indexOf, planMaps } from '../variants/map-plan.js';
import type { ConflictPolicy } from '../seeds/assign.js';
import type { Variant } from '../variants/variant.js';

/** What to count in maps. Plain data. */
export interface MeasureWork {
  /** Index into the maps. */
  readonly maps: number;
  /** `steps`: every threshold of the sweep; `power`: every alpha; `percentile`: every percentage; `otsu`: Otsu's threshold. */
  readonly kind: 'steps' | 'power' | 'percentile' | 'otsu';
  readonly conflict: ConflictPolicy;
}

/** The values to try for each kind of background. Plain data. */
export interface Parameters {
  /** Steps of the sweep; the thresholds are i / thresholds. */
  readonly thresholds: number;
  readonly alphas: readonly number[];
  readonly percentiles: readonly number[];
}

/** Everything that one pass over the images computes, without duplicates. */
export interface AblationWork extends MapPlan {
  readonly measures: readonly MeasureWork[];
  /** For each variant, the index of its measure. */
  readonly measureOf: readonly number[];
}

/**
 * Finds what variants share: views, layers, methods, maps and counts.
 *
 * @param layerOrder the names of all layers of the network, shallowest first
 */
export function planWork(variants: readonly Variant[], layerOrder: readonly string[]): AblationWork {
  const { mapsOf, ...plan } = planMaps(variants, layerOrder);
  const measureKeys = new Map<string, number>();
  const measures: MeasureWork[] = [];
  const measureOf = variants.map(({ background, conflict }, v) => {
    const maps = mapsOf[v];
    // Thresholds per class are tuned with the same counts as one threshold.
    const kind = background === 'constant' || background === 'per-class' ? 'steps' : background;
    return indexOf(measureKeys, JSON.stringify([maps, kind, conflict]), measures, () => ({ maps, kind, conflict }));
  });
  return { ...plan, measures, measureOf };
}

/** The values to try for a kind of measure, in the order of its counts; for Otsu's threshold, a single NaN. */
export function parametersOf(kind: MeasureWork['kind'], { thresholds, alphas, percentiles }: Parameters): number[] {
  switch (kind) {
    case 'steps': return Array.from({ length: thresholds }, (_, i) => i / thresholds);
    // Larger alphas mean lower thresholds.
    case 'power': return [...alphas].sort((a, b) => b - a);
    case 'percentile': return [...percentiles].sort((a, b) => a - b);
    case 'otsu': return [NaN];
  }
}
