import { meanIou } from '../metrics/mean-iou.js';
import type { IgnoredAs } from '../metrics/scores.js';
import type { MeasureSums } from './sums.js';

/** The mean IoU of every parameter. */
export function curveOf(sums: MeasureSums, ignoredAs: IgnoredAs): number[] {
  const matrix = sums.matrix(0);
  return Array.from({ length: sums.parameters }, (_, p) => meanIou(sums.matrix(p, matrix), ignoredAs));
}

/** The index of the largest number; if equal, the first; 0 if there is none. */
export function largestOf(values: readonly number[]): number {
  return values.reduce((best, value, i) => (value > values[best] || Number.isNaN(values[best]) ? i : best), 0);
}

/** The most rounds over all classes; coordinate ascent converges long before. */
const MAX_ROUNDS = 50;

/**
 * A parameter for each class, by coordinate ascent: starting from the best common one, each class in turn gets the parameter with
 * the highest mean IoU while the others keep theirs, until a round changes nothing. Each step is exact, because the label of a
 * pixel only depends on the parameter of its strongest class. The result may be a local maximum.
 *
 * @returns [labels]; ignore the background's entry. Classes that are never predicted have the common parameter
 */
export function tunePerClass(sums: MeasureSums, ignoredAs: IgnoredAs): number[] {
  const common = curveOf(sums, ignoredAs);
  const choice = new Array<number>(sums.labelCount).fill(largestOf(common));
  const matrix = sums.matrix(choice);
  const classes = sums.predicted.filter((label) => label > 0);
  let best = meanIou(matrix, ignoredAs);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const before = best;
    for (const label of classes) {
      let kept = choice[label];
      for (let p = 0; p < sums.parameters; p++) {
        choice[label] = p;
        const score = meanIou(sums.matrix(choice, matrix), ignoredAs);
        if (score > best) {
          best = score;
          kept = p;
        }
      }
      choice[label] = kept;
    }
    if (best === before) break;
  }
  return choice;
}
