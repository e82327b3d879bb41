import { scratchMapKernels } from '../kernels/map-kernels.js';
import { MAX_KEPT } from './fusion.js';
import { ArrayMaps } from './map-rows.js';
import type { MapRows } from './map-rows.js';

/** How several maps of the same pixels are combined. */
export interface CombineOptions {
  readonly fuse: 'max' | 'mean';
  /** Divide each class's combined map by its maximum, or leave it. */
  readonly norm: 'max' | 'none';
  /** Scale the result by tanh(gamma x). */
  readonly gamma?: number;
}

/**
 * Maps of the same classes and pixels combined element by element: those of several scales, of a photograph and its mirror
 * image, or of several layers.
 */
export class CombinedMaps implements MapRows {
  readonly height: number;
  readonly width: number;
  readonly classCount: number;
  /** The largest value of each class's map before normalisation; 0: the map is zero everywhere. */
  readonly maxima: Float32Array;
  private readonly scratch: Float32Array;
  private readonly kept: ArrayMaps | undefined;

  /**
   * @param parts of equal sizes, at least one
   * @param maxKept results with more numbers than this are computed row by row when they are read
   */
  constructor(private readonly parts: readonly MapRows[], private readonly options: CombineOptions, maxKept = MAX_KEPT) {
    ({ height: this.height, width: this.width, classCount: this.classCount } = parts[0]);
    const size = this.classCount * this.height * this.width;
    this.scratch = new Float32Array(this.width);
    if (size <= maxKept && parts.every(({ data }) => data !== undefined)) {
      this.maxima = new Float32Array(this.classCount);
      this.kept = this.combineAtOnce();
      return;
    }
    const kept = size <= maxKept ? new ArrayMaps(new Float32Array(size), this.classCount, this.height, this.width) : undefined;
    this.maxima = new Float32Array(this.classCount);
    for (let k = 0; k < this.classCount; k++) {
      for (let y = 0; y < this.height; y++) this.maxima[k] = Math.max(this.maxima[k], this.combine(k, y, kept?.row(k, y) ?? this.scratch));
      if (kept !== undefined) for (let y = 0; y < this.height; y++) this.finish(k, kept.row(k, y));
    }
    this.kept = kept;
  }

  /** All rows, unless they are computed when they are read. */
  get data(): Float32Array | undefined {
    return this.kept?.data;
  }

  row(k: number, y: number): Float32Array {
    if (this.kept !== undefined) return this.kept.row(k, y);
    this.combine(k, y, this.scratch);
    this.finish(k, this.scratch);
    return this.scratch;
  }

  /** All maps, whose parts are in memory, with the same numbers as row by row. Sets the maxima. */
  private combineAtOnce(): ArrayMaps {
    const { parts: [first, ...others], options: { fuse, norm, gamma }, classCount, height, width } = this;
    const kernels = scratchMapKernels();
    const all = kernels.floatsFrom(first.data!);
    const part = kernels.floats(all.length);
    for (const { data } of others) {
      part.view.set(data!);
      if (fuse === 'mean') kernels.addInto(all, part);
      else kernels.maxInto(all, part);
    }
    if (fuse === 'mean') kernels.scale(all, 1 / this.parts.length);
    this.maxima.set(kernels.maxima(all, classCount));
    if (norm === 'max') kernels.divideMaps(all, this.maxima);
    const data = all.view.slice();
    if (gamma !== undefined) for (let i = 0; i < data.length; i++) data[i] = Math.tanh(gamma * data[i]);
    return new ArrayMaps(data, classCount, height, width);
  }

  /** Writes a row without normalising it, and returns its largest value. */
  private combine(k: number, y: number, out: Float32Array): number {
    const mean = this.options.fuse === 'mean';
    this.parts.forEach((part, i) => {
      const row = part.row(k, y);
      if (i === 0) out.set(row);
      else if (mean) for (let x = 0; x < out.length; x++) out[x] += row[x];
      else for (let x = 0; x < out.length; x++) if (row[x] > out[x]) out[x] = row[x];
    });
    const share = mean ? Math.fround(1 / this.parts.length) : 1;
    let maximum = 0;
    for (let x = 0; x < out.length; x++) {
      out[x] *= share;
      if (out[x] > maximum) maximum = out[x];
    }
    return maximum;
  }

  private finish(k: number, values: Float32Array): void {
    const { norm, gamma } = this.options;
    const maximum = this.maxima[k];
    if (norm === 'max' && maximum > 0) for (let i = 0; i < values.length; i++) values[i] /= maximum;
    if (gamma !== undefined) for (let i = 0; i < values.length; i++) values[i] = Math.tanh(gamma * values[i]);
  }
}
