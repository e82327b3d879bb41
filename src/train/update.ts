import { scratchKernels } from '../kernels/kernels.js';
import type { ParameterGroup } from './parameters.js';

/** What the updates need beside weights and gradients. */
export interface UpdateSettings {
  /**
   * `sgd`: one learning rate for all. `lars`: the learning rate is relative to the size of each tensor, see
   * {@link updateGroup}; where normalisation was folded into convolutions, gradients are a thousand times larger in some
   * tensors than in others.
   */
  readonly optimiser: 'sgd' | 'lars';
  readonly momentum: number;
  readonly weightDecay: number;
  /** The learning rate of the head is that of the rest times this. */
  readonly headRate: number;
  /** Keep an exponential moving average of the weights. */
  readonly average: boolean;
}

/** What changes from update to update. */
export interface UpdateStep {
  readonly rate: number;
  /** What the gradient is multiplied by: 1 over the number of passes that were summed. */
  readonly scale: number;
  /** How much of the moving average stays, 0..1. */
  readonly averageDecay: number;
}

/** The numbers of one group, all of one length. */
export interface UpdateVectors {
  readonly weights: Float32Array;
  /** The gradient is the sum of these, taken in their order. */
  readonly gradients: readonly Float32Array[];
  readonly velocity: Float32Array;
  /** The moving average of the weights, where one is kept. */
  readonly average?: Float32Array;
}

/** Numbers of an update that are worked on at a time: few enough for the processor's cache. */
const PIECE = 4096;

/**
 * One update of the weights p of a group in place: stochastic gradient descent with momentum and weight decay as PyTorch
 * defines it, v <- momentum v + (g + decay p), p <- p - rate v, and the moving average a <- d a + (1 - d) p.
 *
 * With `lars` the direction g + decay p of every tensor but those of the head is scaled by |p| / (|g| + decay |p|), so that
 * one update moves it by about `rate` times its own size (You, Gitman and Ginsburg, "Large Batch Training of Convolutional
 * Networks", 2017, equation 6). The head may be new, and too small to be a measure. Each tensor must be a group then.
 *
 * @param range the first number to update and the one behind the last; others may be updated elsewhere at the same time, but
 *   not with `lars`, which needs the norms of the whole group
 */
export function updateGroup(
  group: Pick<ParameterGroup, 'head' | 'decays'>, { weights, gradients, velocity, average }: UpdateVectors,
  [from, to]: readonly [number, number], settings: UpdateSettings, step: UpdateStep,
): void {
  const decay = group.decays ? settings.weightDecay : 0;
  const rate = group.head ? step.rate * settings.headRate : step.rate;
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
    v.view.set(velocity.subarray(start, end));
    run.momentumStep(p.address, v.address, g.address, count, settings.momentum, local * step.scale, local * decay, rate);
    velocity.set(v.view.subarray(0, count), start);
    weights.set(p.view.subarray(0, count), start);
    if (average === undefined) continue;
    other.view.set(average.subarray(start, end));
    run.scale(other.address, count, step.averageDecay);
    run.addInto(other.address, p.address, count, 1 - step.averageDecay);
    average.set(other.view.subarray(0, count), start);
  }
}

/** |p| / (|g| + decay |p|), and 1 where either is 0. */
function trust(weights: Float32Array, gradients: readonly Float32Array[], scale: number, decay: number): number {
  const [p, g] = [norm([weights]), scale * norm(gradients)];
  return p > 0 && g > 0 ? p / (g + decay * p) : 1;
}

/** The length of the sum of some vectors. */
function norm(vectors: readonly Float32Array[]): number {
  let squares = 0;
  for (let i = 0; i < vectors[0].length; i++) {
    let sum = 0;
    for (const vector of vectors) sum += vector[i];
    squares += sum * sum;
  }
  return Math.sqrt(squares);
}
