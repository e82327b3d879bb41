import type { LayerMaps } from '../cam/layer-maps.js';
import type { Size } from '../size.js';
import type { Floats } from '../kernels/arena.js';
import { MapKernels, scratchMapKernels } from '../kernels/map-kernels.js';
import type { GridMaps } from '../kernels/map-kernels.js';
import type { MapRows } from './map-rows.js';
import { ArrayMaps } from './map-rows.js';

/** How the maps of single layers become one map per class. */
export interface FusionOptions {
  /** Divide each layer's map by its maximum, or not. */
  readonly layerNorm: 'max' | 'none';
  /** Which layers are scaled by tanh(gamma x): all but the deepest, all, or none. */
  readonly scaleLayers: 'shallow' | 'all' | 'none';
  readonly gamma: number;
  /** How layers are fused: element-wise maximum or mean. */
  readonly fuse: 'max' | 'mean';
  /** `nearest` uses half-pixel centres (PyTorch's `nearest-exact`), so that cells cover the same pixels as with `bilinear`. */
  readonly upsample: 'bilinear' | 'nearest';
  /** Align corner pixels with corner cells instead of using half-pixel centres. */
  readonly alignCorners: boolean;
  /** Divide each class's fused map by its maximum, or not. */
  readonly mapNorm: 'max' | 'none';
}

/** The options of the LayerCAM paper. */
export const DEFAULT_FUSION: FusionOptions = {
  layerNorm: 'max', scaleLayers: 'shallow', gamma: 2, fuse: 'max', upsample: 'bilinear', alignCorners: false, mapNorm: 'max',
};

/**
 * Normalises and scales the maps of a layer: `M / max M` and, if `gamma` is given, `tanh(gamma M / max M)` (LayerCAM, equation
 * 9). A map that is zero everywhere stays zero.
 *
 * @param classes the number of maps in `data`
 * @returns [K, height, width], in [0, 1] if normalised
 */
export function normaliseLayer({ data, height, width }: LayerMaps, classes: number, norm: FusionOptions['layerNorm'], gamma?: number): Float32Array {
  const result = Float32Array.from(data);
  const area = height * width;
  for (let k = 0; k < classes; k++) {
    const map = result.subarray(k * area, (k + 1) * area);
    const maximum = norm === 'max' ? maximumOf(map) : 1;
    if (maximum === 0) continue;
    for (let i = 0; i < area; i++) map[i] /= maximum;
    if (gamma !== undefined) for (let i = 0; i < area; i++) map[i] = Math.tanh(gamma * map[i]);
  }
  return result;
}

function maximumOf(values: Float32Array): number {
  let maximum = 0;
  for (const value of values) if (value > maximum) maximum = value;
  return maximum;
}

/** Fused maps of up to this many numbers (64 MiB) are kept in memory; larger ones are computed when they are read. */
export const MAX_KEPT = 2 ** 24;

/**
 * One map per class at the size of the photograph. Layers are normalised, scaled, upsampled and fused as the
 * {@link FusionOptions} say, then each class's map is divided by its maximum. Maps are read row by row, so those of very large
 * photographs do not need to be in memory.
 */
export class FusedMaps implements MapRows {
  readonly height: number;
  readonly width: number;
  /** The largest value of each class's map before `mapNorm`; 0: the map is zero everywhere. */
  readonly maxima: Float32Array;
  private readonly source: MapRows;

  /**
   * @param layers shallowest first
   * @param classCount the number of maps K in each layer
   * @param size of the photograph
   * @param maxKept maps with more numbers than this are computed row by row when they are read
   */
  constructor(layers: readonly LayerMaps[], readonly classCount: number, [height, width]: Size, options: FusionOptions, maxKept = MAX_KEPT) {
    this.height = height;
    this.width = width;
    const scaled = scaledLayers(layers, classCount, options);
    const kept = classCount * height * width <= maxKept;
    const fused = kept ? fuseAtOnce(scaled, classCount, [height, width], options) : new RowFusion(scaled, classCount, [height, width], options);
    this.source = fused;
    this.maxima = fused.maxima;
  }

