import { VOC } from '../../datasets/classes/voc.js';
import { ConfusionMatrix } from '../confusion.js';
import { PairCounts } from '../pair-counts.js';
import type { PackedCounts } from '../pair-counts.js';

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
   * @param labelCount background and classes; keys are below it
   * @param pairs for each true label and key [bins + 1]: level n counts values in ((n - 1) / bins, n / bins], level 0 values up to 0, the
   *   last level also values above 1
   */
  constructor(readonly bins: number, readonly labelCount = VOC.labelCount, private readonly pairs = new PairCounts(labelCount, bins + 1)) {}

  /** The threshold of a step of the sweep. */
  threshold(step: number): number {
    return step / this.bins;
  }

  /**
   * Adds an image.
   *
   * @param truth [pixels]; pixels with other values than labels are left out
   * @param maps [K, pixels]; all pixels are background if there are no maps
   * @param keys [K], 0..labelCount - 1
   */
  add(truth: Uint8Array, maps: Float32Array, keys: readonly number[]): void {
    const { bins, labelCount, pairs } = this;
    const area = truth.length;
    const columns = Math.max(1, keys.length);
    // The image's own pairs first, in a small table.
    const slots = new Int32Array(256).fill(-1);
    const labels: number[] = [];
    for (let i = 0; i < area; i++) if (slots[truth[i]] < 0 && truth[i] < labelCount) slots[truth[i]] = labels.push(truth[i]) - 1;
    const counts = new Float64Array(labels.length * columns * (bins + 1));
    for (let i = 0; i < area; i++) {
      const slot = slots[truth[i]];
      if (slot < 0) continue;
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
      counts[(slot * columns + winner) * (bins + 1) + level]++;
    }
    labels.forEach((label, slot) => {
      for (let k = 0; k < columns; k++) {
        const from = (slot * columns + k) * (bins + 1);
        const at = pairs.place(label, keys[k] ?? 0);
        for (let level = 0; level <= bins; level++) pairs.counts[at + level] += counts[from + level];
      }
    });
  }

  /** Adds the counts of another sweep with the same number of bins. */
  merge(other: MapSweep): void {
    this.pairs.merge(other.pairs);
  }

  /** Plain data for another thread. */
  pack(): PackedCounts {
    return this.pairs.pack();
  }

  static unpack(packed: PackedCounts): MapSweep {
    return new MapSweep(packed.length - 1, packed.labelCount, PairCounts.unpack(packed));
  }

  /** The confusion matrix at threshold `step / bins`, with keys that begin at `base`. */
  matrix(step: number, base: KeyBase): ConfusionMatrix {
    const matrix = new ConfusionMatrix(this.labelCount);
    const columns = this.labelCount + 1;
    const { counts } = this.pairs;
    this.pairs.each((truth, key, place) => {
      for (let level = 0; level <= this.bins; level++) {
        matrix.counts[truth * columns + (level > step ? key + 1 - base : 0)] += counts[place + level];
      }
    });
    return matrix;
  }
}
