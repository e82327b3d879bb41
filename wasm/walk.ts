// A random walk on the cells of a photograph by Chebyshev's recurrence; see src/maps/refine/random-walk.ts.
//
// `ground` is the address of nine int32: bytes from one map to the next and from one row to the next, the number of maps, height and
// width, the address of the affinities, [height, ceil(width / 8), neighbours + 1, 8] with the inverse of their sum as the last entry of
// a group, that of the offsets [neighbours] in bytes from a cell to each neighbour, the number of neighbours, and the radius in rows.
// Maps are addresses of their first cell, after the border.

const PLANE: usize = 0;
const STRIDE: usize = 4;
const MAPS: usize = 8;
const HEIGHT: usize = 12;
const WIDTH: usize = 16;
const AFFINITIES: usize = 20;
const OFFSETS: usize = 24;
const NEIGHBOURS: usize = 28;
const RADIUS: usize = 32;

const EIGHT: usize = 32;
/** How many steps are made in one pass over the rows: a row's affinities are still in the cache for the later ones. */
const DEPTH: i32 = 4;

/**
 * Adds up the terms of a series: sum += shares[k] t_k for k from 1, where t_1 = s(T) t_0, t_(k + 1) = 2 s(T) t_k - t_(k - 1) and
 * s(x) = scale x - shift. T replaces a cell by the mean of its neighbours.
 *
 * @param even t_0, overwritten with the other even ones
 * @param odd zeros, overwritten with the odd ones
 * @param shares [count], that of t_0 first
 */
export function walk(ground: usize, even: usize, odd: usize, sum: usize, shares: usize, count: i32, scale: f32, shift: f32): void {
  const height = load<i32>(ground + HEIGHT);
  const stride = <usize>load<i32>(ground + STRIDE);
  const radius = load<i32>(ground + RADIUS);
  const rowBytes = <usize>((load<i32>(ground + WIDTH) + 7) >> 3) * <usize>(load<i32>(ground + NEIGHBOURS) + 1) * EIGHT;
  for (let first = 1; first < count; first += DEPTH) {
    const depth = min(DEPTH, count - first);
    // A step needs the rows of the one before up to `radius` below, and follows it at this distance.
    for (let front = 0; front < height + (depth - 1) * radius; front++) {
      for (let i = 0; i < depth; i++) {
        const y = front - i * radius;
        if (y < 0 || y >= height) continue;
        const k = first + i;
        const at = <usize>y * stride;
        const factor: f32 = k === 1 ? 1 : 2;
        walkRow(
          ground, (k & 1 ? even : odd) + at, (k & 1 ? odd : even) + at, sum + at, load<i32>(ground + AFFINITIES) + <usize>y * rowBytes,
          factor * scale, -factor * shift, factor - 1, load<f32>(shares + (<usize>k << 2)),
        );
      }
    }
  }
}

/** The sum of squares of all maps, each cell weighted by the sum of its affinities. */
export function walkSquares(ground: usize, maps: usize): f64 {
  const plane = <usize>load<i32>(ground + PLANE);
  const stride = <usize>load<i32>(ground + STRIDE);
  const width = load<i32>(ground + WIDTH);
  const groupBytes = <usize>(load<i32>(ground + NEIGHBOURS) + 1) * EIGHT;
  let inverses: usize = load<i32>(ground + AFFINITIES) + groupBytes - EIGHT;
  let sum: f64 = 0;
  for (let y = 0; y < load<i32>(ground + HEIGHT); y++) {
    for (let x = 0; x < width; x++) {
      const inverse = load<f32>(inverses + (<usize>(x & 7) << 2));
      let at = maps + <usize>y * stride + (<usize>x << 2);
      for (let k = 0; k < load<i32>(ground + MAPS); k++) {
        const value = load<f32>(at);
        sum += <f64>(value * value / inverse);
        at += plane;
      }
      if ((x & 7) === 7 || x === width - 1) inverses += groupBytes;
    }
  }
  return sum;
}

