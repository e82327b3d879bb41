import { describe, expect, it } from 'vitest';
import { minimise } from '../../src/train/lbfgs.js';
import type { Evaluation } from '../../src/train/lbfgs.js';

const at = (evaluate: (x: Float64Array) => Evaluation) => (x: Float64Array): Promise<Evaluation> => Promise.resolve(evaluate(x));

/** 100 (y - x^2)^2 + (1 - x)^2, with its minimum 0 at (1, 1) behind a curved valley. */
const rosenbrock = at(([x, y]) => ({
  value: 100 * (y - x * x) ** 2 + (1 - x) ** 2,
  gradient: Float64Array.from([-400 * x * (y - x * x) - 2 * (1 - x), 200 * (y - x * x)]),
}));

describe('minimise', () => {
  it.each([[[-1.2, 1]], [[5, -7]], [[0, 0]]])('finds the minimum of Rosenbrock\'s function from %j', async (start) => {
    const { x, value, iterations } = await minimise(rosenbrock, Float64Array.from(start), { maxIterations: 200, gradientTolerance: 1e-8 });
    expect(x[0]).toBeCloseTo(1, 7);
    expect(x[1]).toBeCloseTo(1, 7);
    expect(value).toBeLessThan(1e-14);
    expect(iterations).toBeLessThan(100);
  });

  it('finds the minimum of an ill-conditioned quadratic function', async () => {
    // sum of c_i / 2 (x_i - i)^2 with c from 1 to 1e4: the minimum is at x_i = i.
    const curvature = Array.from({ length: 13 }, (_, i) => 10 ** (i / 3));
    const quadratic = at((x) => ({
      value: curvature.reduce((sum, c, i) => sum + c / 2 * (x[i] - i) ** 2, 0),
      gradient: x.map((value, i) => curvature[i] * (value - i)),
    }));
    const { x } = await minimise(quadratic, new Float64Array(13), { maxIterations: 500, gradientTolerance: 1e-9 });
    x.forEach((value, i) => { expect(value).toBeCloseTo(i, 8); });
  });

  it('does not move from a minimum, and does not change the start', async () => {
    const start = Float64Array.from([1, 1]);
    expect(await minimise(rosenbrock, start, { maxIterations: 10, gradientTolerance: 1e-8 })).toEqual({ x: start, value: 0, iterations: 0 });
    const far = Float64Array.from([-1.2, 1]);
    await minimise(rosenbrock, far, { maxIterations: 10, gradientTolerance: 1e-8 });
    expect([...far]).toEqual([-1.2, 1]);
  });

  it('stops after the given number of iterations, lower than it began', async () => {
    const { value, iterations } = await minimise(rosenbrock, Float64Array.from([-1.2, 1]), { maxIterations: 3, gradientTolerance: 1e-8 });
    expect(iterations).toBe(3);
    // 24.2 at the start.
    expect(value).toBeLessThan(24.2);
    expect(value).toBeGreaterThan(1e-3);
  });

  it('steps back from where the function is not finite', async () => {
    // x - ln x, with its minimum at 1 and no value below 0.
    const barrier = at(([x]) => ({ value: x - Math.log(x), gradient: Float64Array.from([1 - 1 / x]) }));
    const { x } = await minimise(barrier, Float64Array.from([0.001]), { maxIterations: 200, gradientTolerance: 1e-9 });
    expect(x[0]).toBeCloseTo(1, 7);
  });

  it('refuses a start that is not finite', async () => {
    await expect(minimise(at(() => ({ value: NaN, gradient: new Float64Array(1) })), new Float64Array(1), { maxIterations: 1, gradientTolerance: 1 }))
      .rejects.toThrow('not finite at the start');
  });
});
