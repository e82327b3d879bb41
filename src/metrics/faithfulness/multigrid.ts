/**
 * A symmetric matrix over the points of a grid, in which each point is coupled with its eight neighbours. In all arrays, the point
 * (y, x) is at (y + 1) * stride + x + 1; what is not a point of the grid is 0. {@link lengthOf} says how long they are.
 */
export interface Stencil {
  readonly height: number;
  readonly width: number;
  /** width + 2 */
  readonly stride: number;
  /** The places of the points that have an equation, in ascending order. */
  readonly points: Int32Array;
  /** The elements of each point with itself, and with its neighbours to the right, below, and diagonally below. */
  readonly centre: Float64Array;
  readonly east: Float64Array;
  readonly south: Float64Array;
  readonly southEast: Float64Array;
  readonly southWest: Float64Array;
}

/** A grid of the hierarchy, with vectors for {@link cycle}. */
interface Grid extends Stencil {
  readonly right: Float64Array;
  readonly solution: Float64Array;
  readonly residual: Float64Array;
}

/** The side of the coarsest grid, and the sweeps on it in each direction. */
const [COARSEST, COARSEST_SWEEPS] = [3, 4];

/** The length of the arrays of a grid: a border of a point, a row more below, and the two points after it. */
export function lengthOf(height: number, width: number): number {
  return (height + 3) * (width + 2) + 2;
}

/** A grid and coarser ones, each with half as many rows and columns. Their matrices are Galerkin's, with bilinear interpolation. */
export function gridsOf(finest: Stencil): readonly Grid[] {
  const grids = [withVectors(finest)];
  for (let last = finest; Math.max(last.height, last.width) > COARSEST;) {
    last = coarser(coarser(last, false), true);
    grids.push(withVectors(last));
  }
  return grids;
}

function withVectors(stencil: Stencil): Grid {
  const { length } = stencil.centre;
  return { ...stencil, right: new Float64Array(length), solution: new Float64Array(length), residual: new Float64Array(length) };
}

/** Halves the columns of a grid, or its rows. Every second point stays, and those between are the mean of their two neighbours. */
function coarser(fine: Stencil, rows: boolean): Stencil {
  const height = rows ? (fine.height >> 1) + 1 : fine.height;
  const width = rows ? fine.width : (fine.width >> 1) + 1;
  const stride = width + 2;
  const [centre, east, south, southEast, southWest] = Array.from({ length: 5 }, () => new Float64Array(lengthOf(height, width)));
  // The neighbours in the direction that is halved, and in the other one.
  const [along, beside, alongTo, besideTo] = rows ? [fine.south, fine.east, south, east] : [fine.east, fine.south, east, south];
  const step = rows ? fine.stride : 1;
  // Of the two ends of the other diagonal, the one with the larger place along the halved direction.
  const [shift, shiftTo] = rows ? [1 - fine.stride, 1 - stride] : [0, 0];
  const { centre: own, southEast: down, southWest: up } = fine;
  const points = new Int32Array(height * width);
  let count = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const to = (y + 1) * stride + x + 1;
      const i = ((rows ? 2 * y : y) + 1) * fine.stride + (rows ? x : 2 * x) + 1;
      const [before, after] = [i - step, i + step];
      centre[to] = own[i] + along[i] + along[before] + (own[before] + own[after]) / 4;
      alongTo[to] = own[after] / 4 + (along[i] + along[after]) / 2;
      besideTo[to] = beside[i] + (down[i] + down[before] + up[i + shift] + up[after + shift]) / 2 + (beside[before] + beside[after]) / 4;
      southEast[to] = (down[i] + down[after]) / 2 + beside[after] / 4;
      if ((rows ? y : x) > 0) southWest[to + shiftTo] = (up[i + shift] + up[before + shift]) / 2 + beside[before] / 4;
      if (centre[to] > 0) points[count++] = to;
    }
  }
  return { height, width, stride, points: points.slice(0, count), centre, east, south, southEast, southWest };
}