/** One row of a step: `to = step mean(from) + own from - before to`, and `sum += share to`. */
function walkRow(ground: usize, from: usize, to: usize, sum: usize, affinities: usize, step: f32, own: f32, before: f32, share: f32): void {
  const plane = <usize>load<i32>(ground + PLANE);
  const maps = load<i32>(ground + MAPS);
  const offsets: usize = load<i32>(ground + OFFSETS);
  const neighbours = load<i32>(ground + NEIGHBOURS);
  const groups = (load<i32>(ground + WIDTH) + 7) >> 3;
  const groupBytes = <usize>(neighbours + 1) * EIGHT;
  for (let group = 0; group < groups; group++) {
    const across = <usize>group * EIGHT;
    const weights = affinities + <usize>group * groupBytes;
    let map = 0;
    // Two maps at a time, so that each affinity is read once for both. Two sums for each half, of every other neighbour: a single
    // one would wait for itself.
    for (; map + 1 < maps; map += 2) {
      const at = across + <usize>map * plane;
      let a0 = f32x4.splat(0);
      let a1 = f32x4.splat(0);
      let b0 = f32x4.splat(0);
      let b1 = f32x4.splat(0);
      let c0 = f32x4.splat(0);
      let c1 = f32x4.splat(0);
      let d0 = f32x4.splat(0);
      let d1 = f32x4.splat(0);
      let weight = weights;
      let n = 0;
      for (; n + 1 < neighbours; n += 2) {
        const first = from + at + load<i32>(offsets + (<usize>n << 2));
        let w0 = v128.load(weight);
        let w1 = v128.load(weight, 16);
        a0 = f32x4.add(a0, f32x4.mul(w0, v128.load(first)));
        a1 = f32x4.add(a1, f32x4.mul(w1, v128.load(first, 16)));
        b0 = f32x4.add(b0, f32x4.mul(w0, v128.load(first + plane)));
        b1 = f32x4.add(b1, f32x4.mul(w1, v128.load(first + plane, 16)));
        const second = from + at + load<i32>(offsets + (<usize>n << 2), 4);
        w0 = v128.load(weight, 32);
        w1 = v128.load(weight, 48);
        c0 = f32x4.add(c0, f32x4.mul(w0, v128.load(second)));
        c1 = f32x4.add(c1, f32x4.mul(w1, v128.load(second, 16)));
        d0 = f32x4.add(d0, f32x4.mul(w0, v128.load(second + plane)));
        d1 = f32x4.add(d1, f32x4.mul(w1, v128.load(second + plane, 16)));
        weight += 2 * EIGHT;
      }
      if (n < neighbours) {
        const last = from + at + load<i32>(offsets + (<usize>n << 2));
        const w0 = v128.load(weight);
        const w1 = v128.load(weight, 16);
        a0 = f32x4.add(a0, f32x4.mul(w0, v128.load(last)));
        a1 = f32x4.add(a1, f32x4.mul(w1, v128.load(last, 16)));
        b0 = f32x4.add(b0, f32x4.mul(w0, v128.load(last + plane)));
        b1 = f32x4.add(b1, f32x4.mul(w1, v128.load(last + plane, 16)));
        weight += EIGHT;
      }
      finish(from + at, to + at, sum + at, f32x4.mul(f32x4.add(a0, c0), v128.load(weight)), step, own, before, share);
      finish(from + at + 16, to + at + 16, sum + at + 16, f32x4.mul(f32x4.add(a1, c1), v128.load(weight, 16)), step, own, before, share);
      const other = at + plane;
      finish(from + other, to + other, sum + other, f32x4.mul(f32x4.add(b0, d0), v128.load(weight)), step, own, before, share);
      finish(from + other + 16, to + other + 16, sum + other + 16, f32x4.mul(f32x4.add(b1, d1), v128.load(weight, 16)), step, own, before, share);
    }
    if (map < maps) {
      const at = across + <usize>map * plane;
      let a0 = f32x4.splat(0);
      let a1 = f32x4.splat(0);
      let c0 = f32x4.splat(0);
      let c1 = f32x4.splat(0);
      let weight = weights;
      let n = 0;
      for (; n + 1 < neighbours; n += 2) {
        const first = from + at + load<i32>(offsets + (<usize>n << 2));
        const second = from + at + load<i32>(offsets + (<usize>n << 2), 4);
        a0 = f32x4.add(a0, f32x4.mul(v128.load(weight), v128.load(first)));
        a1 = f32x4.add(a1, f32x4.mul(v128.load(weight, 16), v128.load(first, 16)));
        c0 = f32x4.add(c0, f32x4.mul(v128.load(weight, 32), v128.load(second)));
        c1 = f32x4.add(c1, f32x4.mul(v128.load(weight, 48), v128.load(second, 16)));
        weight += 2 * EIGHT;
      }
      if (n < neighbours) {
        const last = from + at + load<i32>(offsets + (<usize>n << 2));
        a0 = f32x4.add(a0, f32x4.mul(v128.load(weight), v128.load(last)));
        a1 = f32x4.add(a1, f32x4.mul(v128.load(weight, 16), v128.load(last, 16)));
        weight += EIGHT;
      }
      finish(from + at, to + at, sum + at, f32x4.mul(f32x4.add(a0, c0), v128.load(weight)), step, own, before, share);
      finish(from + at + 16, to + at + 16, sum + at + 16, f32x4.mul(f32x4.add(a1, c1), v128.load(weight, 16)), step, own, before, share);
    }
  }
}

// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function finish(from: usize, to: usize, sum: usize, mean: v128, step: f32, own: f32, before: f32, share: f32): void {
  const walked = f32x4.add(f32x4.mul(f32x4.splat(step), mean), f32x4.mul(f32x4.splat(own), v128.load(from)));
  const value = f32x4.sub(walked, f32x4.mul(f32x4.splat(before), v128.load(to)));
  v128.store(to, value);
  v128.store(sum, f32x4.add(v128.load(sum), f32x4.mul(f32x4.splat(share), value)));
}
