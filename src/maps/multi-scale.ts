import { mirrored } from '../image/normalise.js';
import type { Size } from '../size.js';
import { CombinedMaps } from './combine.js';
import type { FusionOptions } from './fusion.js';
import type { LayerMaps } from '../cam/layer-maps.js';
import { scratchMapKernels } from '../kernels/map-kernels.js';
import { FusedMaps, fuseInto, isScaled, MAX_KEPT } from './fusion.js';
import { ArrayMaps, mapsToArray } from './map-rows.js';
import type { MapRows } from './map-rows.js';

/** One way of showing a photograph to the network. */
export interface View {
  /** Multiplies the network's input size. */
  readonly scale: number;
  /** Mirrored left to right. */
  readonly flip: boolean;
}

/** How the maps of layers and views become one map per class. */
export interface MultiScaleOptions extends FusionOptions {
  /** Divide each view's map by its maximum before views are combined, or not; then views with a strong response count more. */
  readonly scaleNorm: 'max' | 'none';
  /** How views are combined: element-wise mean or maximum. */
  readonly scaleFuse: 'mean' | 'max';
  /** Fuse the layers of each view and then combine views, or combine the views of each layer and then fuse layers. */
  readonly fuseFirst: 'layers' | 'scales';
}

/** Every scale, unmirrored and with `flip` also mirrored. */
export function viewsOf({ scales, flip }: { readonly scales: readonly number[]; readonly flip: boolean }): View[] {
  return scales.flatMap((scale) => (flip ? [{ scale, flip: false }, { scale, flip: true }] : [{ scale, flip: false }]));
}

/** The maps of a mirrored photograph, mirrored back. */
export function turnedBack({ height, width, data }: LayerMaps): LayerMaps {
  return { height, width, data: mirrored(data, width) };
}

/**
 * One map per class at the size of the photograph, from the maps of all layers of all views.
 *
 * The layers of a view are fused as in LayerCAM. Views are normalised and combined at the size of the photograph, as IRN (Ahn et
 * al., CVPR 2019) and PSA (Ahn and Kwak, CVPR 2018) do with the scales of one layer.
 *
 * @param views the layers of each view, shallowest first; those of mirrored views are mirrored back
 * @param classCount the number of maps in each layer
 * @param size of the photograph
 */
export function fuseViews(
  views: readonly (readonly LayerMaps[])[], classCount: number, size: Size, options: MultiScaleOptions,
): MapRows & { readonly maxima: Float32Array } {
  if (views.length === 1) return new FusedMaps(views[0], classCount, size, options);
  const { scaleNorm, scaleFuse, fuseFirst, layerNorm, gamma, fuse, mapNorm } = options;
  // Together they may take as much memory as one.
  const kept = MAX_KEPT / (views.length * (fuseFirst === 'layers' ? 1 : views[0].length));
  if (fuseFirst === 'layers') {
    if (classCount * size[0] * size[1] <= kept) return viewsAtOnce(views, classCount, size, options);
    const parts = views.map((layers) => new FusedMaps(layers, classCount, size, { ...options, mapNorm: scaleNorm }, kept));
    return new CombinedMaps(parts, { fuse: scaleFuse, norm: mapNorm });
  }
  const layers = views[0].map((_, i) => {
    const parts = views.map((view) => new FusedMaps([view[i]], classCount, size, { ...options, scaleLayers: 'none', layerNorm: scaleNorm, mapNorm: 'none' }, kept));
    return new CombinedMaps(parts, { fuse: scaleFuse, norm: layerNorm, ...(isScaled(options, i, views[0].length) ? { gamma } : {}) });
  });
  return new CombinedMaps(layers, { fuse, norm: mapNorm });
}

/** The maps of each view are fused and combined where they are computed, without a copy of each. */
function viewsAtOnce(
  views: readonly (readonly LayerMaps[])[], classCount: number, size: Size, options: MultiScaleOptions,
): MapRows & { readonly maxima: Float32Array } {
  const [height, width] = size;
  const kernels = scratchMapKernels();
  const all = kernels.floats(classCount * height * width);
  const part = kernels.floats(all.length);
  for (const [i, layers] of views.entries()) {
    fuseInto(kernels, layers, classCount, size, { ...options, mapNorm: options.scaleNorm }, i === 0 ? all : part);
    if (i === 0) continue;
    if (options.scaleFuse === 'mean') kernels.addInto(all, part);
    else kernels.maxInto(all, part);
  }
  if (options.scaleFuse === 'mean') kernels.scale(all, 1 / views.length);
  const maxima = kernels.maxima(all, classCount);
  if (options.mapNorm === 'max') kernels.divideMaps(all, maxima);
  return Object.assign(new ArrayMaps(all.view.slice(), classCount, height, width), { maxima });
}

/** The layer with the most cells; of several, the first. */
export function finestOf(layers: readonly LayerMaps[]): LayerMaps {
  return layers.reduce((best, layer) => (layer.height * layer.width > best.height * best.width ? layer : best));
}

/**
 * The maps of each layer alone, as {@link fuseViews} makes them, on the finest grid that a view has of the layer.
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
