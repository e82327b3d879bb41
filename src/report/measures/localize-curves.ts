import { LEAST_IOU } from '../../localize/image-scores.js';
import { V2_IOUS } from '../../metrics/boxes/box-accuracy.js';
import type { ClassSweep } from './localize-run.js';

/** Shares of true classes with a good box at each threshold, 0..1. */
export interface BoxCurves {
  /** The box of the largest contour has an IoU of at least 0.5. */
  readonly known: readonly number[];
  /** The box of any contour has at least an IoU of {@link V2_IOUS}. */
  readonly any: readonly (readonly number[])[];
}

/** Counts good boxes at each threshold, class by class. */
export class CurveCounts {
  private classes = 0;
  private readonly known: Float64Array;
  private readonly any: readonly Float64Array[];

  /** @param steps the number of thresholds */
  constructor(private readonly steps: number) {
    this.known = new Float64Array(steps);
    this.any = V2_IOUS.map(() => new Float64Array(steps));
  }

  add({ largest, best }: ClassSweep): void {
    this.classes++;
    for (let step = 0; step < this.steps; step++) {
      if (largest[step] >= LEAST_IOU) this.known[step]++;
      V2_IOUS.forEach((least, i) => { if (best[step] >= least) this.any[i][step]++; });
    }
  }

  /** The curves of all classes so far. */
  shares(): BoxCurves {
    const share = (counts: Float64Array): number[] => Array.from(counts, (count) => count / this.classes);
    return { known: share(this.known), any: this.any.map(share) };
  }
}
