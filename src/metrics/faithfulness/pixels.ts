import type { RoadTies } from './names.js';

/**
 * The pixels that ROAD removes: the strongest share, in the numbers of pytorch-grad-cam, which keeps the pixels below a percentile of
 * the map.
 *
 * @param order as {@link strongestFirst} returns it for `values`
 * @param percent above 0, at most 100
 * @param ties `together`: also all pixels with the same value as the last one
 */
export function removedShare(values: Float32Array, order: Uint32Array, percent: number, ties: RoadTies): Uint32Array {
  let count = order.length - Math.ceil((order.length - 1) * (100 - percent) / 100);
  if (ties === 'together') while (count < order.length && values[order[count]] === values[order[count - 1]]) count++;
  return order.subarray(0, count);
}

/**
 * All pixels of a map, strongest first; equal ones in their order.
 *
 * @param map [height, width]
 * @returns their indices, [height * width]
 */
export function strongestFirst(map: Float32Array): Uint32Array {
  const { length } = map;
  const keys = new Uint32Array(map.length);
  // -0 and 0 are equal.
  const bits = new Uint32Array(map.map((value) => value + 0).buffer);
  // The smaller the key, the larger the value: bits of positive numbers are in the order of the numbers, those of negative ones reversed.
  for (let i = 0; i < length; i++) keys[i] = bits[i] >>> 31 === 0 ? ~bits[i] ^ 0x8000_0000 : bits[i];
  let order = Uint32Array.from({ length }, (_, i) => i);
  let sorted = new Uint32Array(length);
  // Digit by digit, from the last one. Each pass keeps the order of equal digits.
  const places = new Uint32Array(DIGITS);
  for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
    places.fill(0);
    for (let i = 0; i < length; i++) places[keys[i] >>> shift & DIGITS - 1]++;
    let next = 0;
    for (let digit = 0; digit < DIGITS; digit++) {
      const count = places[digit];
      places[digit] = next;
      next += count;
    }
    for (let i = 0; i < length; i++) sorted[places[keys[order[i]] >>> shift & DIGITS - 1]++] = order[i];
    [order, sorted] = [sorted, order];
  }
  return order;
}

/** Of a sort by digits: 2^11 at a time, so three passes. */
const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;

/**
 * The pixels of a map above a threshold.
 *
 * @returns their indices, ascending
 */
export function pixelsAbove(map: Float32Array, threshold: number): Uint32Array {
  let count = 0;
  for (let i = 0; i < map.length; i++) if (map[i] > threshold) count++;
  const pixels = new Uint32Array(count);
  for (let i = 0, n = 0; i < map.length; i++) if (map[i] > threshold) pixels[n++] = i;
  return pixels;
}

/**
 * The strongest share of the pixels.
 *
 * @param order as {@link strongestFirst} returns it
 * @param percent 0..100; the number of pixels is rounded
 */
export function strongestShare(order: Uint32Array, percent: number): Uint32Array {
  return order.subarray(0, Math.round(percent / 100 * order.length));
}
