/** The numbers of an update, all of the same length. */
interface AdamVectors {
  readonly weights: Float32Array;
  readonly gradient: Float32Array;
  /** The moving averages of the gradient and of its square. */
  readonly mean: Float32Array;
  readonly squares: Float32Array;
}

interface AdamSettings {
  /** The factor of the gradient. */
  readonly scale: number;
  /** The number of this update, from 1. */
  readonly number: number;
  /** The decay of the mean gradient. */
  readonly momentum: number;
  readonly decay: number;
  readonly rate: number;
}

/** The decay of the mean of squares, and what is added to its root: the defaults of PyTorch. */
const SQUARES_DECAY = 0.999;
const EPSILON = 1e-8;

/**
 * AdamW as in PyTorch (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019), in place:
 * p <- p (1 - rate decay), m <- b m + (1 - b) g, s <- c s + (1 - c) g^2,
 * p <- p - rate m / (1 - b^t) / (sqrt(s / (1 - c^t)) + epsilon), with the update's number t, b = `momentum` and c = 0.999.
 */
export function adamwStep({ weights, gradient, mean, squares }: AdamVectors, { scale, number, momentum, decay, rate }: AdamSettings): void {
  const kept = 1 - rate * decay;
  const step = rate / (1 - momentum ** number);
  const root = Math.sqrt(1 - SQUARES_DECAY ** number);
  for (let i = 0; i < weights.length; i++) {
    const g = scale * gradient[i];
    const m = momentum * mean[i] + (1 - momentum) * g;
    const s = SQUARES_DECAY * squares[i] + (1 - SQUARES_DECAY) * g * g;
    mean[i] = m;
    squares[i] = s;
    weights[i] = kept * weights[i] - step * m / (Math.sqrt(s) / root + EPSILON);
  }
}
