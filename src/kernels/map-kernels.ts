import { interpolation, segments } from './interpolation.js';
import type { InterpolationOptions } from './interpolation.js';
import type { Size } from '../size.js';
import type { Block, Bytes, Floats, Words } from './arena.js';
import { createKernels, scratchKernels } from './kernels.js';

/** Numbers after the counters, in which `argmaxHistogram` stores its pixels' places. */
const PLACES = 512;
/** Rows that are fused at a time: few enough to stay in the CPU's caches from one layer to the next. */
const BAND = 16;

const MODES = { set: 0, max: 1, add: 2 } as const;

/** How new numbers are written into a map: replace the old ones, or take the maximum or the sum of both. */
export type WriteMode = keyof typeof MODES;

/** The interpolation from a small grid of cells to a photograph's pixels, in the kernels' memory. */
export interface Grid {
  readonly from: Size;
  readonly to: Size;
  readonly rowFirst: Words;
  readonly rowSecond: Words;
  readonly rowShare: Floats;
  readonly starts: Words;
  readonly first: Words;
  readonly second: Words;
  readonly share: Floats;
  readonly scratch: Floats;
}

/** Counters of pixels by threshold bin, true label and strongest class. */
export interface Histogram {
  readonly bins: number;
  /** The number of true labels that occur. */
  readonly rows: number;
  /** Background, and one for each map. */
  readonly columns: number;
  /** [bins, rows, columns] */
  readonly counts: Words;
}

/** Maps of one layer and their grid. */
export interface GridMaps {
  /** [K, h, w]. */
  readonly maps: Floats;
  readonly grid: Grid;
}

/**
 * Maps in the memory of their own WebAssembly instance, and fast functions on them: upsampling, fusing, and the histogram of
 * a threshold sweep. {@link reset} frees all allocations at once.
 *
 * ```ts
 * const kernels = new MapKernels();
 * for (const image of images) {
 *   kernels.reset();
 *   const layers = image.layers.map(({ data, height, width }) => (
 *     { maps: kernels.floatsFrom(data), grid: kernels.grid([height, width], image.size, DEFAULT_FUSION) }
 *   ));
 *   const maps = kernels.floats(image.classCount * area);
 *   const maxima = kernels.fuse(layers, image.classCount, maps, 'max');
 *   const histogram = kernels.histogram(100, image.truthCount, image.classCount);
 *   kernels.argmaxHistogram(maps, kernels.bytesFrom(image.truthSlots), histogram, maxima);
 * }
 * ```
 */
export class MapKernels {
  /** @param kernels default: a new instance */
  constructor(private readonly kernels = createKernels()) {}

  /** Allocates numbers, not initialised. `view` is the memory itself. */
  floats(length: number): Floats {
    return this.kernels.arena.floats(length);
  }

  /** A copy of numbers. */
  floatsFrom(data: Float32Array | Float64Array): Floats {
    return filled(this.floats(data.length), data);
  }

  /** A copy of bytes, for example of a label map. */
  bytesFrom(data: Uint8Array): Bytes {
    return filled(this.kernels.arena.bytes(data.length), data);
  }

  /** Frees everything that was allocated since the last {@link hold}. */
  reset(): void {
    this.kernels.arena.reset();
  }

  /** Keeps all current allocations across {@link reset}. */
  hold(): void {
    this.kernels.arena.hold();
  }

  /**
   * Prepares the interpolation from a grid of cells to pixels, for any number of maps.
   *
   * @param from [h, w] of the small maps
   * @param to [height, width]
   */
  grid(from: Size, to: Size, options: InterpolationOptions): Grid {
    const { arena } = this.kernels;
    const rows = interpolation(to[0], from[0], options);
    const columns = interpolation(to[1], from[1], options);
    const starts = segments(columns);
    const words = (data: Int32Array): Words => filled(arena.words(data.length), data);
    return {
      from, to,
      rowFirst: words(rows.first), rowSecond: words(rows.second), rowShare: this.floatsFrom(rows.share),
      // Cells are looked up once per segment.
      starts: words(starts), first: words(starts.subarray(0, -1).map((x) => columns.first[x])),
      second: words(starts.subarray(0, -1).map((x) => columns.second[x])),
      share: filled(arena.floats(fours(to[1]) + 4), columns.share),
      scratch: arena.floats(fours(from[1]) + fours(to[1]) + 4),
    };
  }

