import { createHash } from 'node:crypto';
import { interpolation } from '../kernels/interpolation.js';
import { randomSequence, shuffled } from '../random.js';

/** A stack of maps, [K, height, width]. */
interface Grid {
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

/** Random numbers that depend only on a seed and some words. */
export function randomOf(seed: number, ...words: readonly string[]): () => number {
  return randomSequence(createHash('sha256').update([seed, ...words].join('\n')).digest().readUInt32LE());
}

/**
 * Random cells of a grid, each at most once: `count` of them, or all in random order if there are not more. Cells whose feature is zero in
 * all channels, which has no direction, are left out.
 *
 * @param features [C, height, width]
 */
export function randomCells({ height, width, data }: Grid, count: number, random: () => number): number[] {
  const area = height * width;
  const cells: number[] = [];
  for (const cell of shuffled(area, random)) {
    if (cells.length === count) break;
    let at = cell;
    while (at < data.length && data[at] === 0) at += area;
    if (at < data.length) cells.push(cell);
  }
  return cells;
}

/**
 * The features at some cells, each divided by its length.
 *
 * @param features [C, height, width]; not zero at these cells
 * @returns [cells, C]
 */
export function unitFeatures({ height, width, data }: Grid, cells: readonly number[]): Float32Array {
  const area = height * width;
  const channels = data.length / area;
  const rows = new Float32Array(cells.length * channels);
  cells.forEach((cell, n) => {
    let squares = 0;
    for (let k = 0; k < channels; k++) squares += data[k * area + cell] ** 2;
    const factor = 1 / Math.sqrt(squares);
    for (let k = 0; k < channels; k++) rows[n * channels + k] = factor * data[k * area + cell];
  });
  return rows;
}

/**
 * The values of maps at some cells of another grid, bilinearly; each map is divided by its maximum.
 *
 * @param maps [K, h, w], not negative
 * @returns [K, cells]
 */
export function valuesAt(maps: Grid, { height, width }: Pick<Grid, 'height' | 'width'>, cells: readonly number[]): Float32Array {
  const how = { upsample: 'bilinear', alignCorners: false } as const;
  const [down, across] = [interpolation(height, maps.height, how), interpolation(width, maps.width, how)];
  const area = maps.height * maps.width;
  const count = maps.data.length / area;
  const values = new Float32Array(count * cells.length);
  for (let k = 0; k < count; k++) {
    const map = maps.data.subarray(k * area, (k + 1) * area);
    const maximum = map.reduce((most, value) => Math.max(most, value), 0);
    if (maximum === 0) continue;
    const along = (row: number, x: number): number => {
      const [a, b] = [map[row * maps.width + across.first[x]], map[row * maps.width + across.second[x]]];
      return a + across.share[x] * (b - a);
    };
    cells.forEach((cell, n) => {
      const [y, x] = [Math.floor(cell / width), cell % width];
      const [a, b] = [along(down.first[y], x), along(down.second[y], x)];
      values[k * cells.length + n] = (a + down.share[y] * (b - a)) / maximum;
    });
  }
  return values;
}
