// A random walk on the cells of a photograph by Chebyshev's recurrence; see src/maps/refine/random-walk.ts.
//
// `ground` is the address of int32 numbers, listed below. Planes have a border, and are given by the address of their first cell after it.
// Rows are walked in pairs: most neighbours of a row's cells are also neighbours of the next row's, and are loaded once for both.
//
// Affinities are stored for eight columns of two rows, [ceil(height / 2), ceil(width / 8), common + rim + 1, 2, 8]: to the neighbours that
// both rows have, then to those that only the first or the second has. The last entry is the inverse of the cells' sums.

import { halved4 } from './exp';

/** Bytes from one plane to the next and from one row to the next. */
const PLANE: usize = 0;
const STRIDE: usize = 4;
const MAPS: usize = 8;
const HEIGHT: usize = 12;
const WIDTH: usize = 16;
const AFFINITIES: usize = 20;
/** The address of [common + 2 rim] bytes from the first row's cell to a neighbour: of both rows, of the first, of the second. */
const OFFSETS: usize = 24;
/** The number of neighbours that both rows have, and that of each row's others. */
const COMMON: usize = 28;
const RIM: usize = 32;
/** The address of [forward] bytes from a cell to itself, and to the neighbours after it; and their number. */
const AHEAD: usize = 36;
const FORWARD: usize = 40;
/** The address of [common + rim, 2] pairs: rows up to the row in `ring` that an affinity is in, and bytes from the row's first cell. */
const SOURCES: usize = 44;
/** The address of the first cell in [2^n, forward, bytes of a row], zeros, and 2^n - 1. */
const RING: usize = 48;
const RING_MASK: usize = 52;

const EIGHT: usize = 32;
const PAIR: usize = 2 * EIGHT;

/**
 * The affinities of cells to their neighbours, 2^-|I(i) - I(n)|^2. Those of neighbours outside the picture must be negligible. Each is
 * computed for one of the two cells, and found in the ring of rows for the other.
 *
 * @param colours three planes
 */
export function walkAffinities(ground: usize, colours: usize): void {
  const neighbours = load<i32>(ground + COMMON) + load<i32>(ground + RIM);
  const groups = (load<i32>(ground + WIDTH) + 7) >> 3;
  let out: usize = load<i32>(ground + AFFINITIES);
  for (let y = 0; y < load<i32>(ground + HEIGHT); y += 2) {
    affinitiesAhead(ground, colours, y);
    affinitiesAhead(ground, colours, y + 1);
    for (let group = 0; group < groups; group++) {
      gathered(ground, y, <usize>group * EIGHT, neighbours, out);
      out += <usize>(neighbours + 1) * PAIR;
    }
  }
}

/** The affinities of a row's cells to themselves and the neighbours after them. */
function affinitiesAhead(ground: usize, colours: usize, y: i32): void {
  const plane = <usize>load<i32>(ground + PLANE);
  const stride = <usize>load<i32>(ground + STRIDE);
  const ahead: usize = load<i32>(ground + AHEAD);
  const end = ahead + (<usize>load<i32>(ground + FORWARD) << 2);
  const bytes = <usize>((load<i32>(ground + WIDTH) + 7) >> 3) * EIGHT;
  const row = colours + <usize>y * stride;
  const ring = load<i32>(ground + RING) + (y & load<i32>(ground + RING_MASK)) * load<i32>(ground + FORWARD) * load<i32>(ground + STRIDE);
  for (let x: usize = 0; x < bytes; x += 16) {
    const at = row + x;
    const r = v128.load(at);
    const g = v128.load(at + plane);
    const b = v128.load(at + 2 * plane);
    let out = <usize>ring + x;
    for (let offset = ahead; offset < end; offset += 4) {
      const other = at + load<i32>(offset);
      const red = f32x4.sub(v128.load(other), r);
      const green = f32x4.sub(v128.load(other + plane), g);
      const blue = f32x4.sub(v128.load(other + 2 * plane), b);
      const distance = f32x4.add(f32x4.mul(red, red), f32x4.add(f32x4.mul(green, green), f32x4.mul(blue, blue)));
      v128.store(out, v128.and(halved4(distance), f32x4.lt(distance, f32x4.splat(64))));
      out += stride;
    }
  }
}

/**
 * Collects the affinities of eight columns of two rows, and the inverses of the cells' sums.
 *
 * @param y the first row; `x`: bytes from its first cell
 */
