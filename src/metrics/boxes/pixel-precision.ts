/** Pixels are counted by the thresholds up to their value, the last bins for 1 and above. */
const FURTHER = 2;

/** How many pixels of the object and of the background have a value in each bin, [steps + 2]. */
export interface PixelCounts {
  readonly inside: ArrayLike<number>;
  readonly outside: ArrayLike<number>;
}

/**
 * PxAP, the pixel average precision of Choe et al. (CVPR 2020): the area under the curve of pixel precision and recall over all
 * thresholds, with the pixels of all maps counted together.
 */
export class PixelPrecision {
  private readonly edges: Float64Array;
  private readonly inside: Float64Array;
  private readonly outside: Float64Array;

  /** @param steps the thresholds are 0, 1/steps, 2/steps, ... */
  constructor(steps = 100) {
    const step = 1 / steps;
    this.edges = Float64Array.from({ length: steps + FURTHER }, (_, i) => (i < steps ? i * step : i - steps + 1));
    this.inside = new Float64Array(steps + FURTHER);
    this.outside = new Float64Array(steps + FURTHER);
  }

  /**
   * Adds a map.
   *
   * @param map in 0..1
   * @param mask of the same size: 1 for the object, 0 for the background; other pixels are left out
   * @throws RangeError if the sizes differ, or a value is not in 0..1
   */
  add(map: Float32Array, mask: Uint8Array): void {
    if (map.length !== mask.length) throw new RangeError(`the map has ${map.length} pixels, but its mask has ${mask.length}`);
    const { edges, inside, outside } = this;
    for (let i = 0; i < map.length; i++) {
      if (mask[i] > 1) continue;
      if (!(map[i] >= 0 && map[i] <= 1)) throw new RangeError(`the map has the value ${map[i]}, which is not in 0..1`);
      let bin = Math.floor(map[i] * (edges.length - FURTHER));
      // The product may round to either side of the edge.
      while (map[i] < edges[bin]) bin--;
      while (map[i] >= edges[bin + 1]) bin++;
      (mask[i] === 1 ? inside : outside)[bin]++;
    }
  }

  /**
   * Adds maps that were counted before.
   *
   * @param weight how often
   * @throws RangeError if they were counted with another number of thresholds
   */
  addCounts({ inside, outside }: PixelCounts, weight = 1): void {
    const { length } = this.edges;
    if (inside.length !== length || outside.length !== length) throw new RangeError(`expected counts of ${length} bins, not of ${inside.length} and ${outside.length}`);
    for (let bin = 0; bin < length; bin++) {
      this.inside[bin] += weight * inside[bin];
      this.outside[bin] += weight * outside[bin];
    }
  }

  /** What was added. */
  get counts(): PixelCounts {
    return { inside: this.inside.slice(), outside: this.outside.slice() };
  }

  /** @returns 0..1; NaN if no pixel is of an object */
  get value(): number {
    const total = this.inside.reduce((sum, count) => sum + count, 0);
    let [hits, others, area] = [0, 0, total === 0 ? NaN : 0];
    for (let bin = this.inside.length - 1; bin >= 0; bin--) {
      hits += this.inside[bin];
      others += this.outside[bin];
      if (hits + others > 0) area += (hits / (hits + others)) * (this.inside[bin] / total);
    }
    return area;
  }
}
