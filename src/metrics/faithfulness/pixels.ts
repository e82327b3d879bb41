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
  return Uint32Array.from(map, (_, i) => i).sort((a, b) => map[b] - map[a] || a - b);
}

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