function gathered(ground: usize, y: i32, x: usize, neighbours: i32, out: usize): void {
  const ring = <usize>load<i32>(ground + RING) + x;
  const mask = load<i32>(ground + RING_MASK);
  const rowBytes = load<i32>(ground + FORWARD) * load<i32>(ground + STRIDE);
  let source: usize = load<i32>(ground + SOURCES);
  const end = source + (<usize>neighbours << 4);
  let a0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  let b0 = f32x4.splat(0);
  let b1 = f32x4.splat(0);
  for (; source < end; source += 16) {
    const first = ring + ((y - load<i32>(source)) & mask) * rowBytes + load<i32>(source, 4);
    const second = ring + ((y + 1 - load<i32>(source, 8)) & mask) * rowBytes + load<i32>(source, 12);
    const left = v128.load(first);
    const right = v128.load(first, 16);
    a0 = f32x4.add(a0, left);
    a1 = f32x4.add(a1, right);
    v128.store(out, left);
    v128.store(out, right, 16);
    const lowerLeft = v128.load(second);
    const lowerRight = v128.load(second, 16);
    b0 = f32x4.add(b0, lowerLeft);
    b1 = f32x4.add(b1, lowerRight);
    v128.store(out, lowerLeft, 32);
    v128.store(out, lowerRight, 48);
    out += PAIR;
  }
  const one = f32x4.splat(1);
  v128.store(out, f32x4.div(one, a0));
  v128.store(out, f32x4.div(one, a1), 16);
  v128.store(out, f32x4.div(one, b0), 32);
  v128.store(out, f32x4.div(one, b1), 48);
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
  const stride = <usize>load<i32>(ground + STRIDE);
  const maps = load<i32>(ground + MAPS);
  const offsets: usize = load<i32>(ground + OFFSETS);
  const common = offsets + (<usize>load<i32>(ground + COMMON) << 2);
  const rim = <usize>load<i32>(ground + RIM) << 2;
  const groups = (load<i32>(ground + WIDTH) + 7) >> 3;
  let weights: usize = load<i32>(ground + AFFINITIES);
  for (let y = 0; y < load<i32>(ground + HEIGHT); y += 2) {
    for (let group = 0; group < groups; group++) {
      let at = <usize>y * stride + <usize>group * EIGHT;
      let weight = weights;
      for (let map = 0; map < maps; map++) {
        const here = from + at;
        // Two halves of the first row, and of the second. More than four sums, or two neighbours at a time, are far slower: too few
        // registers are left.
        let a0 = f32x4.splat(0);
        let a1 = f32x4.splat(0);
        let b0 = f32x4.splat(0);
        let b1 = f32x4.splat(0);
        weight = weights;
        let offset = offsets;
        for (; offset < common; offset += 4) {
          const neighbour = here + load<i32>(offset);
          const left = v128.load(neighbour);
          const right = v128.load(neighbour, 16);
          a0 = f32x4.add(a0, f32x4.mul(v128.load(weight), left));
          a1 = f32x4.add(a1, f32x4.mul(v128.load(weight, 16), right));
          b0 = f32x4.add(b0, f32x4.mul(v128.load(weight, 32), left));
          b1 = f32x4.add(b1, f32x4.mul(v128.load(weight, 48), right));
          weight += PAIR;
        }
        for (; offset < common + rim; offset += 4) {
          const first = here + load<i32>(offset);
          const second = here + load<i32>(offset + rim);
          a0 = f32x4.add(a0, f32x4.mul(v128.load(weight), v128.load(first)));
          a1 = f32x4.add(a1, f32x4.mul(v128.load(weight, 16), v128.load(first, 16)));
          b0 = f32x4.add(b0, f32x4.mul(v128.load(weight, 32), v128.load(second)));
          b1 = f32x4.add(b1, f32x4.mul(v128.load(weight, 48), v128.load(second, 16)));
          weight += PAIR;
        }
        finish(here, to + at, sum + at, f32x4.mul(a0, v128.load(weight)), step, own, before, share);
        finish(here + 16, to + at + 16, sum + at + 16, f32x4.mul(a1, v128.load(weight, 16)), step, own, before, share);
        const next = at + stride;
        finish(from + next, to + next, sum + next, f32x4.mul(b0, v128.load(weight, 32)), step, own, before, share);
        finish(from + next + 16, to + next + 16, sum + next + 16, f32x4.mul(b1, v128.load(weight, 48)), step, own, before, share);
        at += plane;
      }
      weights = weight + PAIR;
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

/** The sum of squares of all maps, each cell weighted by the sum of its affinities. Cells beyond the width are zero. */
export function walkSquares(ground: usize, planes: usize): f64 {
  const groups = (load<i32>(ground + WIDTH) + 7) >> 3;
  const groupBytes = <usize>(load<i32>(ground + COMMON) + load<i32>(ground + RIM) + 1) * PAIR;
  const first: usize = load<i32>(ground + AFFINITIES) + groupBytes - PAIR;
  let sum = f64x2.splat(0);
  for (let y = 0; y < load<i32>(ground + HEIGHT); y++) {
    let inverses = first + <usize>((y >> 1) * groups) * groupBytes + <usize>(y & 1) * EIGHT;
    for (let group = 0; group < groups; group++) {
      let at = planes + <usize>y * <usize>load<i32>(ground + STRIDE) + <usize>group * EIGHT;
      for (let k = 0; k < load<i32>(ground + MAPS); k++) {
        const left = v128.load(at);
        const right = v128.load(at, 16);
        const a = f32x4.div(f32x4.mul(left, left), v128.load(inverses));
        const b = f32x4.div(f32x4.mul(right, right), v128.load(inverses, 16));
        const four = f32x4.add(a, b);
        sum = f64x2.add(sum, f64x2.add(f64x2.promote_low_f32x4(four), f64x2.promote_low_f32x4(v128.shuffle<i32>(four, four, 2, 3, 2, 3))));
        at += <usize>load<i32>(ground + PLANE);
      }
      inverses += groupBytes;
    }
  }
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}