  /** All rows, unless they are computed when they are read. */
  get data(): Float32Array | undefined {
    return this.source.data;
  }

  /** Row y of class k's map, [width]. Read it before the next call, which may overwrite it, and do not change it. */
  row(k: number, y: number): Float32Array {
    return this.source.row(k, y);
  }
}

/** Whether layer `index` of `count` layers, shallowest first, is scaled by tanh(gamma x). */
export function isScaled({ scaleLayers }: FusionOptions, index: number, count: number): boolean {
  return scaleLayers === 'all' || (scaleLayers === 'shallow' && index < count - 1);
}

function gridsOf(own: MapKernels, layers: readonly LayerMaps[], size: Size, options: FusionOptions): GridMaps[] {
  return layers.map(({ data, height, width }) => ({ maps: own.floatsFrom(data), grid: own.grid([height, width], size, options) }));
}

function fuseAtOnce(
  layers: readonly LayerMaps[], classCount: number, size: Size, options: FusionOptions,
): MapRows & { readonly maxima: Float32Array } {
  const [height, width] = size;
  const kernels = scratchMapKernels();
  const fused = kernels.floats(classCount * height * width);
  const maxima = fuseScaled(kernels, layers, classCount, size, options, fused);
  return Object.assign(new ArrayMaps(fused.view.slice(), classCount, height, width), { maxima });
}

/** @param layers normalised and scaled */
function fuseScaled(
  kernels: MapKernels, layers: readonly LayerMaps[], classCount: number, size: Size, options: FusionOptions, out: Floats,
): Float32Array {
  const maxima = kernels.fuse(gridsOf(kernels, layers, size, options), classCount, out, options.fuse);
  if (options.mapNorm === 'max') kernels.divideMaps(out, maxima);
  return maxima;
}

/**
 * The maps of {@link FusedMaps} in the memory of kernels.
 *
 * @param out [classCount, height, width], written
 * @returns the largest value of each class's map before normalisation
 */
export function fuseInto(
  kernels: MapKernels, layers: readonly LayerMaps[], classCount: number, size: Size, options: FusionOptions, out: Floats,
): Float32Array {
  return fuseScaled(kernels, scaledLayers(layers, classCount, options), classCount, size, options, out);
}

/** Layers as they are before they are upsampled and fused. */
function scaledLayers(layers: readonly LayerMaps[], classCount: number, options: FusionOptions): LayerMaps[] {
  return layers.map((layer, i) => ({
    height: layer.height, width: layer.width,
    data: normaliseLayer(layer, classCount, options.layerNorm, isScaled(options, i, layers.length) ? options.gamma : undefined),
  }));
}

/** For maps that are too large for memory: every row is computed when it is read, and once before to find the maxima. */
class RowFusion implements MapRows {
  readonly height: number;
  readonly width: number;
  readonly maxima: Float32Array;
  // Not the shared scratch kernels: rows are read long after the constructor has returned.
  private readonly kernels = new MapKernels();
  private readonly layers: readonly GridMaps[];
  private readonly scratch: Floats;

  constructor(layers: readonly LayerMaps[], readonly classCount: number, [height, width]: Size, private readonly options: FusionOptions) {
    this.height = height;
    this.width = width;
    this.scratch = this.kernels.floats(width);
    this.layers = gridsOf(this.kernels, layers, [height, width], options);
    this.maxima = Float32Array.from({ length: classCount }, (_, k) => {
      let maximum = 0;
      for (let y = 0; y < height; y++) maximum = Math.max(maximum, this.kernels.fuseRow(this.layers, k, y, this.scratch, options.fuse));
      return maximum;
    });
  }

  row(k: number, y: number): Float32Array {
    this.kernels.fuseRow(this.layers, k, y, this.scratch, this.options.fuse);
    if (this.options.mapNorm === 'max') this.kernels.divideMaps(this.scratch, this.maxima.subarray(k, k + 1));
    return this.scratch.view;
  }
}