/** Multiplies a vector by the matrix. */
export function times({ points, stride, centre, east, south, southEast, southWest }: Stencil, x: Float64Array, out: Float64Array): void {
  for (let k = 0; k < points.length; k++) {
    const i = points[k];
    const [above, below] = [i - stride, i + stride];
    out[i] = centre[i] * x[i] + east[i] * x[i + 1] + east[i - 1] * x[i - 1] + south[i] * x[below] + south[above] * x[above]
      + southEast[i] * x[below + 1] + southEast[above - 1] * x[above - 1] + southWest[i] * x[below - 1] + southWest[above + 1] * x[above + 1];
  }
}

/** {@link sweep} forwards from a solution of zeros, in which only the neighbours before a point count. */
function sweepFromZero({ points, stride, centre, east, south, southEast, southWest }: Stencil, right: Float64Array, x: Float64Array): void {
  for (let k = 0; k < points.length; k++) {
    const i = points[k];
    const above = i - stride;
    const others = east[i - 1] * x[i - 1] + south[above] * x[above] + southEast[above - 1] * x[above - 1] + southWest[above + 1] * x[above + 1];
    x[i] = (right[i] - others) / centre[i];
  }
}

/** What the equations lack after {@link sweepFromZero}: the neighbours after a point, which were still zero. */
function residualAfter({ points, stride, east, south, southEast, southWest }: Stencil, x: Float64Array, out: Float64Array): void {
  for (let k = 0; k < points.length; k++) {
    const i = points[k];
    const below = i + stride;
    out[i] = -(east[i] * x[i + 1] + south[i] * x[below] + southEast[i] * x[below + 1] + southWest[i] * x[below - 1]);
  }
}

/** A sweep of Gauss and Seidel: each point in turn is made to fulfil its equation. */
function sweep(
  { points, stride, centre, east, south, southEast, southWest }: Stencil, right: Float64Array, x: Float64Array, forwards: boolean,
): void {
  const last = points.length - 1;
  for (let k = 0; k <= last; k++) {
    const i = points[forwards ? k : last - k];
    const [above, below] = [i - stride, i + stride];
    const others = east[i] * x[i + 1] + east[i - 1] * x[i - 1] + south[i] * x[below] + south[above] * x[above]
      + southEast[i] * x[below + 1] + southEast[above - 1] * x[above - 1] + southWest[i] * x[below - 1] + southWest[above + 1] * x[above + 1];
    x[i] = (right[i] - others) / centre[i];
  }
}

/**
 * An approximate solution of the equations by one V cycle, with a sweep before the coarser grid and one in the other direction after it:
 * a symmetric preconditioner.
 *
 * @returns the solution; it is overwritten by the next cycle
 */
export function cycle(grids: readonly Grid[], right: Float64Array, level = 0): Float64Array {
  const grid = grids[level];
  const { solution, residual, points, stride } = grid;
  solution.fill(0);
  sweepFromZero(grid, right, solution);
  if (level === grids.length - 1) {
    for (let n = 1; n < COARSEST_SWEEPS; n++) sweep(grid, right, solution, true);
    for (let n = 0; n < COARSEST_SWEEPS; n++) sweep(grid, right, solution, false);
    return solution;
  }
  residualAfter(grid, solution, residual);
  const coarse = grids[level + 1];
  for (let k = 0; k < coarse.points.length; k++) {
    const to = coarse.points[k];
    const y = (to / coarse.stride | 0) - 1;
    const x = to - (y + 1) * coarse.stride - 1;
    const i = (2 * y + 1) * stride + 2 * x + 1;
    coarse.right[to] = residual[i] + (residual[i - 1] + residual[i + 1] + residual[i - stride] + residual[i + stride]) / 2
      + (residual[i - stride - 1] + residual[i - stride + 1] + residual[i + stride - 1] + residual[i + stride + 1]) / 4;
  }
  const correction = cycle(grids, coarse.right, level + 1);
  for (let k = 0; k < points.length; k++) {
    const i = points[k];
    const y = (i / stride | 0) - 1;
    const x = i - (y + 1) * stride - 1;
    const from = ((y >> 1) + 1) * coarse.stride + (x >> 1) + 1;
    const across = x & 1;
    const below = (y & 1) * coarse.stride;
    solution[i] += (correction[from] + correction[from + across] + correction[from + below] + correction[from + below + across]) / 4;
  }
  sweep(grid, right, solution, false);
  return solution;
}
