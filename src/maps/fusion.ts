import type { LayerMaps } from '../cam/layer-maps.js';
import type { Size } from '../size.js';
import type { Floats } from '../kernels/arena.js';
import { MapKernels, scratchMapKernels } from '../kernels/map-kernels.js';
import type { GridMaps } from '../kernels/map-kernels.js';
import type { MapRows } from './map-rows.js';
import { ArrayMaps } from './map-rows.js';

/** Every choice on the way from the maps of single layers to one map per class. */
export interface FusionOptions {
  /** Divide each layer's map by its maximum, or leave it as it is. */
  readonly layerNorm: 'max' | 'none';
  /** Which layers are scaled by tanh(gamma x): all but the deepest, all, or none. */
  readonly scaleLayers: 'shallow' | 'all' | 'none';
  readonly gamma: number;
  /** How the layers become one: element-wise maximum or mean. */
  readonly fuse: 'max' | 'mean';
  /** `nearest` is by half-pixel centres (PyTorch's `nearest-exact`), so that both kinds lay the cells over the same pixels. */
  readonly upsample: 'bilinear' | 'nearest';
  /** Corner pixels on corner cells instead of half-pixel centres. */
  readonly alignCorners: boolean;
  /** Divide each class's fused map by its maximum, or leave it. */
  readonly mapNorm: 'max' | 'none';
}

/** LayerCAM's choices. */
export const DEFAULT_FUSION: FusionOptions = {
  layerNorm: 'max', scaleLayers: 'shallow', gamma: 2, fuse: 'max', upsample: 'bilinear', alignCorners: false, mapNorm: 'max',
};

/**
 * Normalises a layer's maps and scales them: `M / max M` and, where `gamma` is given, `tanh(gamma M / max M)` (LayerCAM,
 * equation 9). A map that is zero everywhere stays zero.
 *
 * @param classes the number of maps in `data`
 * @returns [K, height, width], in [0, 1] where normalised
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

/** Fused maps are kept up to this many numbers (64 MiB); larger ones are computed again when they are read. */
export const MAX_KEPT = 2 ** 24;

/**
 * One map per class at the size of the photograph. Layers are normalised, scaled, upsampled and fused as
 * {@link FusionOptions} say; then each class's map is divided by its own maximum. Maps are handed out row by row: a
 * photograph of 48 megapixels takes no more memory than its rows.
 */
export class FusedMaps implements MapRows {
  readonly height: number;
  readonly width: number;
  /** The largest value of each class's map before the last normalisation; 0: the map is zero everywhere. */
  readonly maxima: Float32Array;
  private readonly source: MapRows;

  /**
   * @param layers shallowest first
   * @param classCount the number of maps K in each layer
   * @param size of the photograph
   * @param maxKept maps of more numbers than this are computed row by row as they are read
   */
  constructor(layers: readonly LayerMaps[], readonly classCount: number, [height, width]: Size, options: FusionOptions, maxKept = MAX_KEPT) {
    this.height = height;
    this.width = width;
    const scaled = layers.map((layer, i) => ({
      height: layer.height, width: layer.width,
      data: normaliseLayer(layer, classCount, options.layerNorm, isScaled(options, i, layers.length) ? options.gamma : undefined),
    }));
    const kept = classCount * height * width <= maxKept;
    const fused = kept ? fuseAtOnce(scaled, classCount, [height, width], options) : new RowFusion(scaled, classCount, [height, width], options);
    this.source = fused;
    this.maxima = fused.maxima;
  }

  /** All rows, unless they are computed as they are read. */
  get data(): Float32Array | undefined {
    return this.source.data;
  }

  /** Row y of class k's map, normalised, [width]. It may be overwritten by the next call, and is not to be changed. */
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

/** All rows at once, in memory. */
function fuseAtOnce(
  layers: readonly LayerMaps[], classCount: number, size: Size, options: FusionOptions,
): MapRows & { readonly maxima: Float32Array } {
  const [height, width] = size;
  const kernels = scratchMapKernels();
  const fused = kernels.floats(classCount * height * width);
  const maxima = kernels.fuse(gridsOf(kernels, layers, size, options), classCount, fused, options.fuse);
  if (options.mapNorm === 'max') kernels.divideMaps(fused, maxima);
  return Object.assign(new ArrayMaps(fused.view.slice(), classCount, height, width), { maxima });
}

/** Maps too large to be kept: every row is computed when it is read, and once before to find the maxima. */
class RowFusion implements MapRows {
  readonly height: number;
  readonly width: number;
  readonly maxima: Float32Array;
  // Its own, for it is read long after it was made.
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