  /**
   * Upsamples one map: pixel = weight (a + share (b - a)), along the columns first, in float32.
   *
   * @param small [h, w], or several of them, of which map `index` is read
   * @param out [height, width], or several of them, of which map `index` is written
   * @param mode how `out` is written; default: set
   * @returns the largest number in the map after writing, at least 0
   */
  upsample(small: Floats, grid: Grid, out: Floats, { mode = 'set', weight = 1, index = 0 }: { mode?: WriteMode; weight?: number; index?: number } = {}): number {
    return this.upsampleRows({ maps: small, grid }, out, index, 0, grid.to[0], mode, weight);
  }

  /**
   * Upsamples the maps of several layers and fuses them, a few rows at a time.
   *
   * @param layers [K, h, w] each, with grids of the same output size
   * @param out [K, height, width], written
   * @returns the largest number of each map, at least 0, [K]
   */
  fuse(layers: readonly GridMaps[], classCount: number, out: Floats, fuse: 'max' | 'mean'): Float32Array {
    const [height] = layers[0].grid.to;
    const weight = fuse === 'mean' ? 1 / layers.length : 1;
    const maxima = new Float32Array(classCount);
    for (let k = 0; k < classCount; k++) {
      for (let y = 0; y < height; y += BAND) {
        let maximum = 0;
        layers.forEach((layer, i) => {
          const mode = i === 0 ? 'set' : fuse === 'mean' ? 'add' : 'max';
          maximum = this.upsampleRows(layer, out, k, y, Math.min(y + BAND, height), mode, weight);
        });
        maxima[k] = Math.max(maxima[k], maximum);
      }
    }
    return maxima;
  }

  /**
   * Computes a single row of {@link fuse}, with the same numbers.
   *
   * @param k the map
   * @param y the row
   * @param out [width], written
   * @returns its largest number, at least 0
   */
  fuseRow(layers: readonly GridMaps[], k: number, y: number, out: Floats, fuse: 'max' | 'mean'): number {
    const weight = fuse === 'mean' ? 1 / layers.length : 1;
    let maximum = 0;
    layers.forEach((layer, i) => {
      const mode = i === 0 ? 'set' : fuse === 'mean' ? 'add' : 'max';
      // The kernel counts rows from the top of the map, so it gets the address where the top would be. Addresses wrap around.
      maximum = this.upsampleTo(layer, out.address - 4 * y * layer.grid.to[1], k, y, y + 1, mode, weight);
    });
    return maximum;
  }

  private upsampleRows(layer: GridMaps, out: Floats, index: number, begin: number, end: number, mode: WriteMode, weight: number): number {
    const [height, width] = layer.grid.to;
    return this.upsampleTo(layer, this.part(out, index, height * width), index, begin, end, mode, weight);
  }

  private upsampleTo({ maps, grid }: GridMaps, large: number, index: number, begin: number, end: number, mode: WriteMode, weight: number): number {
    const { from, to } = grid;
    const small = this.part(maps, index, from[0] * from[1]);
    return this.kernels.run.upsampleRows(
      small, from[1], grid.rowFirst.address, grid.rowSecond.address, grid.rowShare.address,
      grid.starts.address, grid.first.address, grid.second.address, grid.first.length, grid.share.address, grid.scratch.address,
      large, to[1], begin, end, MODES[mode], weight,
    );
  }

  /** The address of map `index` in a block of maps of `area` numbers. */
  private part(block: Floats, index: number, area: number): number {
    if ((index + 1) * area > block.length) throw new RangeError(`a block of ${block.length} numbers has no map ${index} of ${area} numbers`);
    return block.address + 4 * index * area;
  }

