import { interpolation } from '../image/interpolation.js';
import type { Size } from '../onnx/shapes.js';

/** Where the numbers of a picture lie: channel by channel (a map of each), or pixel by pixel (RGB). */
export type Layout = 'planes' | 'pixels';

/**
 * A picture on a coarser grid: the mean of the pixels whose centres fall into a cell.
 *
 * @param data [channels, height, width], or [height, width, channels] where `layout` is `pixels`
 * @param from [height, width]
 * @param to [h, w], not larger than `from`
 * @returns [channels, h, w]
 */
export function cellMeans(data: Float32Array | Float64Array | Uint8Array, channels: number, layout: Layout, from: Size, to: Size): Float32Array {
  const [height, width] = from;
  const [h, w] = to;
  const means = new Float32Array(channels * h * w);
  const sums = new Float64Array(w);
  const counts = new Uint32Array(w);
  const columns = Uint32Array.from({ length: width }, (_, x) => cellOf(x, width, w));
  const step = layout === 'planes' ? 1 : channels;
  for (const x of columns) counts[x]++;
  for (let c = 0; c < channels; c++) {
    for (let row = 0, y = 0; row < h; row++) {
      sums.fill(0);
      const begin = y;
      for (; y < height && cellOf(y, height, h) === row; y++) {
        let at = layout === 'planes' ? (c * height + y) * width : y * width * channels + c;
        for (let x = 0; x < width; x++, at += step) sums[columns[x]] += data[at];
      }
      for (let x = 0; x < w; x++) means[(c * h + row) * w + x] = sums[x] / (counts[x] * (y - begin));
    }
  }
  return means;
}

/** The cell that a pixel's centre falls into. */
function cellOf(pixel: number, pixels: number, cells: number): number {
  return Math.floor(((pixel + 0.5) * cells) / pixels);
}

/**
 * Planes on a finer grid, bilinear, by half-pixel centres.
 *
 * @param planes [channels, h, w]
 * @returns [channels, height, width]
 */
export function upsamplePlanes(planes: Float32Array | Float64Array, channels: number, [h, w]: Size, [height, width]: Size): Float32Array {
  const rows = interpolation(height, h, { upsample: 'bilinear', alignCorners: false });
  const columns = interpolation(width, w, { upsample: 'bilinear', alignCorners: false });
  const result = new Float32Array(channels * height * width);
  const line = new Float32Array(w);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      const first = (c * h + rows.first[y]) * w;
      const second = (c * h + rows.second[y]) * w;
      for (let x = 0; x < w; x++) line[x] = planes[first + x] + rows.share[y] * (planes[second + x] - planes[first + x]);
      const out = (c * height + y) * width;
      for (let x = 0; x < width; x++) {
        const left = line[columns.first[x]];
        result[out + x] = left + columns.share[x] * (line[columns.second[x]] - left);
      }
    }
  }
  return result;
}

/** The grid whose cells are about `stride` pixels wide and high; at least one cell, and never more than there are pixels. */
export function strideGrid([height, width]: Size, stride: number): Size {
  return [Math.max(1, Math.round(height / stride)), Math.max(1, Math.round(width / stride))];
}
