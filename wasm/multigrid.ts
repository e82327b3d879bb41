// Multigrid and conjugate gradients for a symmetric matrix over the points of a grid, each coupled with its eight neighbours. Four
// systems with the same matrix are solved at once: a vector has four float64 at each point, a matrix one.
//
// `grid` is the address of eight int32: the number of points, the stride of the grid, and the addresses of the points [count] (int32,
// ascending), of the elements of each point with itself, and with those to the right, below, below to the right, and below to the left.

const COUNT: usize = 0;
const STRIDE: usize = 4;
const POINTS: usize = 8;
const CENTRE: usize = 12;
const EAST: usize = 16;
const SOUTH: usize = 20;
const SOUTH_EAST: usize = 24;
const SOUTH_WEST: usize = 28;

const HALF: usize = 16;

// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function term(elements: usize, point: i32, vector: usize, other: i32, half: usize): v128 {
  return f64x2.mul(v128.load64_splat(elements + (<usize>point << 3)), v128.load(vector + (<usize>other << 5) + half));
}

/** The neighbours before a point, each times its element. The one to the left is added last, as it was computed last. */
// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function before(grid: usize, i: i32, stride: i32, x: usize, half: usize): v128 {
  const above = i - stride;
  const diagonal = f64x2.add(
    term(load<i32>(grid + SOUTH_EAST), above - 1, x, above - 1, half), term(load<i32>(grid + SOUTH_WEST), above + 1, x, above + 1, half),
  );
  const upper = f64x2.add(diagonal, term(load<i32>(grid + SOUTH), above, x, above, half));
  return f64x2.add(upper, term(load<i32>(grid + EAST), i - 1, x, i - 1, half));
}

/** The neighbours after a point, each times its element. */
// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function after(grid: usize, i: i32, stride: i32, x: usize, half: usize): v128 {
  const below = i + stride;
  const diagonal = f64x2.add(term(load<i32>(grid + SOUTH_EAST), i, x, below + 1, half), term(load<i32>(grid + SOUTH_WEST), i, x, below - 1, half));
  const lower = f64x2.add(diagonal, term(load<i32>(grid + SOUTH), i, x, below, half));
  return f64x2.add(lower, term(load<i32>(grid + EAST), i, x, i + 1, half));
}

// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function pointAt(grid: usize, k: i32): i32 {
  return load<i32>(<usize>load<i32>(grid + POINTS) + (<usize>k << 2));
}

// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function solved(grid: usize, i: i32, right: usize, x: usize, sum: v128, half: usize): void {
  const at = (<usize>i << 5) + half;
  const factor = f64x2.splat(1 / load<f64>(<usize>load<i32>(grid + CENTRE) + (<usize>i << 3)));
  v128.store(x + at, f64x2.mul(f64x2.sub(v128.load(right + at), sum), factor));
}

/** A sweep of Gauss and Seidel, from the first point to the last or back. */
export function smooth(grid: usize, right: usize, x: usize, forwards: bool): void {
  const count = load<i32>(grid + COUNT);
  const stride = load<i32>(grid + STRIDE);
  for (let k = 0; k < count; k++) {
    const i = pointAt(grid, forwards ? k : count - 1 - k);
    solved(grid, i, right, x, f64x2.add(before(grid, i, stride, x, 0), after(grid, i, stride, x, 0)), 0);
    solved(grid, i, right, x, f64x2.add(before(grid, i, stride, x, HALF), after(grid, i, stride, x, HALF)), HALF);
  }
}

/** A forward sweep over zeros, in which only the neighbours before a point count. What is in `x` before is ignored at all points. */
export function smoothFromZero(grid: usize, right: usize, x: usize): void {
  const count = load<i32>(grid + COUNT);
  const stride = load<i32>(grid + STRIDE);
  for (let k = 0; k < count; k++) {
    const i = pointAt(grid, k);
    solved(grid, i, right, x, before(grid, i, stride, x, 0), 0);
    solved(grid, i, right, x, before(grid, i, stride, x, HALF), HALF);
  }
}

/** What the equations lack after `smoothFromZero`: the neighbours after a point, which were still zero. */
export function residualAfter(grid: usize, x: usize, out: usize): void {
  const count = load<i32>(grid + COUNT);
  const stride = load<i32>(grid + STRIDE);
  for (let k = 0; k < count; k++) {
    const i = pointAt(grid, k);
    v128.store(out + (<usize>i << 5), f64x2.neg(after(grid, i, stride, x, 0)));
    v128.store(out + (<usize>i << 5) + HALF, f64x2.neg(after(grid, i, stride, x, HALF)));
  }
}

