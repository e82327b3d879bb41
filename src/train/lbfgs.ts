/** The value and the gradient of a function at a point. */
export interface Evaluation {
  readonly value: number;
  readonly gradient: Float64Array;
}

export interface LbfgsOptions {
  readonly maxIterations: number;
  /** Stop if no component of the gradient is larger than this. */
  readonly gradientTolerance: number;
  /** The relative precision of the function's value. For smaller changes the gradient decides whether a step is accepted. */
  readonly precision?: number;
}

/** The number of pairs of steps and gradient changes that approximate the curvature. */
const MEMORY = 10;

/** The share of the expected decrease that a step must reach. */
const ARMIJO = 1e-4;

/**
 * Minimises a smooth function by limited-memory BFGS with backtracking on the Armijo condition (Nocedal and Wright,
 * Numerical Optimization, 2nd edition, algorithms 7.4 and 3.1). Pairs without positive curvature are left out. If the value no
 * longer changes within its precision, a step is accepted by its slope instead (Hager and Zhang, A New Conjugate Gradient
 * Method with Guaranteed Descent and an Efficient Line Search, SIAM Journal on Optimization 16, 2005, equation 27).
 *
 * @throws Error if the function is not finite at the start
 */
export async function minimise(
  evaluate: (x: Float64Array) => Promise<Evaluation>, start: Float64Array,
  { maxIterations, gradientTolerance, precision = 1e-15 }: LbfgsOptions,
): Promise<{ readonly x: Float64Array; readonly value: number; readonly iterations: number }> {
  let x: Float64Array = Float64Array.from(start);
  let current = await evaluate(x);
  if (!Number.isFinite(current.value)) throw new Error('the function to minimise is not finite at the start');
  const pairs: { s: Float64Array; y: Float64Array; rho: number }[] = [];
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    if (current.gradient.every((g) => Math.abs(g) <= gradientTolerance)) return { x, value: current.value, iterations: iteration };
    const direction = descentDirection(current.gradient, pairs);
    const slope = dot(direction, current.gradient);
    let step = iteration === 0 ? 1 / Math.max(1, Math.sqrt(dot(current.gradient, current.gradient))) : 1;
    let next: Evaluation | undefined;
    let candidate: Float64Array = x;
    for (let attempt = 0; attempt < 30; attempt++, step /= 2) {
      candidate = combined(x, direction, step);
      const trial = await evaluate(candidate);
      const lower = trial.value <= current.value + ARMIJO * step * slope;
      const flat = trial.value <= current.value + precision * Math.abs(current.value);
      if (lower || (flat && dot(direction, trial.gradient) <= (2 * ARMIJO - 1) * slope)) {
        next = trial;
        break;
      }
    }
    // No step lowers the value any more: the precision of the arithmetic is reached.
    if (next === undefined) return { x, value: current.value, iterations: iteration };
    const s = combined(candidate, x, -1);
    const y = combined(next.gradient, current.gradient, -1);
    const curvature = dot(s, y);
    // Relative to the lengths of both: they are tiny near the minimum, where they matter most.
    if (curvature > 1e-10 * Math.sqrt(dot(s, s) * dot(y, y))) {
      pairs.push({ s, y, rho: 1 / curvature });
      if (pairs.length > MEMORY) pairs.shift();
    }
    x = candidate;
    current = next;
  }
  return { x, value: current.value, iterations: maxIterations };
}

/** The two-loop recursion: the negative product of the approximate inverse Hessian and the gradient. */
function descentDirection(gradient: Float64Array, pairs: readonly { s: Float64Array; y: Float64Array; rho: number }[]): Float64Array {
  const q = gradient.map((g) => -g);
  const alphas: number[] = [];
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { s, y, rho } = pairs[i];
    alphas[i] = rho * dot(s, q);
    for (let j = 0; j < q.length; j++) q[j] -= alphas[i] * y[j];
  }
  const last = pairs.at(-1);
  if (last !== undefined) {
    const scale = 1 / (last.rho * dot(last.y, last.y));
    for (let j = 0; j < q.length; j++) q[j] *= scale;
  }
  pairs.forEach(({ s, y, rho }, i) => {
    const beta = rho * dot(y, q);
    for (let j = 0; j < q.length; j++) q[j] += (alphas[i] - beta) * s[j];
  });
  return q;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** a + factor b */
function combined(a: Float64Array, b: Float64Array, factor: number): Float64Array {
  return a.map((value, i) => value + factor * b[i]);
}
