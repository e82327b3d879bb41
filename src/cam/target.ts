import { UserError } from '../errors.js';
import type { GraphBuilder, Value } from '../onnx/builder.js';

/** Settings of some targets. */
export interface TargetOptions {
  /** `finer`: how much the similar classes count, alpha; default: 1. */
  readonly finerStrength?: number;
}

/** What of a class is explained: a function of the logits and its gradient. */
export interface CamTarget {
  /**
   * The target of class c.
   *
   * @param logits [classes], z
   * @param plain the logits of the unchanged image, which choose the classes to compare with; default: `logits`
   */
  readonly value: (logits: ArrayLike<number>, c: number, options?: TargetOptions & { readonly plain?: ArrayLike<number> }) => number;
  /**
   * Adds dy_c / dz for K classes to the graph, [K, classes].
   *
   * @param logits z, [1, classes]
   * @param oneHot the K classes, [K, classes]
   */
  readonly outputGradient: (logits: Value, oneHot: Value, b: GraphBuilder, options?: TargetOptions) => Value;
}

/** With how many similar classes `finer` compares. */
const SIMILAR_CLASSES = 3;
const DEFAULT_STRENGTH = 1;

/** exp(z_j - max z) for all classes. */
function exponentials(logits: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(logits);
  const largest = values.reduce((a, b) => Math.max(a, b), -Infinity);
  return values.map((value) => Math.exp(value - largest));
}

/** log sum_j exp z_j */
function logSumExp(logits: ArrayLike<number>): number {
  const largest = Float64Array.from(logits).reduce((a, b) => Math.max(a, b), -Infinity);
  return largest + Math.log(exponentials(logits).reduce((a, b) => a + b, 0));
}

/**
 * d log p_c / dz = e_c - p, [K, classes]. 1 - p_c is computed as the sum of the other probabilities, which stays accurate if p_c
 * is almost 1.
 */
function logProbabilityGradient(probabilities: Value, oneHot: Value, b: GraphBuilder): Value {
  const others = b.mul(probabilities, b.sub(b.floats(1), oneHot));
  return b.sub(b.mul(oneHot, b.reduceSum(others, [1])), others);
}

/** The other classes whose logits are nearest to that of class c, nearest first; of equal ones the first. */
function similarClasses(logits: ArrayLike<number>, c: number): number[] {
  const distance = (j: number): number => Math.abs(logits[j] - logits[c]);
  return Array.from({ length: logits.length }, (_, j) => j).filter((j) => j !== c)
    .sort((i, j) => distance(i) - distance(j)).slice(0, SIMILAR_CLASSES);
}

/** The logits of {@link similarClasses} for K classes, [K, classes]; those of all other classes are -Infinity. */
function similarLogits(logits: Value, oneHot: Value, b: GraphBuilder): Value {
  const none = b.floats(-Infinity);
  const self = b.greater(oneHot, b.floats(0));
  const own = b.reduceSum(b.mul(oneHot, logits), [1]);
  const classes = b.squeeze(b.shape(oneHot, 1, 2), [0]);
  let closeness = b.where(self, none, b.neg(b.node('Abs', [b.sub(logits, own)])));
  for (let i = 0; i < SIMILAR_CLASSES; i++) {
    // If no other class is left, this is one that was taken before.
    const nearest = b.oneHot(b.squeeze(b.argMax(closeness, 1), [1]), classes, b.floats([0, 1]));
    closeness = b.where(b.greater(nearest, b.floats(0)), none, closeness);
  }
  return b.where(self, none, b.where(b.equal(closeness, none), logits, none));
}

const softmax = (logits: Value, b: GraphBuilder): Value => b.node('Softmax', [logits], { axis: 1 });

const table = {
  // y = z_c
  'logit': {
    value: (logits, c) => logits[c],
    outputGradient: (_, oneHot) => oneHot,
  },
  // y = p_c = exp z_c / sum_j exp z_j;  dy/dz = p_c (e_c - p)
  'softmax': {
    value: (logits, c) => Math.exp(logits[c] - logSumExp(logits)),
    outputGradient: (logits, oneHot, b) => {
      const probabilities = softmax(logits, b);
      return b.mul(b.reduceSum(b.mul(probabilities, oneHot), [1]), logProbabilityGradient(probabilities, oneHot, b));
    },
  },
  // y = s(z_c) = 1 / (1 + exp(-z_c));  dy/dz_c = s(z_c) s(-z_c)
  'sigmoid': {
    value: (logits, c) => 1 / (1 + Math.exp(-logits[c])),
    outputGradient: (logits, oneHot, b) => b.mul(oneHot, b.mul(b.sigmoid(logits), b.sigmoid(b.neg(logits)))),
  },
  // y = log p_c;  dy/dz = e_c - p
  'log-softmax': {
    value: (logits, c) => logits[c] - logSumExp(logits),
    outputGradient: (logits, oneHot, b) => logProbabilityGradient(softmax(logits, b), oneHot, b),
  },
  // y = z_c - max_{j != c} z_j;  dy/dz = e_c - e_m with m the first of the strongest other classes
  'margin': {
    value: (logits, c) => logits[c] - Array.from(logits).reduce((best, value, j) => (j === c ? best : Math.max(best, value)), -Infinity),
    outputGradient: (logits, oneHot, b) => {
      const others = b.where(b.greater(oneHot, b.floats(0)), b.floats(-Infinity), logits);
      const strongest = b.squeeze(b.argMax(others, 1), [1]);
      const classes = b.squeeze(b.shape(oneHot, 1, 2), [0]);
      return b.sub(oneHot, b.oneHot(strongest, classes, b.floats([0, 1])));
    },
  },
  // y = z_c - alpha sum_{j in S} w_j z_j with w_j = exp z_j / sum_{l in S} exp z_l, S the classes whose logits are nearest to z_c;
  // dy/dz = e_c - alpha w_j (1 + z_j - sum_{l in S} w_l z_l)
  // Z. Zhang et al.: Finer-CAM: Spotting the Difference Reveals Finer Details for Visual Explanation, CVPR 2025, with the weights of
  // pytorch-grad-cam's FinerWeightedTarget, which adds 1e-9 to their sum.
  'finer': {
    value: (logits, c, { plain = logits, finerStrength = DEFAULT_STRENGTH } = {}) => {
      const similar = similarClasses(plain, c).map((j) => logits[j]);
      const weights = exponentials(similar);
      const total = weights.reduce((a, b) => a + b, 0);
      return logits[c] - finerStrength * similar.reduce((sum, z, i) => sum + weights[i] * z / total, 0);
    },
    outputGradient: (logits, oneHot, b, { finerStrength = DEFAULT_STRENGTH } = {}) => {
      const weights = softmax(similarLogits(logits, oneHot, b), b);
      const mean = b.reduceSum(b.mul(weights, logits), [1]);
      const slopes = b.mul(weights, b.add(b.floats(1), b.sub(logits, mean)));
      return b.sub(oneHot, b.mul(b.floats(finerStrength), slopes));
    },
  },
} satisfies Record<string, CamTarget>;

export type CamTargetName = keyof typeof table;

/** Every target by the name that users type. */
export const camTargets: Readonly<Record<CamTargetName, CamTarget>> = table;

/** @throws UserError if the target needs at least two classes and there is only one */
export function requireTarget(name: CamTargetName, classCount: number): CamTarget {
  if (classCount < 2 && name !== 'logit' && name !== 'sigmoid') {
    throw new UserError(`the target '${name}' compares classes, but the model has only one logit`, 'use --target logit or --target sigmoid');
  }
  return camTargets[name];
}
