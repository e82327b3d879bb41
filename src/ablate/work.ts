import type { MultiScaleOptions, View } from '../maps/multi-scale.js';
import type { CamMethodName } from '../cam/names.js';
import type { ConflictPolicy } from '../seeds/assign.js';
import type { Variant } from './variant.js';
import { recipeKey } from './variant.js';

/** How to make maps, with indices into the {@link AblationWork}. Plain data. */
export interface MapWork {
  /** Indices into the views. */
  readonly views: readonly number[];
  /** Indices into the requests, shallowest layer first. */
  readonly requests: readonly number[];
  readonly fusion: MultiScaleOptions;
  readonly upsampler?: string;
  readonly refine?: { readonly chain: string; readonly norm: 'max' | 'none' };
}

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
export interface AblationWork {
  /** Distinct layer names and methods. */
  readonly layers: readonly string[];
  readonly methods: readonly CamMethodName[];
  /** Indices into both. */
  readonly requests: readonly { readonly layer: number; readonly method: number }[];
  readonly views: readonly View[];
  readonly maps: readonly MapWork[];
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
  const pairs = variants.flatMap(({ recipe }) => recipe.layers.map(splitName));
  const used = new Set(pairs.map(([layer]) => layer));
  const layers = layerOrder.filter((name) => used.has(name));
  const methods = [...new Set(pairs.map(([, method]) => method))];
  const requests = distinct(pairs.map(([layer, method]) => ({ layer: layers.indexOf(layer), method: methods.indexOf(method) })))
    .sort((a, b) => a.layer - b.layer || a.method - b.method);
  const requestIndex = new Map(requests.map(({ layer, method }, i) => [`${layers[layer]}@${methods[method]}`, i]));
  const views = distinct(variants.flatMap(({ recipe }) => recipe.views)).sort((a, b) => a.scale - b.scale || Number(a.flip) - Number(b.flip));
  const viewIndex = new Map(views.map((view, i) => [JSON.stringify(view), i]));
  const recipes = new Map<string, number>();
  const maps: MapWork[] = [];
  const measureKeys = new Map<string, number>();
  const measures: MeasureWork[] = [];
  const measureOf = variants.map(({ recipe, background, conflict }) => {
    const index = indexOf(recipes, recipeKey(recipe), maps, () => ({
      views: recipe.views.map((view) => viewIndex.get(JSON.stringify(view))!),
      requests: recipe.layers.map((name) => requestIndex.get(name)!),
      fusion: recipe.fusion, upsampler: recipe.upsampler, refine: recipe.refine,
    }));
    // Thresholds per class are tuned with the same counts as one threshold.
    const kind = background === 'constant' || background === 'per-class' ? 'steps' : background;
    return indexOf(measureKeys, JSON.stringify([index, kind, conflict]), measures, () => ({ maps: index, kind, conflict }));
  });
  return { layers, methods, requests, views, maps, measures, measureOf };
}

function splitName(name: string): [layer: string, method: CamMethodName] {
  const at = name.lastIndexOf('@');
  return [name.slice(0, at), name.slice(at + 1) as CamMethodName];
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

function indexOf<T>(known: Map<string, number>, key: string, list: T[], make: () => T): number {
  let index = known.get(key);
  if (index === undefined) {
    known.set(key, index = list.length);
    list.push(make());
  }
  return index;
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
