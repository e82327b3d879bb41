import { interpolation } from '../kernels/interpolation.js';

/**
 * Resizes a map: bilinear with half-pixel centres, like PyTorch's `interpolate(align_corners=False)`.
 *
 * @param map [cellRows, cells]
 * @param size of the result, [height, width]
 * @returns [height, width]
 */
export function resizeMap(map: Float32Array, [cellRows, cells]: readonly [number, number], [height, width]: readonly [number, number]): Float32Array {
  const options = { upsample: 'bilinear', alignCorners: false } as const;
  const rows = interpolation(height, cellRows, options);
  const columns = interpolation(width, cells, options);
  const result = new Float32Array(height * width);
  const line = new Float64Array(cells);
  for (let y = 0; y < height; y++) {
    const [a, b] = [rows.first[y] * cells, rows.second[y] * cells];
    for (let i = 0; i < cells; i++) line[i] = map[a + i] + rows.share[y] * (map[b + i] - map[a + i]);
    for (let x = 0; x < width; x++) {
      const low = line[columns.first[x]];
      result[y * width + x] = low + columns.share[x] * (line[columns.second[x]] - low);
    }
  }
  return result;
}