/** Multiplies a vector by the matrix. */
export function multiply(grid: usize, x: usize, out: usize): void {
  const count = load<i32>(grid + COUNT);
  const stride = load<i32>(grid + STRIDE);
  const centre: usize = load<i32>(grid + CENTRE);
  for (let k = 0; k < count; k++) {
    const i = pointAt(grid, k);
    for (let half: usize = 0; half <= HALF; half += HALF) {
      const others = f64x2.add(before(grid, i, stride, x, half), after(grid, i, stride, x, half));
      v128.store(out + (<usize>i << 5) + half, f64x2.add(term(centre, i, x, i, half), others));
    }
  }
}

/**
 * The right side of a coarser grid: the residual of the finer one, each point weighted by how much of it is interpolated from the coarse one.
 *
 * @param grid the coarser one
 * @param places of the points of the coarser grid in the finer one, int32
 * @param stride of the finer grid
 */
export function restrict(grid: usize, places: usize, stride: i32, residual: usize, right: usize): void {
  const count = load<i32>(grid + COUNT);
  const row = <usize>stride << 5;
  for (let k = 0; k < count; k++) {
    const from = residual + (<usize>load<i32>(places + (<usize>k << 2)) << 5);
    for (let half: usize = 0; half <= HALF; half += HALF) {
      const at = from + half;
      const sides = f64x2.add(f64x2.add(v128.load(at - 32), v128.load(at + 32)), f64x2.add(v128.load(at - row), v128.load(at + row)));
      const corners = f64x2.add(
        f64x2.add(v128.load(at - row - 32), v128.load(at - row + 32)), f64x2.add(v128.load(at + row - 32), v128.load(at + row + 32)),
      );
      const sum = f64x2.add(v128.load(at), f64x2.add(f64x2.mul(sides, f64x2.splat(0.5)), f64x2.mul(corners, f64x2.splat(0.25))));
      v128.store(right + (<usize>pointAt(grid, k) << 5) + half, sum);
    }
  }
}

/**
 * Adds what a coarser grid has found to the solution of a finer one, interpolated bilinearly.
 *
 * @param grid the finer one
 * @param places for each point, four times the place in the coarser grid, plus 1 if it is between two columns, plus 2 if between two rows
 * @param stride of the coarser grid
 */
export function prolong(grid: usize, places: usize, stride: i32, correction: usize, x: usize): void {
  const count = load<i32>(grid + COUNT);
  for (let k = 0; k < count; k++) {
    const place = load<i32>(places + (<usize>k << 2));
    const from = correction + (<usize>(place >> 2) << 5);
    const across = <usize>(place & 1) << 5;
    const below = <usize>((place & 2) >> 1) * (<usize>stride << 5);
    const to = x + (<usize>pointAt(grid, k) << 5);
    for (let half: usize = 0; half <= HALF; half += HALF) {
      const at = from + half;
      const sum = f64x2.add(f64x2.add(v128.load(at), v128.load(at + across)), f64x2.add(v128.load(at + below), v128.load(at + below + across)));
      v128.store(to + half, f64x2.add(v128.load(to + half), f64x2.mul(sum, f64x2.splat(0.25))));
    }
  }
}

/** The four scalar products of two vectors. */
export function products(grid: usize, a: usize, b: usize, out: usize): void {
  const count = load<i32>(grid + COUNT);
  let first = f64x2.splat(0);
  let second = f64x2.splat(0);
  for (let k = 0; k < count; k++) {
    const at = <usize>pointAt(grid, k) << 5;
    first = f64x2.add(first, f64x2.mul(v128.load(a + at), v128.load(b + at)));
    second = f64x2.add(second, f64x2.mul(v128.load(a + at + HALF), v128.load(b + at + HALF)));
  }
  v128.store(out, first);
  v128.store(out + HALF, second);
}

/** a = b + factor * a, or a += factor * b if `add`. */
export function combine(grid: usize, a: usize, b: usize, factors: usize, add: bool): void {
  const count = load<i32>(grid + COUNT);
  for (let half: usize = 0; half <= HALF; half += HALF) {
    const factor = v128.load(factors + half);
    for (let k = 0; k < count; k++) {
      const at = (<usize>pointAt(grid, k) << 5) + half;
      const own = v128.load(a + at);
      const other = v128.load(b + at);
      v128.store(a + at, add ? f64x2.add(own, f64x2.mul(factor, other)) : f64x2.add(other, f64x2.mul(factor, own)));
    }
  }
}
