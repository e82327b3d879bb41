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

/** The side of the coarsest grid. */
const COARSEST = 3;

/** The length of the arrays of a grid: a border of a point, a row more below, and the two points after it. */
export function lengthOf(height: number, width: number): number {
  return (height + 3) * (width + 2) + 2;
}

/** A grid and coarser ones, each with half as many rows and columns. Their matrices are Galerkin's, with bilinear interpolation. */
export function gridsOf(finest: Stencil): readonly Stencil[] {
  const grids = [finest];
  for (let last = finest; Math.max(last.height, last.width) > COARSEST;) {
    last = coarser(coarser(last, false), true);
    grids.push(last);
  }
  return grids;
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
