import type { CamMethodName } from '../cam/names.js';
import type { CamRequest } from '../cam/plan.js';
import type { ClassifierGraph } from '../classifier/classifier.js';
import type { MultiScaleOptions, View } from '../maps/multi-scale.js';
import type { Variant } from './variant.js';

/** How to make maps, with indices into the {@link MapPlan}. Plain data. */
export interface MapWork {
  /** Indices into the views. */
  readonly views: readonly number[];
  /** Indices into the requests, shallowest layer first. */
  readonly requests: readonly number[];
  readonly fusion: MultiScaleOptions;
  readonly upsampler?: string;
  readonly refine?: { readonly chain: string; readonly norm: 'max' | 'none' };
}

/** The maps of several variants, without duplicates. */
export interface MapPlan {
  /** Distinct layer names and methods. */
  readonly layers: readonly string[];
  readonly methods: readonly CamMethodName[];
  /** Indices into both. */
  readonly requests: readonly { readonly layer: number; readonly method: number }[];
  readonly views: readonly View[];
  readonly maps: readonly MapWork[];
}

/**
 * Finds what the maps of variants share: views, layers and methods.
 *
 * @param layerOrder the names of all layers of the network, shallowest first
 * @returns also the index of the maps of each variant
 */
export function planMaps(variants: readonly Variant[], layerOrder: readonly string[]): MapPlan & { readonly mapsOf: readonly number[] } {
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
  // Equal recipes mean equal maps, which are made only once.
  const mapsOf = variants.map(({ recipe }) => indexOf(recipes, JSON.stringify(recipe), maps, () => ({
    views: recipe.views.map((view) => viewIndex.get(JSON.stringify(view))!),
    requests: recipe.layers.map((name) => requestIndex.get(name)!),
    fusion: recipe.fusion, upsampler: recipe.upsampler, refine: recipe.refine,
  })));
  return { layers, methods, requests, views, maps, mapsOf };
}

/** What maps depend on, for the journal. */
export function identityOf({ layers, methods, requests, views, maps }: MapPlan): Readonly<Record<string, unknown>> {
  return {
    layers, methods, views,
    maps: maps.map(({ views: own, requests: picked, ...rest }) => ({ views: own, picks: picked.map((request) => requests[request]), ...rest })),
  };
}

/** The layers and methods of a pass. */
export function requestsOf(graph: ClassifierGraph, { layers, methods, requests }: MapPlan): CamRequest[] {
  const resolved = graph.resolveLayers(layers);
  return requests.map(({ layer, method }) => ({ layer: resolved[layer], method: methods[method] }));
}

function splitName(name: string): [layer: string, method: CamMethodName] {
  const at = name.lastIndexOf('@');
  return [name.slice(0, at), name.slice(at + 1) as CamMethodName];
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

/** The index of a value in a list of distinct ones; if its key is new, the value is added. */
export function indexOf<T>(known: Map<string, number>, key: string, list: T[], make: () => T): number {
  let index = known.get(key);
  if (index === undefined) {
    known.set(key, index = list.length);
    list.push(make());
  }
  return index;
}
