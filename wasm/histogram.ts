// The histogram for a threshold sweep: pixels by the value of their strongest map, its class and their true label.

/** 1.5 * 2^52: adding a small number rounds it to a whole number in the lowest bits. */
const ROUND: f64 = 6755399441055744.0;
/** Pixels at a time. Their places are computed first, then they are counted. */
const CHUNK: i32 = 512;

/**
 * Counts pixels: each pixel adds one to `counts[(bin * rows + slot) * (classes + 1) + column]`, where bin = ceil(best * bins) - 1,
 * at least 0 and below `bins`. `best` is the largest of the pixel's maps (the first one if several are equal), each divided by
 * its divisor. `column` is 1 + the index of that map, or 0 if `best` is 0. Pixels with a slot of `rows` or more are left out.
 *
 * There are only rows and columns for the image's labels and classes, so that all counters stay in the nearest cache.
 *
 * @param maps [classes, pixels], readable for 12 bytes beyond the end
 * @param divisors [classes]
 * @param slots [pixels] bytes: the row of each pixel's true label, readable for 3 bytes beyond the end
 * @param scratch [2, bins, rows + 1, classes + 1] and 512 more 32-bit integers
 * @param counts [bins, rows, classes + 1] 32-bit integers, written
 */
export function argmaxHistogram(
  maps: usize, classes: i32, pixels: i32, divisors: usize, slots: usize, rows: i32, bins: i32, scratch: usize, counts: usize,
): void {
  const columns = classes + 1;
  // Each bin has an extra row for pixels without a true label.
  const binSize = (rows + 1) * columns;
  // Two sets of counters, used in turn: neighbours mostly go to the same counter and would wait for each other.
  const other = <usize>(bins * binSize) << 2;
  const places = scratch + 2 * other;
  memory.fill(scratch, 0, 2 * other);
  for (let begin = 0; begin < pixels; begin += CHUNK) {
    const count = min(CHUNK, pixels - begin);
    findPlaces(maps + (<usize>begin << 2), classes, <usize>pixels << 2, divisors, slots + <usize>begin, rows, bins, binSize, count, places);
    countPlaces(places, count, scratch, other);
  }
  for (let bin = 0; bin < bins; bin++) {
    const from = scratch + (<usize>(bin * binSize) << 2);
    const to = counts + (<usize>(bin * rows * columns) << 2);
    for (let i = 0; i < rows * columns; i++) {
      const at = <usize>i << 2;
      store<i32>(to + at, load<i32>(from + at) + load<i32>(from + at + other));
    }
  }
}

/** The place of each pixel: bin * binSize + slot * columns + column. Column k + 1 belongs to map k. */
// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function findPlaces(maps: usize, classes: i32, plane: usize, divisors: usize, slots: usize, rows: i32, bins: i32, binSize: i32, count: i32, places: usize): void {
  const columns = classes + 1;
  const bytes = <usize>count << 2;
  for (let at: usize = 0; at < bytes; at += 16) {
    let best = f32x4.div(v128.load(maps + at), v128.load32_splat(divisors));
    let column = i32x4.splat(1);
    for (let k = 1; k < classes; k++) {
      const value = f32x4.div(v128.load(maps + at + <usize>k * plane), v128.load32_splat(divisors + (<usize>k << 2)));
      const larger = f32x4.gt(value, best);
      best = v128.bitselect(value, best, larger);
      column = v128.bitselect(i32x4.splat(k + 1), column, larger);
    }
    column = v128.and(column, f32x4.gt(best, f32x4.splat(0)));
    // In float64 like JavaScript's numbers: a product rounded to float32 could fall on the other side of a bound.
    const low = ceilings(best, bins);
    const high = ceilings(i8x16.shuffle(best, best, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15), bins);
    const ceiling = i8x16.shuffle(low, high, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
    const bin = i32x4.max_s(i32x4.sub(ceiling, i32x4.splat(1)), i32x4.splat(0));
    const slot = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(slots + (at >> 2))));
    const row = i32x4.mul(i32x4.min_s(slot, i32x4.splat(rows)), i32x4.splat(columns));
    v128.store(places + at, i32x4.add(i32x4.add(i32x4.mul(bin, i32x4.splat(binSize)), row), column));
  }
}

/** min(ceil(best * bins), bins) of the first two numbers, in the lower halves of two 64-bit words. */
// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function ceilings(best: v128, bins: i32): v128 {
  const factor = f64x2.splat(<f64>bins);
  const ceiling = f64x2.pmin(factor, f64x2.ceil(f64x2.mul(f64x2.promote_low_f32x4(best), factor)));
  return f64x2.add(ceiling, f64x2.splat(ROUND));
}

// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function countPlaces(places: usize, count: i32, counters: usize, other: usize): void {
  const end = places + (<usize>count << 2);
  let at = places;
  for (; at + 4 < end; at += 8) {
    increment(counters, load<i32>(at));
    increment(counters + other, load<i32>(at, 4));
  }
  if (at < end) increment(counters, load<i32>(at));
}

// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function increment(counters: usize, place: i32): void {
  const counter = counters + (<usize>place << 2);
  store<i32>(counter, load<i32>(counter) + 1);
}
