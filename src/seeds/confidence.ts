import { toMapRows } from '../maps/ndarray.js';
import type { MapInput } from '../maps/ndarray.js';
import { IGNORE_LABEL, toLabelMap } from '../datasets/label-map.js';
import type { LabelInput } from '../datasets/label-map.js';

/**
 * How much the maps speak for the label of each pixel, whatever policy has given it: for a class c its map, for the background
 * what the strongest map leaves.
 *
 * ```text
 * label c     round(255 * M_c)
 * label 0     round(255 * (1 - max_k M_k))
 * label 255   0
 * ```
 *
 * @param seeds labels, each 0, 255 or one of `labels`
 * @param input maps, one per class; values outside 0..1 count as 0 or 1
 * @param labels the label of each map's class
 * @returns [height, width], 0..255
 * @throws RangeError if the seeds and the maps differ in size, or a label has no map
 */
export function confidenceOf(seeds: LabelInput, input: MapInput, labels: readonly number[]): Uint8Array {
  const { width, height, data } = toLabelMap(seeds);
  const maps = toMapRows(input);
  if (maps.width !== width || maps.height !== height) throw new RangeError(`the seeds have ${width} x ${height} pixels, the maps ${maps.width} x ${maps.height}`);
  const result = new Uint8Array(width * height);
  const strongest = new Float32Array(width);
  for (let y = 0; y < height; y++) {
    const row = data.subarray(y * width, (y + 1) * width);
    const out = result.subarray(y * width, (y + 1) * width);
    strongest.fill(0);
    for (let k = 0; k < maps.classCount; k++) {
      const map = maps.row(k, y);
      const label = labels[k];
      for (let x = 0; x < width; x++) {
        const value = map[x];
        if (value > strongest[x]) strongest[x] = value;
        if (row[x] === label) out[x] = toByte(value);
      }
    }
    for (let x = 0; x < width; x++) {
      if (row[x] === 0) out[x] = toByte(1 - strongest[x]);
      else if (row[x] !== IGNORE_LABEL && !labels.includes(row[x])) throw new RangeError(`there is no map for the label ${row[x]}`);
    }
  }
  return result;
}

function toByte(value: number): number {
  return Math.round(255 * Math.min(Math.max(value, 0), 1));
}
