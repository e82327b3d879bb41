import { mirrored } from '../image/normalise.js';
import type { Size } from '../size.js';
import { CombinedMaps } from './combine.js';
import type { FusionOptions } from './fusion.js';
import type { LayerMaps } from '../cam/layer-maps.js';
import { FusedMaps, MAX_KEPT } from './fusion.js';
import { mapsToArray } from './map-rows.js';
import type { MapRows } from './map-rows.js';

/** One way of showing a photograph to the network. */
export interface View {
  /** The network's input size is multiplied by this. */
  readonly scale: number;
  /** Mirrored, left to right. */
  readonly flip: boolean;
}

/** How maps of several views become one, beside how layers do. */
export interface MultiScaleOptions extends FusionOptions {
  /** Divide each view's map by its maximum before views are combined, or leave it, so that a view that responds strongly counts more. */
  readonly scaleNorm: 'max' | 'none';
  /** How the views become one: element-wise mean (a sum, but for normalisation) or maximum. */
  readonly scaleFuse: 'mean' | 'max';
  /** Fuse the layers of each view and then combine the views, or combine the views of each layer and then fuse layers. */
  readonly fuseFirst: 'layers' | 'scales';
}

/** Every scale as it is and, where asked for, mirrored. */
export function viewsOf({ scales, flip }: { readonly scales: readonly number[]; readonly flip: boolean }): View[] {
  return scales.flatMap((scale) => (flip ? [{ scale, flip: false }, { scale, flip: true }] : [{ scale, flip: false }]));
}

/** Maps of a mirrored photograph turned back. */
export function turnedBack({ height, width, data }: LayerMaps): LayerMaps {
  return { height, width, data: mirrored(data, width) };
}

/**
 * One map per class at the size of the photograph, from the maps of all layers of all views.
 *
 * A single view is fused as LayerCAM does. Several are combined at the photograph's size after normalisation of each, as
 * IRN (Ahn et al., CVPR 2019) and PSA (Ahn and Kwak, CVPR 2018) do with the scales of one layer.
 *
 * @param views per view its layers, shallowest first, mirrored ones turned back
 * @param classCount the number of maps in each layer
 * @param size of the photograph
 */
export function fuseViews(
  views: readonly (readonly LayerMaps[])[], classCount: number, size: Size, options: MultiScaleOptions,
): MapRows & { readonly maxima: Float32Array } {
  if (views.length === 1) return new FusedMaps(views[0], classCount, size, options);
  const { scaleNorm, scaleFuse, fuseFirst, layerNorm, scaleLayers, gamma, fuse, mapNorm } = options;
  // All of them together take as much memory as a single one may.
  const kept = MAX_KEPT / (views.length * (fuseFirst === 'layers' ? 1 : views[0].length));
  if (fuseFirst === 'layers') {
    const parts = views.map((layers) => new FusedMaps(layers, classCount, size, { ...options, mapNorm: scaleNorm }, kept));
    return new CombinedMaps(parts, { fuse: scaleFuse, norm: mapNorm });
  }
  const last = views[0].length - 1;
  const layers = views[0].map((_, i) => {
    const parts = views.map((view) => new FusedMaps([view[i]], classCount, size, { ...options, scaleLayers: 'none', layerNorm: scaleNorm, mapNorm: 'none' }, kept));
    const scaled = scaleLayers === 'all' || (scaleLayers === 'shallow' && i < last);
    return new CombinedMaps(parts, { fuse: scaleFuse, norm: layerNorm, ...(scaled ? { gamma } : {}) });
  });
  return new CombinedMaps(layers, { fuse, norm: mapNorm });
}

/** The layer with the most cells, the first one of equals. */
export function finestOf(layers: readonly LayerMaps[]): LayerMaps {
  return layers.reduce((best, layer) => (layer.height * layer.width > best.height * best.width ? layer : best));
}

/**
 * The maps of each layer alone, on the finest grid that a view has of it: what {@link fuseViews} makes of one layer. To look at.
 *
 * @returns per layer, shallowest first, [K, h, w]
 */
export function singleLayers(views: readonly (readonly LayerMaps[])[], classCount: number, options: MultiScaleOptions): LayerMaps[] {
  return views[0].map((_, i) => {
    const own = views.map((layers) => layers[i]);
    const { height, width } = finestOf(own);
    return { height, width, data: mapsToArray(fuseViews(own.map((layer) => [layer]), classCount, [height, width], options)) };
  });
}
