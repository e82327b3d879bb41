// A random walk on the cells of a photograph by Chebyshev's recurrence; see src/maps/refine/random-walk.ts.
//
// `ground` is the address of eight int32: bytes from one plane to the next and from one row to the next, the number of maps, height and
// width, the address of the affinities, that of the offsets [neighbours] in bytes from a cell to each neighbour, and the number of
// neighbours. Planes have a border, and are given by the address of their first cell after it.
//
// Affinities are stored in groups of eight cells, [height, ceil(width / 8), neighbours + 1, 8]. The last entry of a group is the inverse
// of its cells' sums.

import { halved4 } from './exp';

const PLANE: usize = 0;
const STRIDE: usize = 4;
const MAPS: usize = 8;
const HEIGHT: usize = 12;
const WIDTH: usize = 16;
const AFFINITIES: usize = 20;
const OFFSETS: usize = 24;
const NEIGHBOURS: usize = 28;

const EIGHT: usize = 32;

/**
 * The affinities of cells to their neighbours, 2^-|I(i) - I(n)|^2. Those of neighbours outside the picture must be negligible.
 *
 * @param colours three planes
 */
export function walkAffinities(ground: usize, colours: usize): void {
  const plane = <usize>load<i32>(ground + PLANE);
  const offsets: usize = load<i32>(ground + OFFSETS);
  const neighbours = load<i32>(ground + NEIGHBOURS);
  const fours = (load<i32>(ground + WIDTH) + 7) >> 3 << 1;
  const groupBytes = <usize>(neighbours + 1) * EIGHT;
  let group: usize = load<i32>(ground + AFFINITIES);
  for (let y = 0; y < load<i32>(ground + HEIGHT); y++) {
    const row = colours + <usize>y * <usize>load<i32>(ground + STRIDE);
    for (let four = 0; four < fours; four++) {
      const at = row + (<usize>four << 4);
      const r = v128.load(at);
      const g = v128.load(at + plane);
      const b = v128.load(at + 2 * plane);
      let out = group + (<usize>(four & 1) << 4);
      let sum = f32x4.splat(0);
      for (let n = 0; n < neighbours; n++) {
        const other = at + load<i32>(offsets + (<usize>n << 2));
        const red = f32x4.sub(v128.load(other), r);
        const green = f32x4.sub(v128.load(other + plane), g);
        const blue = f32x4.sub(v128.load(other + 2 * plane), b);
        const affinity = halved4(f32x4.add(f32x4.mul(red, red), f32x4.add(f32x4.mul(green, green), f32x4.mul(blue, blue))));
        sum = f32x4.add(sum, affinity);
        v128.store(out, affinity);
        out += EIGHT;
      }
      v128.store(out, f32x4.div(f32x4.splat(1), sum));
      if (four & 1) group += groupBytes;
    }
  }
}

/**
 * Adds up the terms of a series: sum += shares[k] t_k for k from 1, where t_1 = s(T) t_0, t_(k + 1) = 2 s(T) t_k - t_(k - 1) and
 * s(x) = scale x - shift. T replaces a cell by the mean of its neighbours.
 *
 * @param even t_0, overwritten with the other even ones
 * @param odd zeros, overwritten with the odd ones
 * @param shares [count], that of t_0 first
 */
export function walk(ground: usize, even: usize, odd: usize, sum: usize, shares: usize, count: i32, scale: f32, shift: f32): void {
  for (let k = 1; k < count; k++) {
    const factor: f32 = k === 1 ? 1 : 2;
    walkStep(ground, k & 1 ? even : odd, k & 1 ? odd : even, sum, factor * scale, -factor * shift, factor - 1, load<f32>(shares + (<usize>k << 2)));
  }
}

/** `to = step mean(from) + own from - before to`, and `sum += share to`. */
function walkStep(ground: usize, from: usize, to: usize, sum: usize, step: f32, own: f32, before: f32, share: f32): void {
  const plane = <usize>load<i32>(ground + PLANE);
  const maps = load<i32>(ground + MAPS);
  const offsets: usize = load<i32>(ground + OFFSETS);
  const neighbours = load<i32>(ground + NEIGHBOURS);
  const groups = (load<i32>(ground + WIDTH) + 7) >> 3;
  const groupBytes = <usize>(neighbours + 1) * EIGHT;
  let weights: usize = load<i32>(ground + AFFINITIES);
  for (let y = 0; y < load<i32>(ground + HEIGHT); y++) {
    for (let group = 0; group < groups; group++) {
      let at = <usize>y * <usize>load<i32>(ground + STRIDE) + <usize>group * EIGHT;
      for (let map = 0; map < maps; map++) {
        // Two sums for each half, of every other neighbour: a single one would wait for itself.
        let a0 = f32x4.splat(0);
        let a1 = f32x4.splat(0);
        let b0 = f32x4.splat(0);
        let b1 = f32x4.splat(0);
        let weight = weights;
        let n = 0;
        for (; n + 1 < neighbours; n += 2) {
          const first = from + at + load<i32>(offsets + (<usize>n << 2));
          const second = from + at + load<i32>(offsets + (<usize>n << 2), 4);
          a0 = f32x4.add(a0, f32x4.mul(v128.load(weight), v128.load(first)));
          a1 = f32x4.add(a1, f32x4.mul(v128.load(weight, 16), v128.load(first, 16)));
          b0 = f32x4.add(b0, f32x4.mul(v128.load(weight, 32), v128.load(second)));
          b1 = f32x4.add(b1, f32x4.mul(v128.load(weight, 48), v128.load(second, 16)));
          weight += 2 * EIGHT;
        }
        if (n < neighbours) {
          const last = from + at + load<i32>(offsets + (<usize>n << 2));
          a0 = f32x4.add(a0, f32x4.mul(v128.load(weight), v128.load(last)));
          a1 = f32x4.add(a1, f32x4.mul(v128.load(weight, 16), v128.load(last, 16)));
          weight += EIGHT;
        }
        finish(from + at, to + at, sum + at, f32x4.mul(f32x4.add(a0, b0), v128.load(weight)), step, own, before, share);
        finish(from + at + 16, to + at + 16, sum + at + 16, f32x4.mul(f32x4.add(a1, b1), v128.load(weight, 16)), step, own, before, share);
        at += plane;
      }
      weights += groupBytes;
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

/** The sum of squares of all maps, each cell weighted by the sum of its affinities. */
export function walkSquares(ground: usize, planes: usize): f64 {
  const width = load<i32>(ground + WIDTH);
  const groupBytes = <usize>(load<i32>(ground + NEIGHBOURS) + 1) * EIGHT;
  let inverses: usize = load<i32>(ground + AFFINITIES) + groupBytes - EIGHT;
  let sum: f64 = 0;
  for (let y = 0; y < load<i32>(ground + HEIGHT); y++) {
    for (let x = 0; x < width; x++) {
      let at = planes + <usize>y * <usize>load<i32>(ground + STRIDE) + (<usize>x << 2);
      for (let k = 0; k < load<i32>(ground + MAPS); k++) {
        const value = load<f32>(at);
        sum += <f64>(value * value / load<f32>(inverses + (<usize>(x & 7) << 2)));
        at += <usize>load<i32>(ground + PLANE);
      }
      if ((x & 7) === 7 || x === width - 1) inverses += groupBytes;
    }
  }
  return sum;
}