  /** a = max(a, b), element by element. */
  maxInto(a: Floats, b: Floats): void {
    this.kernels.run.maxInto(a.address, b.address, sameLength(a, b));
  }

  /** a = a + weight b, in float32. */
  addInto(a: Floats, b: Floats, weight = 1): void {
    this.kernels.run.addInto(a.address, b.address, sameLength(a, b), weight);
  }

  /** a = factor a, in float32. */
  scale(a: Floats, factor: number): void {
    this.kernels.run.scale(a.address, a.length, factor);
  }

  /** a = a / divisor, rounded like JavaScript's `a[i] /= divisor` in a Float32Array. */
  divide(a: Floats, divisor: number): void {
    this.kernels.run.divide(a.address, a.length, divisor);
  }

  /** Divides each of several maps by its own divisor. A map with a divisor of 0 is left unchanged. */
  divideMaps(maps: Floats, divisors: Float32Array): void {
    const area = maps.length / divisors.length;
    divisors.forEach((divisor, k) => { if (divisor !== 0) this.kernels.run.divide(this.part(maps, k, area), area, divisor); });
  }

  /** The largest number, at least 0. */
  maximum(a: Floats): number {
    return this.kernels.run.maximum(a.address, a.length);
  }

  /** The largest number of each of several maps, at least 0, [count]. */
  maxima(maps: Floats, count: number): Float32Array {
    const area = maps.length / count;
    return Float32Array.from({ length: count }, (_, k) => this.kernels.run.maximum(this.part(maps, k, area), area));
  }

  /** Counters for {@link argmaxHistogram}, not initialised. */
  histogram(bins: number, rows: number, classes: number): Histogram {
    return { bins, rows, columns: classes + 1, counts: this.kernels.arena.words(bins * rows * (classes + 1)) };
  }

  /**
   * Counts the pixels of an image like `ThresholdSweep.add`: by the value of the strongest map, its class (the first one if
   * several are equal) and the true label. Bin i is for values in (i / bins, (i + 1) / bins]. Bin 0 also counts 0, in column 0.
   * The bins are exactly those computed with JavaScript's numbers.
   *
   * @param maps [K, height, width]
   * @param slots [height, width], the row of each pixel's true label; pixels with a slot beyond the rows are left out
   * @param histogram from {@link MapKernels.histogram}, overwritten
   * @param divisors [K]: each map is first divided by its divisor, for example its maximum; 0 counts as 1, for a map of zeros
   */
  argmaxHistogram(maps: Floats, slots: Bytes, { bins, rows, columns, counts }: Histogram, divisors?: ArrayLike<number>): void {
    const { arena, run } = this.kernels;
    const classes = columns - 1;
    if (maps.length !== classes * slots.length) throw new RangeError(`${maps.length} numbers are not ${classes} maps of ${slots.length} pixels`);
    const before = arena.mark();
    const scale = filled(arena.floats(classes), Float32Array.from({ length: classes }, (_, k) => divisors?.[k] || 1));
    const scratch = arena.words(2 * bins * (rows + 1) * columns + PLACES);
    run.argmaxHistogram(maps.address, classes, slots.length, scale.address, slots.address, rows, bins, scratch.address, counts.address);
    arena.release(before);
  }
}

/** Map kernels on this thread's shared instance, for short work: nothing is allocated yet, and the next caller overwrites it. */
export function scratchMapKernels(): MapKernels {
  return new MapKernels(scratchKernels());
}

function filled<T extends Float32Array | Int32Array | Uint8Array>(block: Block<T>, data: ArrayLike<number>): Block<T> {
  block.view.set(data);
  return block;
}

function sameLength(a: Floats, b: Floats): number {
  if (a.length !== b.length) throw new RangeError(`${a.length} numbers and ${b.length} numbers differ in length`);
  return a.length;
}

/** Rounded up to a multiple of four. */
function fours(count: number): number {
  return Math.ceil(count / 4) * 4;
}
