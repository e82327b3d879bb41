import { COLUMN_COUNT, ConfusionMatrix, LABEL_COUNT } from '../confusion.js';

/** The number of possible keys, which are 0..19 or 1..20. */
const KEY_COUNT = 21;

/** Whether stored class indices begin at 0 (IRN, PSA, CLIP-ES) or at 1 (voc-seeds). */
export type KeyBase = 0 | 1;

/**
 * Counts pixels by the value of their strongest map, the stored key of that map and the true label. Every threshold can be
 * scored afterwards, and the meaning of the keys decided. A pixel is foreground if its strongest map (the first one if several
 * are equal) exceeds the threshold.
 */
export class MapSweep {
  /**
   * @param bins equal parts of [0, 1]; the thresholds are their lower bounds
   * @param counts [bins + 1, 21, 21]: level, true label, key. Level n counts values in ((n - 1) / bins, n / bins], level 0
   *   values up to 0, the last level also values above 1.
   */
  constructor(readonly bins: number, readonly counts: Float64Array = new Float64Array((bins + 1) * LABEL_COUNT * KEY_COUNT)) {}

  /** The threshold of a step of the sweep. */
  threshold(step: number): number {
    return step / this.bins;
  }

  /**
   * Adds an image.
   *
   * @param truth [pixels]; pixels with 21..255 are left out
   * @param maps [K, pixels]; all pixels are background if there are no maps
   * @param keys [K], 0..20
   */
  add(truth: Uint8Array, maps: Float32Array, keys: readonly number[]): void {
    const { bins, counts } = this;
    const area = truth.length;
    for (let i = 0; i < area; i++) {
      const t = truth[i];
      if (t >= LABEL_COUNT) continue;
      let best = keys.length === 0 ? 0 : maps[i];
      let winner = 0;
      for (let k = 1; k < keys.length; k++) {
        const value = maps[k * area + i];
        if (value > best) {
          best = value;
          winner = k;
        }
      }
      const level = best > 0 ? Math.min(Math.ceil(best * bins), bins) : 0;
      counts[(level * LABEL_COUNT + t) * KEY_COUNT + (keys.length === 0 ? 0 : keys[winner])]++;
    }
  }

  /** Adds the counts of another sweep with the same number of bins. */
  merge(other: MapSweep): void {
    for (let i = 0; i < this.counts.length; i++) this.counts[i] += other.counts[i];
  }

  /** The confusion matrix at threshold `step / bins`, with keys that begin at `base`. */
  matrix(step: number, base: KeyBase): ConfusionMatrix {
    const matrix = new ConfusionMatrix();
    for (let level = 0; level <= this.bins; level++) {
      for (let t = 0; t < LABEL_COUNT; t++) {
        for (let key = 0; key < KEY_COUNT; key++) {
          const label = level > step ? key + 1 - base : 0;
          matrix.counts[t * COLUMN_COUNT + label] += this.counts[(level * LABEL_COUNT + t) * KEY_COUNT + key];
        }
      }
    }
    return matrix;
  }
}
