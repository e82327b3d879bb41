import { VOC } from '../datasets/classes/voc.js';
import { ConfusionMatrix } from './confusion.js';

/**
 * Scores every threshold of a sweep at once. Pixels are counted by the value of their strongest map, its class and the true
 * label. The confusion matrix of a threshold is a sum over that histogram. This assumes a constant background: a pixel is
 * foreground if its strongest map exceeds the threshold.
 */
export class ThresholdSweep {
  /** [bins, labels, labels + 1]; bin i counts values in (i / bins, (i + 1) / bins], bin 0 also counts 0. */
  private readonly counts: Float64Array;

  /**
   * @param bins equal parts of [0, 1]; the thresholds are their lower bounds i / bins
   * @param labelCount background and classes
   */
  constructor(readonly bins = 100, readonly labelCount = VOC.labelCount) {
    this.counts = new Float64Array(bins * labelCount * (labelCount + 1));
  }

  /** The threshold of a step of the sweep. */
  threshold(step: number): number {
    return step / this.bins;
  }

  /**
   * Adds pixels of one image, for example a row.
   *
   * @param truth ground-truth labels; pixels with 255 are left out
   * @param best the strongest map, 0..1
   * @param label the class of the strongest map, from 1
   */
  add(truth: Uint8Array, best: Float32Array, label: Uint8Array): void {
    const { counts, bins, labelCount } = this;
    for (let i = 0; i < truth.length; i++) {
      const t = truth[i];
      if (t >= labelCount) continue;
      const bin = Math.min(Math.max(Math.ceil(best[i] * bins) - 1, 0), bins - 1);
      // A map of zero is background at every threshold.
      counts[(bin * labelCount + t) * (labelCount + 1) + (best[i] > 0 ? label[i] : 0)]++;
    }
  }

  /** Adds the counts of another sweep with the same number of bins. */
  merge(other: ThresholdSweep): void {
    for (let i = 0; i < this.counts.length; i++) this.counts[i] += other.counts[i];
  }

  /** The confusion matrix at threshold `step / bins`. */
  matrix(step: number): ConfusionMatrix {
    const matrix = new ConfusionMatrix(this.labelCount);
    const size = matrix.counts.length;
    for (let bin = 0; bin < this.bins; bin++) {
      for (let i = 0; i < size; i++) {
        // Below the threshold everything is background (column 0).
        matrix.counts[bin >= step ? i : i - (i % (this.labelCount + 1))] += this.counts[bin * size + i];
      }
    }
    return matrix;
  }
}
