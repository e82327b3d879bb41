// Element-wise operations on float32 maps. Addresses of maps are multiples of 16, but this is not required.

/** Modes of {@link upsampleRows}: how new numbers are combined with the old ones. Any other mode adds. */
const SET = 0;
const MAX = 1;

// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function combine(out: usize, value: v128, mode: i32): v128 {
  if (mode === SET) return value;
  return mode === MAX ? f32x4.pmax(v128.load(out), value) : f32x4.add(v128.load(out), value);
}

/**
 * Computes rows of an upsampled map, times a weight, and sets them, adds them to the old numbers, or takes the maximum of both.
 *
 * @param small [cellRows, cells]
 * @param rowFirst [rows] the first cell row of each pixel row; `rowSecond` [rows] is the second, `rowShare` [rows] its share
 * @param starts [segments + 1] the starts of segments: pixels of a row between the same two cells
 * @param first [segments] the first cell of each segment; `second` [segments] is the second
 * @param share [width rounded up to fours] the share of the second cell of each pixel
 * @param scratch [cells + width, each rounded up to fours, + 4]
 * @param out [rows, width], the whole map
 * @param mode 0 set, 1 maximum, 2 add
 * @returns the largest number now in these rows, at least 0
 */
export function upsampleRows(
  small: usize, cells: i32, rowFirst: usize, rowSecond: usize, rowShare: usize,
  starts: usize, first: usize, second: usize, segments: i32, share: usize, scratch: usize,
  out: usize, width: i32, begin: i32, end: i32, mode: i32, weight: f32,
): f32 {
  const line = scratch + (<usize>((cells + 3) & ~3) << 2);
  let largest = f32x4.splat(0);
  let rest: f32 = 0;
  for (let y = begin; y < end; y++) {
    const at = <usize>y << 2;
    blendCells(
      small + (<usize>(load<i32>(rowFirst + at) * cells) << 2), small + (<usize>(load<i32>(rowSecond + at) * cells) << 2),
      load<f32>(rowShare + at), weight, cells, scratch,
    );
    expandCells(scratch, starts, first, second, segments, share, line);
    const row = out + (<usize>(y * width) << 2);
    const whole = <usize>(width & ~3) << 2;
    for (let x: usize = 0; x < whole; x += 16) {
      const value = combine(row + x, v128.load(line + x), mode);
      v128.store(row + x, value);
      largest = f32x4.pmax(largest, value);
    }
    const bytes = <usize>width << 2;
    for (let x = whole; x < bytes; x += 4) {
      const value = load<f32>(line + x);
      const old = load<f32>(row + x);
      const result = mode === SET ? value : mode === MAX ? max(old, value) : old + value;
      store<f32>(row + x, result);
      rest = max(rest, result);
    }
  }
  return max(rest, lanesMaximum(largest));
}

/** Interpolates between two rows of cells. Done first, on the map's few cells instead of the photograph's many pixels. */
// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function blendCells(first: usize, second: usize, share: f32, weight: f32, cells: i32, out: usize): void {
  const bytes = <usize>cells << 2;
  const whole = <usize>(cells & ~3) << 2;
  for (let x: usize = 0; x < whole; x += 16) {
    const a = v128.load(first + x);
    const value = f32x4.add(a, f32x4.mul(f32x4.splat(share), f32x4.sub(v128.load(second + x), a)));
    v128.store(out + x, f32x4.mul(f32x4.splat(weight), value));
  }
  for (let x = whole; x < bytes; x += 4) {
    const a = load<f32>(first + x);
    store<f32>(out + x, weight * (a + share * (load<f32>(second + x) - a)));
  }
}

/** Interpolates along a row, four pixels at a time. Values written beyond the end of a segment are overwritten by the next one. */
// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function expandCells(cells: usize, starts: usize, first: usize, second: usize, segments: i32, share: usize, out: usize): void {
  for (let i = 0; i < segments; i++) {
    const entry = <usize>i << 2;
    const a = load<f32>(cells + (<usize>load<i32>(first + entry) << 2));
    const low = f32x4.splat(a);
    const step = f32x4.splat(load<f32>(cells + (<usize>load<i32>(second + entry) << 2)) - a);
    const end = <usize>load<i32>(starts + entry, 4) << 2;
    for (let x = <usize>load<i32>(starts + entry) << 2; x < end; x += 16) {
      v128.store(out + x, f32x4.add(low, f32x4.mul(v128.load(share + x), step)));
    }
  }
}

// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function lanesMaximum(values: v128): f32 {
  return max(max(f32x4.extract_lane(values, 0), f32x4.extract_lane(values, 1)), max(f32x4.extract_lane(values, 2), f32x4.extract_lane(values, 3)));
}

/** a = max(a, b). */
export function maxInto(a: usize, b: usize, count: i32): void {
  const whole = <usize>(count & ~3) << 2;
  for (let i: usize = 0; i < whole; i += 16) v128.store(a + i, f32x4.pmax(v128.load(a + i), v128.load(b + i)));
  for (let i = whole; i < <usize>count << 2; i += 4) store<f32>(a + i, max(load<f32>(a + i), load<f32>(b + i)));
}

/** a = a + weight b. */
export function addInto(a: usize, b: usize, count: i32, weight: f32): void {
  const whole = <usize>(count & ~3) << 2;
  const factor = f32x4.splat(weight);
  for (let i: usize = 0; i < whole; i += 16) v128.store(a + i, f32x4.add(v128.load(a + i), f32x4.mul(factor, v128.load(b + i))));
  for (let i = whole; i < <usize>count << 2; i += 4) store<f32>(a + i, load<f32>(a + i) + weight * load<f32>(b + i));
}

/** a = factor a. */
export function scale(a: usize, count: i32, factor: f32): void {
  const whole = <usize>(count & ~3) << 2;
  for (let i: usize = 0; i < whole; i += 16) v128.store(a + i, f32x4.mul(v128.load(a + i), f32x4.splat(factor)));
  for (let i = whole; i < <usize>count << 2; i += 4) store<f32>(a + i, load<f32>(a + i) * factor);
}

/** a = a / divisor. */
export function divide(a: usize, count: i32, divisor: f32): void {
  const whole = <usize>(count & ~3) << 2;
  for (let i: usize = 0; i < whole; i += 16) v128.store(a + i, f32x4.div(v128.load(a + i), f32x4.splat(divisor)));
  for (let i = whole; i < <usize>count << 2; i += 4) store<f32>(a + i, load<f32>(a + i) / divisor);
}

/** The largest number, at least 0. */
export function maximum(a: usize, count: i32): f32 {
  const whole = <usize>(count & ~3) << 2;
  let even = f32x4.splat(0);
  let odd = f32x4.splat(0);
  let i: usize = 0;
  for (; i + 16 < whole; i += 32) {
    even = f32x4.pmax(even, v128.load(a + i));
    odd = f32x4.pmax(odd, v128.load(a + i, 16));
  }
  if (i < whole) even = f32x4.pmax(even, v128.load(a + i));
  let result = lanesMaximum(f32x4.pmax(even, odd));
  for (i = whole; i < <usize>count << 2; i += 4) result = max(result, load<f32>(a + i));
  return result;
}
