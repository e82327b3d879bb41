import { scratchKernels } from '../kernels/kernels.js';
import { adamwStep } from './adamw.js';
import type { ParameterGroup } from './parameters.js';

export type Optimiser = 'sgd' | 'lars' | 'adamw';

/** The settings of all updates. */
export interface UpdateSettings {
  /**
   * `sgd`: one learning rate for all tensors. `lars`: the learning rate is relative to the size of each tensor, see
   * {@link updateGroup}. Use it if normalisation was folded into convolutions: then gradients of some tensors are a thousand
   * times larger than those of others.
   */
  readonly optimiser: Optimiser;
  /** With `adamw`, the decay of the mean gradient. */
  readonly momentum: number;
  readonly weightDecay: number;
  /** The factor of the head's learning rate, relative to the rest. */
  readonly headRate: number;
  /** The factor of the learning rate of all but the head. Default: 1. */
  readonly restRate?: number;
  /** Keep an exponential moving average of the weights. */
  readonly average: boolean;
}

/** The values of a single update. */
export interface UpdateStep {
  /** The number of this update, from 1. Only `adamw` needs it. */
  readonly number: number;
  readonly rate: number;
  /** The factor of the gradient: 1 / the number of summed passes. */
  readonly scale: number;
  /** The decay of the moving average, 0..1. */
  readonly averageDecay: number;
}

/** The numbers of one group, all of the same length. */
export interface UpdateVectors {
  readonly weights: Float32Array;
  /** The gradient is the sum of these, added in this order. */
  readonly gradients: readonly Float32Array[];
  readonly velocity: Float32Array;
  /** With `adamw`, the mean of the squared gradients. */
  readonly squares?: Float32Array;
  /** The moving average of the weights, if there is one. */
  readonly average?: Float32Array;
}

/** The number of weights updated at a time, small enough for the processor's cache. */
const PIECE = 4096;

/**
 * Updates the weights p of a group in place: stochastic gradient descent with momentum and weight decay as in PyTorch,
 * v <- momentum v + (g + decay p), p <- p - rate v, and the moving average a <- d a + (1 - d) p.
 *
 * With `lars`, the direction g + decay p of every tensor except those of the head is scaled by |p| / (|g| + decay |p|), so an
 * update moves a tensor by about `rate` times its own size (You, Gitman and Ginsburg, "Large Batch Training of Convolutional
 * Networks", 2017, equation 6). The head is excluded because a new head is too small as a reference. Each tensor must be its
 * own group.
 *
 * With `adamw`, see {@link adamwStep}.
 *
 * @param range the range of numbers to update, [from, to). Other ranges may be updated elsewhere at the same time, except
 *   with `lars`, which needs the norms of the whole group
 */
export function updateGroup(
  group: Pick<ParameterGroup, 'head' | 'decays'>, { weights, gradients, velocity, squares, average }: UpdateVectors,
  [from, to]: readonly [number, number], settings: UpdateSettings, step: UpdateStep,
): void {
  const decay = group.decays ? settings.weightDecay : 0;
  const rate = step.rate * (group.head ? settings.headRate : settings.restRate ?? 1);
  const local = settings.optimiser === 'lars' && !group.head ? trust(weights, gradients, step.scale, decay) : 1;
  const { run, arena } = scratchKernels();
  const [p, v, g, other] = Array.from({ length: 4 }, () => arena.floats(PIECE));
  for (let start = from; start < to; start += PIECE) {
    const end = Math.min(start + PIECE, to);
    const count = end - start;
    const [first, ...others] = gradients.map((gradient) => gradient.subarray(start, end));
    g.view.set(first);
    for (const more of others) {
      other.view.set(more);
      run.addInto(g.address, other.address, count, 1);
    }
    p.view.set(weights.subarray(start, end));
    if (settings.optimiser === 'adamw') {
      adamwStep({
        weights: p.view.subarray(0, count), gradient: g.view, mean: velocity.subarray(start, end), squares: squares!.subarray(start, end),
      }, { scale: step.scale, number: step.number, momentum: settings.momentum, decay, rate });
    } else {
      v.view.set(velocity.subarray(start, end));
      run.momentumStep(p.address, v.address, g.address, count, settings.momentum, local * step.scale, local * decay, rate);
      velocity.set(v.view.subarray(0, count), start);
    }
    weights.set(p.view.subarray(0, count), start);
    if (average === undefined) continue;
    other.view.set(average.subarray(start, end));
    run.scale(other.address, count, step.averageDecay);
    run.addInto(other.address, p.address, count, 1 - step.averageDecay);
    average.set(other.view.subarray(0, count), start);
  }
}

/** |p| / (|g| + decay |p|), or 1 if either norm is 0. */
function trust(weights: Float32Array, gradients: readonly Float32Array[], scale: number, decay: number): number {
  const [p, g] = [norm([weights]), scale * norm(gradients)];
  return p > 0 && g > 0 ? p / (g + decay * p) : 1;
}

/** The norm of the sum of vectors. */
function norm(vectors: readonly Float32Array[]): number {
  let squares = 0;
  for (let i = 0; i < vectors[0].length; i++) {
    let sum = 0;
    for (const vector of vectors) sum += vector[i];
    squares += sum * sum;
  }
  return Math.sqrt(squares);
}
