import type { Doubles, Words } from '../../kernels/arena.js';
import { scratchKernels } from '../../kernels/kernels.js';
import type { KernelExports, Kernels } from '../../kernels/kernels.js';
import { gridsOf } from './multigrid.js';
import type { Stencil } from './multigrid.js';

/** Systems that are solved at once: four numbers at each point of a vector. */
export const LANES = 4;

/** The solution is exact but for this share, in the norm of the preconditioned residual. */
const TOLERANCE = 1e-6;
/** Far more than are ever needed: ten or so. */
const MAX_STEPS = 100;
/** Sweeps on the coarsest grid in each direction. */
const COARSEST_SWEEPS = 4;

/** A grid in the kernels' memory. */
interface Grid {
  /** The eight numbers that describe it to the kernels. */
  readonly words: Words;
  readonly stride: number;
  /** [length, LANES] */
  readonly right: Doubles;
  readonly solution: Doubles;
  readonly residual: Doubles;
  /** The places of its points in the finer grid, and of the finer grid's points in this one; none for the finest. */
  readonly inFiner: Words;
  readonly ofFiner: Words;
}

/**
 * Solves equations over the points of a grid: conjugate gradients, with one V cycle of multigrid as a preconditioner.
 *
 * @param fill writes the right sides, [length of the grid's arrays, {@link LANES}], which are zeros before
 * @param read takes the solutions, of the same shape
 */
export function solve(stencil: Stencil, fill: (right: Float64Array) => void, read: (solution: Float64Array) => void): void {
  const kernels = scratchKernels();
  const { run, arena } = kernels;
  const stencils = gridsOf(stencil);
  const grids = stencils.map((own, level) => place(kernels, own, level === 0 ? undefined : stencils[level - 1]));
  const [{ words: { address: finest }, right, residual }] = grids;
  const [x, p] = [arena.doubles(right.length), arena.doubles(right.length)];
  const factors = arena.doubles(LANES);
  const products = arena.doubles(LANES);
  for (const vector of [...grids.flatMap((grid) => [grid.right, grid.solution, grid.residual]), x, p]) vector.view.fill(0);
  fill(right.view);
  const scalar = (a: Doubles, b: Doubles): Float64Array => {
    run.products(finest, a.address, b.address, products.address);
    return products.view.slice();
  };
  const combine = (a: Doubles, b: Doubles, by: Float64Array, add: boolean): void => {
    factors.view.set(by);
    run.combine(finest, a.address, b.address, factors.address, Number(add));
  };
  let first: Float64Array | undefined;
  let before: Float64Array | undefined;
  for (let step = 0; step < MAX_STEPS; step++) {
    const z = cycle(run, grids, 0);
    const now = scalar(right, z);
    const start = first ??= now;
    if (now.every((value, lane) => value <= TOLERANCE ** 2 * start[lane])) break;
    // A system that is solved already stays as it is.
    combine(p, z, now.map((value, lane) => ratio(value, before?.[lane] ?? 0)), false);
    run.multiply(finest, p.address, residual.address);
    const alpha = scalar(p, residual).map((value, lane) => ratio(now[lane], value));
    combine(x, p, alpha, true);
    combine(right, residual, alpha.map((value) => -value), true);
    before = now;
  }
  read(x.view);
}

function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b;
}

/** Copies a grid into the kernels' memory, with room for vectors. */
function place({ arena }: Kernels, stencil: Stencil, finer: Stencil | undefined): Grid {
  const { points, stride, centre, east, south, southEast, southWest } = stencil;
  const words = (data: ArrayLike<number>): Words => {
    const block = arena.words(data.length);
    block.view.set(data);
    return block;
  };
  const elements = [centre, east, south, southEast, southWest].map((values) => {
    const block = arena.doubles(values.length);
    block.view.set(values);
    return block.address;
  });
  const vector = (): Doubles => arena.doubles(LANES * centre.length);
  return {
    words: words([points.length, stride, words(points).address, ...elements]), stride, right: vector(), solution: vector(), residual: vector(),
    ...placesBetween(stencil, finer, words),
  };
}

/** Where the points of a grid are in the finer one, and the reverse. */
function placesBetween(
  { points, stride }: Stencil, finer: Stencil | undefined, words: (data: ArrayLike<number>) => Words,
): Pick<Grid, 'inFiner' | 'ofFiner'> {
  if (finer === undefined) return { inFiner: words([]), ofFiner: words([]) };
  const inFiner = points.map((point) => {
    const y = Math.floor(point / stride) - 1;
    return (2 * y + 1) * finer.stride + 2 * (point - (y + 1) * stride - 1) + 1;
  });
  const ofFiner = finer.points.map((point) => {
    const y = Math.floor(point / finer.stride) - 1;
    const x = point - (y + 1) * finer.stride - 1;
    return 4 * (((y >> 1) + 1) * stride + (x >> 1) + 1) + (x & 1) + 2 * (y & 1);
  });
  return { inFiner: words(inFiner), ofFiner: words(ofFiner) };
}

/** An approximate solution by a V cycle: a sweep before the coarser grid, and one in the other direction after it, so that it is symmetric. */
function cycle(run: KernelExports, grids: readonly Grid[], level: number): Doubles {
  const { words: { address: grid }, right: { address: right }, solution, residual, stride } = grids[level];
  run.smoothFromZero(grid, right, solution.address);
  if (level === grids.length - 1) {
    for (let n = 1; n < COARSEST_SWEEPS; n++) run.smooth(grid, right, solution.address, 1);
    for (let n = 0; n < COARSEST_SWEEPS; n++) run.smooth(grid, right, solution.address, 0);
    return solution;
  }
  run.residualAfter(grid, solution.address, residual.address);
  const coarse = grids[level + 1];
  run.restrict(coarse.words.address, coarse.inFiner.address, stride, residual.address, coarse.right.address);
  const correction = cycle(run, grids, level + 1);
  run.prolong(grid, coarse.ofFiner.address, coarse.stride, correction.address, solution.address);
  run.smooth(grid, right, solution.address, 0);
  return solution;
}
