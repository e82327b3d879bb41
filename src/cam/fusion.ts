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

/** Columns that lie between the same two cells: they begin at `starts[i]` and end before `starts[i + 1]`. */
function segments({ first }: Interpolation): Int32Array {
  const starts: number[] = [];
  first.forEach((cell, x) => { if (x === 0 || cell !== first[x - 1]) starts.push(x); });
  return Int32Array.from([...starts, first.length]);
}

/** A layer ready to be read row by row. */
interface FusedLayer {
  readonly data: Float32Array;
  readonly height: number;
  readonly width: number;
  readonly rows: Interpolation;
  readonly columns: Interpolation;
  readonly segments: Int32Array;
}

/** Fused maps are kept up to this many numbers (64 MiB); larger ones are computed again when they are read. */
const MAX_KEPT = 2 ** 24;

/**
 * One map per class at the size of the photograph. Layers are normalised, scaled, upsampled and fused as
 * {@link FusionOptions} say; then each class's map is divided by its own maximum. Maps are handed out row by row: a
 * photograph of 48 megapixels takes no more memory than its rows.
 */
export class FusedMaps {
  readonly height: number;
  readonly width: number;
  /** The largest value of each class's map before the last normalisation; 0: the map is zero everywhere. */
  readonly maxima: Float32Array;
  private readonly layers: readonly FusedLayer[];
  private readonly cells: Float32Array;
  private readonly scratch: Float32Array;
  /** [K, height, width], where that is small enough to be kept. */
  private readonly kept: Float32Array | undefined;

  /**
   * @param layers shallowest first
   * @param classCount the number of maps K in each layer
   * @param size of the photograph
   * @param maxKept maps of more numbers than this are computed row by row as they are read
   */
  constructor(
    layers: readonly LayerMaps[], readonly classCount: number, [height, width]: Size, private readonly options: FusionOptions,
    maxKept = MAX_KEPT,
  ) {
    this.height = height;
    this.width = width;
    this.layers = layers.map((layer, i) => {
      const scaled = options.scaleLayers === 'all' || (options.scaleLayers === 'shallow' && i < layers.length - 1);
      const columns = interpolation(width, layer.width, options);
      return {
        height: layer.height, width: layer.width,
        data: normaliseLayer(layer, classCount, options.layerNorm, scaled ? options.gamma : undefined),
        rows: interpolation(height, layer.height, options),
        columns, segments: segments(columns),
      };
    });
    this.cells = new Float32Array(Math.max(...layers.map((layer) => layer.width)));
    const size = classCount * height * width;
    this.kept = size <= maxKept ? new Float32Array(size) : undefined;
    this.scratch = new Float32Array(width);
    this.maxima = this.fuseAll();
  }

  /** Fuses every row, normalises what is kept, and returns the maxima. */
  private fuseAll(): Float32Array {
    const area = this.height * this.width;
    return Float32Array.from({ length: this.classCount }, (_, k) => {
      let maximum = 0;
      for (let y = 0; y < this.height; y++) maximum = Math.max(maximum, this.fuseRow(k, y, this.keptRow(k, y) ?? this.scratch));
      if (this.kept !== undefined) this.normalise(this.kept.subarray(k * area, (k + 1) * area), maximum);
      return maximum;
    });
  }

  private keptRow(k: number, y: number): Float32Array | undefined {
    const start = (k * this.height + y) * this.width;
    return this.kept?.subarray(start, start + this.width);
  }

  private normalise(values: Float32Array, maximum: number): void {
    if (this.options.mapNorm === 'none' || maximum === 0) return;
    for (let i = 0; i < values.length; i++) values[i] /= maximum;
  }

  /** Row y of class k's map, normalised, [width]. It may be overwritten by the next call, and is not to be changed. */
  row(k: number, y: number): Float32Array {
    const kept = this.keptRow(k, y);
    if (kept !== undefined) return kept;
    this.fuseRow(k, y, this.scratch);
    this.normalise(this.scratch, this.maxima[k]);
    return this.scratch;
  }

  /** All maps at full size, [K, height, width]; not to be changed. */
  toArray(): Float32Array {
    if (this.kept !== undefined) return this.kept;
    const maps = new Float32Array(this.classCount * this.height * this.width);
    for (let k = 0; k < this.classCount; k++) {
      for (let y = 0; y < this.height; y++) maps.set(this.row(k, y), (k * this.height + y) * this.width);
    }
    return maps;
  }

  /** Writes row y of class k's map, not normalised, and returns its largest value. */
  private fuseRow(k: number, y: number, out: Float32Array): number {
    const { cells, layers } = this;
    const mean = this.options.fuse === 'mean';
    const weight = mean ? 1 / layers.length : 1;
    let maximum = 0;
    for (let l = 0; l < layers.length; l++) {
      const { width, height, data, rows, columns, segments: starts } = layers[l];
      const base = k * height * width;
      const first = base + rows.first[y] * width;
      const second = base + rows.second[y] * width;
      const down = rows.share[y];
      // Down first: it is done on the few cells of the map, not on the many pixels of the photograph.
      for (let i = 0; i < width; i++) cells[i] = weight * (data[first + i] + down * (data[second + i] - data[first + i]));
      const across = columns.share;
      // Along a segment the two cells are the same; they are read once for all of its pixels.
      for (let i = 0; i + 1 < starts.length; i++) {
        const start = starts[i];
        const end = starts[i + 1];
        const a = cells[columns.first[start]];
        const step = cells[columns.second[start]] - a;
        // The row itself holds what is fused so far: nothing yet, a sum, or a maximum.
        if (l === 0) for (let x = start; x < end; x++) out[x] = a + across[x] * step;
        else if (mean) for (let x = start; x < end; x++) out[x] += a + across[x] * step;
        else {
          for (let x = start; x < end; x++) {
            const value = a + across[x] * step;
            if (value > out[x]) out[x] = value;
          }
        }
      }
    }
    for (let x = 0; x < out.length; x++) if (out[x] > maximum) maximum = out[x];
    return maximum;
  }
}
