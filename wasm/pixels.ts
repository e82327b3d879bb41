// Operations on the pixels of photographs and label maps, one byte each.

/** A pixel that is neither foreground nor background. */
const IGNORE: i32 = 255;

/**
 * The label of each pixel's strongest map (the first one if several are equal) if its value exceeds the label's bound, else
 * 255 if it exceeds the background's bound, else 0.
 *
 * @param maps [classes, count]
 * @param bounds [classes]
 * @param labels [classes], 32 bits each
 * @param floor [count], a second bound that foreground must exceed, or 0 for none
 * @param out [count], one byte each
 */
export function assignStrongest(
  maps: usize, classes: i32, count: i32, bounds: usize, labels: usize, background: f32, floor: usize, out: usize,
): void {
  const whole = count & ~15;
  for (let i = 0; i < whole; i += 16) {
    const a = i16x8.narrow_i32x4_s(four(maps, classes, count, i, bounds, labels, background, floor), four(maps, classes, count, i + 4, bounds, labels, background, floor));
    const b = i16x8.narrow_i32x4_s(four(maps, classes, count, i + 8, bounds, labels, background, floor), four(maps, classes, count, i + 12, bounds, labels, background, floor));
    v128.store(out + <usize>i, i8x16.narrow_i16x8_u(a, b));
  }
  for (let i = whole; i < count; i++) {
    let at = maps + (<usize>i << 2);
    let best = load<f32>(at);
    let winner: usize = 0;
    for (let k = 1; k < classes; k++) {
      at += <usize>count << 2;
      if (load<f32>(at) > best) {
        best = load<f32>(at);
        winner = <usize>k << 2;
      }
    }
    const bound = load<f32>(bounds + winner);
    const claimed = best > bound && (floor === 0 || best > load<f32>(floor + (<usize>i << 2)));
    store<u8>(out + <usize>i, <u8>(claimed ? load<i32>(labels + winner) : best > background ? IGNORE : 0));
  }
}

/** {@link assignStrongest} for four pixels, 32 bits each. */
// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function four(maps: usize, classes: i32, count: i32, i: i32, bounds: usize, labels: usize, background: f32, floor: usize): v128 {
  let at = maps + (<usize>i << 2);
  let best = v128.load(at);
  let bound = v128.load32_splat(bounds);
  let label = v128.load32_splat(labels);
  for (let k = 1; k < classes; k++) {
    at += <usize>count << 2;
    const value = v128.load(at);
    const larger = f32x4.gt(value, best);
    best = f32x4.pmax(best, value);
    bound = v128.bitselect(v128.load32_splat(bounds + (<usize>k << 2)), bound, larger);
    label = v128.bitselect(v128.load32_splat(labels + (<usize>k << 2)), label, larger);
  }
  if (floor !== 0) bound = f32x4.pmax(bound, v128.load(floor + (<usize>i << 2)));
  const undecided = v128.and(f32x4.gt(best, f32x4.splat(background)), i32x4.splat(IGNORE));
  return v128.bitselect(label, undecided, f32x4.gt(best, bound));
}

/**
 * Converts pixels to planes for a network: each value is looked up in its channel's table.
 *
 * @param pixels [height, width, 3], one byte each
 * @param tables [3, 256]
 * @param first the byte of a pixel that goes into the first plane, 0 or 2; the other goes into the third plane
 * @param flip 1 for the mirror image, left to right
 * @param out [3, height, width]
 */
export function planesOf(pixels: usize, height: i32, width: i32, tables: usize, first: i32, flip: i32, out: usize): void {
  const plane = <usize>(height * width) << 2;
  const last = <usize>(2 - first);
  const step: isize = flip ? -4 : 4;
  let from = pixels;
  for (let y = 0; y < height; y++) {
    let to = out + (<usize>(y * width + (flip ? width - 1 : 0)) << 2);
    for (let x = 0; x < width; x++) {
      store<f32>(to, load<f32>(tables + (<usize>load<u8>(from + <usize>first) << 2)));
      store<f32>(to + plane, load<f32>(tables + (<usize>load<u8>(from, 1) << 2), 1024));
      store<f32>(to + 2 * plane, load<f32>(tables + (<usize>load<u8>(from + last) << 2), 2048));
      from += 3;
      to += step;
    }
  }
}
