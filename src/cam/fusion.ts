import type { Size } from '../onnx/shapes.js';

/** The maps of one layer as the CAM program returns them: [K, height, width], not negative, one map per class. */
export interface LayerMaps {
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

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

/** For every pixel along one axis: the two cells it lies between, and the share of the second. */
interface Interpolation {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly share: Float32Array;
}

function interpolation(pixels: number, cells: number, { upsample, alignCorners }: FusionOptions): Interpolation {
  const first = new Int32Array(pixels);
  const second = new Int32Array(pixels);
  const share = new Float32Array(pixels);
  for (let i = 0; i < pixels; i++) {
    const centre = alignCorners ? (pixels === 1 ? 0 : (i * (cells - 1)) / (pixels - 1)) : ((i + 0.5) * cells) / pixels - 0.5;
    const at = Math.min(Math.max(centre, 0), cells - 1);
    const low = upsample === 'nearest' ? Math.min(Math.floor(alignCorners ? at + 0.5 : ((i + 0.5) * cells) / pixels), cells - 1) : Math.floor(at);
    first[i] = low;
    second[i] = Math.min(low + 1, cells - 1);
    share[i] = upsample === 'nearest' ? 0 : at - low;
  }
  return { first, second, share };
}

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

/**
 * One map per class at the size of the photograph, computed row by row when asked for: a batch never holds more than it
 * needs, and a photograph of 48 megapixels takes no more memory than its rows.
 *
 * Layers are normalised, scaled, upsampled and fused as {@link FusionOptions} say; then each class's map is divided by
 * its own maximum.
 */
export class FusedMaps {
  readonly height: number;
  readonly width: number;
  /** The largest value of each class's map before the last normalisation; 0: the map is zero everywhere. */
  readonly maxima: Float32Array;
  private readonly layers: readonly { data: Float32Array; height: number; width: number; rows: Interpolation; columns: Interpolation }[];
  private readonly row: Float32Array;

  /**
   * @param layers shallowest first
   * @param classCount the number of maps K in each layer
   * @param size of the photograph
   */
  constructor(layers: readonly LayerMaps[], readonly classCount: number, [height, width]: Size, private readonly options: FusionOptions) {
    this.height = height;
    this.width = width;
    this.layers = layers.map((layer, i) => {
      const scaled = options.scaleLayers === 'all' || (options.scaleLayers === 'shallow' && i < layers.length - 1);
      return {
        height: layer.height, width: layer.width,
        data: normaliseLayer(layer, classCount, options.layerNorm, scaled ? options.gamma : undefined),
        rows: interpolation(height, layer.height, options),
        columns: interpolation(width, layer.width, options),
      };
    });
    this.row = new Float32Array(Math.max(...layers.map((layer) => layer.width)));
    this.maxima = this.findMaxima();
  }

  private findMaxima(): Float32Array {
    const maxima = new Float32Array(this.classCount);
    const out = new Float32Array(this.width);
    for (let k = 0; k < this.classCount; k++) {
      let maximum = 0;
      for (let y = 0; y < this.height; y++) {
        this.fuseRow(k, y, out);
        for (let x = 0; x < out.length; x++) if (out[x] > maximum) maximum = out[x];
      }
      maxima[k] = maximum;
    }
    return maxima;
  }

  /** Writes row y of class k's map, normalised, into `out` [width]. */
  readRow(k: number, y: number, out: Float32Array): void {
    this.fuseRow(k, y, out);
    const maximum = this.maxima[k];
    if (this.options.mapNorm === 'none' || maximum === 0) return;
    for (let x = 0; x < this.width; x++) out[x] /= maximum;
  }

  /** All maps at full size, [K, height, width]. */
  toArray(): Float32Array {
    const area = this.height * this.width;
    const maps = new Float32Array(this.classCount * area);
    for (let k = 0; k < this.classCount; k++) {
      for (let y = 0; y < this.height; y++) {
        const start = k * area + y * this.width;
        this.readRow(k, y, maps.subarray(start, start + this.width));
      }
    }
    return maps;
  }

  private fuseRow(k: number, y: number, out: Float32Array): void {
    const mean = this.options.fuse === 'mean';
    const weight = mean ? 1 / this.layers.length : 1;
    const { row, width } = this;
    for (let l = 0; l < this.layers.length; l++) {
      const layer = this.layers[l];
      const cells = layer.width;
      const base = k * layer.height * cells;
      const [first, second, share] = [base + layer.rows.first[y] * cells, base + layer.rows.second[y] * cells, layer.rows.share[y]];
      // Down first: it is done on the few cells of the map, not on the many pixels of the photograph.
      for (let i = 0; i < cells; i++) row[i] = weight * (layer.data[first + i] + share * (layer.data[second + i] - layer.data[first + i]));
      const { first: left, second: right, share: part } = layer.columns;
      if (l === 0) {
        for (let x = 0; x < width; x++) {
          const a = row[left[x]];
          out[x] = a + part[x] * (row[right[x]] - a);
        }
      } else if (mean) {
        for (let x = 0; x < width; x++) {
          const a = row[left[x]];
          out[x] += a + part[x] * (row[right[x]] - a);
        }
      } else {
        for (let x = 0; x < width; x++) {
          const a = row[left[x]];
          const value = a + part[x] * (row[right[x]] - a);
          if (value > out[x]) out[x] = value;
        }
      }
    }
  }
}
