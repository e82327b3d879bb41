// Affinities of a pixel to its neighbours at several dilations, from their colours (PAMR, PAR).
//
// Neighbours are numbered by dilation, then row by row within the 3 x 3 window without its centre: n = 8 i + 0..7.
// The affinities of a row are stored in groups of 8 pixels, [ceil(width / 8), neighbours + 1, 8], so that a group's data is
// contiguous. The last entry of a group contains the factors for its pixels' sums.

import { exp4 } from './exp';

/** Bytes of eight numbers. */
const EIGHT: usize = 32;

/**
 * Sums over each pixel's windows, for one row of one channel. `sum` and `squares` receive, per pixel, the sum of the values
 * and of their squares over the 3 x 3 windows of all dilations. The centre counts once per window. Values are whole numbers
 * 0..255, and at most 180 of them are added, so every sum is exact in float32.
 *
 * @param row address of the row's first pixel, after the border
 * @param columns scratch [2, stride]
 */
function windowSums(row: usize, width: i32, pad: i32, stride: i32, dilations: usize, count: i32, columns: usize, sum: usize, squares: usize): void {
  const size = <usize>((width + 7) & ~7) << 2;
  memory.fill(sum, 0, size);
  memory.fill(squares, 0, size);
  const squaredColumns = columns + (<usize>stride << 2);
  for (let i = 0; i < count; i++) {
    const d = load<i32>(dilations + (<usize>i << 2));
    const down = <usize>(d * stride) << 2;
    const reach = <usize>((d + 3) & ~3) << 2;
    // Sums of three values in a column, then of three such columns.
    const begin = row - reach;
    const length = size + 2 * reach;
    for (let at: usize = 0; at < length; at += 16) {
      const a = v128.load(begin + at - down);
      const b = v128.load(begin + at);
      const c = v128.load(begin + at + down);
      v128.store(columns + at, f32x4.add(a, f32x4.add(b, c)));
      v128.store(squaredColumns + at, f32x4.add(f32x4.mul(a, a), f32x4.add(f32x4.mul(b, b), f32x4.mul(c, c))));
    }
    const across = <usize>d << 2;
    for (let at: usize = 0; at < size; at += 16) {
      const p = columns + reach + at;
      const q = squaredColumns + reach + at;
      const s = f32x4.add(v128.load(p - across), f32x4.add(v128.load(p), v128.load(p + across)));
      const t = f32x4.add(v128.load(q - across), f32x4.add(v128.load(q), v128.load(q + across)));
      v128.store(sum + at, f32x4.add(v128.load(sum + at), s));
      v128.store(squares + at, f32x4.add(v128.load(squares + at), t));
    }
  }
}

/**
 * The factors for the colour differences in one channel, for the pixels of a row.
 *
 * Variances are exact: n sum(v^2) - sum(v)^2 is a whole number below 2^31 for n <= 180, computed in integers. If all values
 * in a channel are equal, the channel says nothing about the neighbours, and its factor is 0.
 *
 * @param square false: 1 / (c (sigma / 10 + epsilon)), with the centre among the values (PAMR); true: 1 / (sqrt(c) 0.3
 *   (sigma + epsilon)), without the centre, to be squared with the difference (PAR); c is the number of channels
 * @param out [width], rounded up to eights
 */
function channelFactors(row: usize, width: i32, count: i32, sum: usize, squares: usize, out: usize, square: bool, channels: i32, epsilon: f32, spread: f32): void {
  const size = <usize>((width + 7) & ~7) << 2;
  const n = square ? 8 * count : 9 * count;
  const copies = f32x4.splat(square ? <f32>count : 0);
  const numbers = i32x4.splat(n);
  const degrees = f32x4.splat(1 / (<f32>n * <f32>(n - 1)));
  const share = square ? spread * <f32>Math.sqrt(<f64>channels) : spread * <f32>channels;
  for (let at: usize = 0; at < size; at += 16) {
    const centre = v128.load(row + at);
    const s = i32x4.trunc_sat_f32x4_s(f32x4.sub(v128.load(sum + at), f32x4.mul(copies, centre)));
    const t = i32x4.trunc_sat_f32x4_s(f32x4.sub(v128.load(squares + at), f32x4.mul(copies, f32x4.mul(centre, centre))));
    const moment = f32x4.convert_i32x4_s(i32x4.sub(i32x4.mul(numbers, t), i32x4.mul(s, s)));
    const sigma = f32x4.sqrt(f32x4.mul(moment, degrees));
    const factor = f32x4.div(f32x4.splat(1), f32x4.mul(f32x4.splat(share), f32x4.add(sigma, f32x4.splat(epsilon))));
    v128.store(out + at, v128.and(factor, f32x4.gt(moment, f32x4.splat(0))));
  }
}

// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function distance(at: usize, centre: v128, factor: v128, square: bool): v128 {
  const difference = f32x4.sub(v128.load(at), centre);
  if (square) {
    const scaled = f32x4.mul(difference, factor);
    return f32x4.mul(scaled, scaled);
  }
  return f32x4.mul(f32x4.abs(difference), factor);
}

// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function logit(at: usize, plane: usize, r: v128, g: v128, b: v128, fr: v128, fg: v128, fb: v128, square: bool): v128 {
  return f32x4.neg(f32x4.add(
    distance(at, r, fr, square), f32x4.add(distance(at + plane, g, fg, square), distance(at + 2 * plane, b, fb, square)),
  ));
}

/**
 * The affinities of one row to all neighbours: exp of the negative colour distance, followed by the inverse of their sum.
 *
 * @param image address of three planes with borders, [3, height + 2 pad, stride], values 0..255
 * @param y the row
 * @param offsets [neighbours], bytes from a pixel to each neighbour in a plane
 * @param dilations [count]
 * @param scratch [7 stride]
 * @param out [ceil(width / 8), neighbours + 1, 8]
 * @param position PAR: [neighbours], the weighted affinities of the positions; 0: PAMR
 * @param total PAR: 1 + the weight of the position
 */
export function affinityRow(
  image: usize, width: i32, height: i32, pad: i32, stride: i32, y: i32, offsets: usize, dilations: usize, count: i32,
  scratch: usize, out: usize, epsilon: f32, spread: f32, position: usize, total: f32,
): void {
  const square = position !== 0;
  const plane = <usize>((height + 2 * pad) * stride) << 2;
  const rowBytes = <usize>stride << 2;
  const row = image + <usize>(y + pad) * rowBytes + (<usize>pad << 2);
  const factors = scratch + 4 * rowBytes;
  for (let c = 0; c < 3; c++) {
    windowSums(row + <usize>c * plane, width, pad, stride, dilations, count, scratch, scratch + 2 * rowBytes, scratch + 3 * rowBytes);
    channelFactors(
      row + <usize>c * plane, width, count, scratch + 2 * rowBytes, scratch + 3 * rowBytes, factors + <usize>c * rowBytes, square, 3, epsilon, spread,
    );
  }
  const neighbours = 8 * count;
  const groupBytes = <usize>(neighbours + 1) * EIGHT;
  const fours = (width + 7) >> 3 << 1;
  for (let four = 0; four < fours; four++) {
    const across = <usize>four << 4;
    const at = row + across;
    const group = out + <usize>(four >> 1) * groupBytes + (<usize>(four & 1) << 4);
    const fr = v128.load(factors + across);
    const fg = v128.load(factors + across + rowBytes);
    const fb = v128.load(factors + across + 2 * rowBytes);
    if (square) positionedAffinities(at, plane, fr, fg, fb, offsets, neighbours, group, position, total);
    // No maximum is subtracted before exp: since sigma includes the centre, the mean distance over the neighbours is below
    // 3.2 sigma, so the largest logit is above -32.
    else affinities(at, plane, fr, fg, fb, offsets, neighbours, group);
  }
}

/** exp of the negative distances, followed by the inverse of their sum. */
// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function affinities(at: usize, plane: usize, fr: v128, fg: v128, fb: v128, offsets: usize, neighbours: i32, out: usize): void {
  const r = v128.load(at);
  const g = v128.load(at + plane);
  const b = v128.load(at + 2 * plane);
  let sum = f32x4.splat(0);
  for (let n = 0; n < neighbours; n++) {
    const affinity = exp4(logit(at + load<i32>(offsets + (<usize>n << 2)), plane, r, g, b, fr, fg, fb, false));
    sum = f32x4.add(sum, affinity);
    v128.store(out + <usize>n * EIGHT, affinity);
  }
  v128.store(out + <usize>neighbours * EIGHT, f32x4.div(f32x4.splat(1), sum));
}

/** PAR: softmax of the colours plus the weighted softmax of the positions, divided by the sum of both weights. */
// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function positionedAffinities(
  at: usize, plane: usize, fr: v128, fg: v128, fb: v128, offsets: usize, neighbours: i32, out: usize, position: usize, total: f32,
): void {
  const r = v128.load(at);
  const g = v128.load(at + plane);
  const b = v128.load(at + 2 * plane);
  let largest = f32x4.splat(-Infinity);
  for (let n = 0; n < neighbours; n++) {
    const value = logit(at + load<i32>(offsets + (<usize>n << 2)), plane, r, g, b, fr, fg, fb, true);
    largest = f32x4.pmax(largest, value);
    v128.store(out + <usize>n * EIGHT, value);
  }
  let sum = f32x4.splat(0);
  for (let n = 0; n < neighbours; n++) {
    const p = out + <usize>n * EIGHT;
    const affinity = exp4(f32x4.sub(v128.load(p), largest));
    sum = f32x4.add(sum, affinity);
    v128.store(p, affinity);
  }
  for (let n = 0; n < neighbours; n++) {
    const p = out + <usize>n * EIGHT;
    v128.store(p, f32x4.add(v128.load(p), f32x4.mul(sum, v128.load32_splat(position + (<usize>n << 2)))));
  }
  v128.store(out + <usize>neighbours * EIGHT, f32x4.div(f32x4.splat(1), f32x4.mul(sum, f32x4.splat(total))));
}
