import type { Size } from '../../size.js';
import { scratchMapKernels } from '../../kernels/map-kernels.js';

/** The order of a picture's numbers: channel by channel, or pixel by pixel (RGB). */
export type Layout = 'planes' | 'pixels';

/**
 * A picture on a coarser grid: each cell is the mean of the pixels whose centres are in it.
 *
 * @param data [channels, height, width], or [height, width, channels] if `layout` is `pixels`
 * @param from [height, width]
 * @param to [h, w], not larger than `from`
 * @returns [channels, h, w]
 */
export function cellMeans(data: Float32Array | Float64Array | Uint8Array, channels: number, layout: Layout, from: Size, to: Size): Float32Array {
  const [height, width] = from;
  const [h, w] = to;
  const means = new Float32Array(channels * h * w);
  const rows = startsOf(height, h);
  const columns = startsOf(width, w);
  // Each plane is read as pixels with one channel.
  const [pictures, step] = layout === 'planes' ? [channels, 1] : [1, channels];
  const sums = new Float64Array(step * w);
  // Copied to one array type: with several types the loops are many times slower.
  const line = new Float64Array(step * width);
  for (let picture = 0; picture < pictures; picture++) {
    for (let row = 0; row < h; row++) {
      sums.fill(0);
      for (let y = rows[row]; y < rows[row + 1]; y++) {
        const begin = (picture * height + y) * line.length;
        line.set(data.subarray(begin, begin + line.length));
        for (let c = 0; c < step; c++) addCells(line, step, c, columns, sums);
      }
      for (let i = 0; i < sums.length; i++) {
        const [c, x] = [Math.floor(i / w), i % w];
        means[((picture + c) * h + row) * w + x] = sums[i] / ((columns[x + 1] - columns[x]) * (rows[row + 1] - rows[row]));
      }
    }
  }
  return means;
}

/** Adds the numbers of channel `c` of a line, [width, step], to the sums of their cells, [step, w]. */
function addCells(line: Float64Array, step: number, c: number, columns: Uint32Array, sums: Float64Array): void {
  const w = columns.length - 1;
  for (let x = 0, at = c; x < w; x++) {
    let sum = 0;
    for (let end = columns[x + 1] * step; at < end; at += step) sum += line[at];
    sums[c * w + x] += sum;
  }
}

/** The first pixel of each cell, followed by the number of pixels. */
function startsOf(pixels: number, cells: number): Uint32Array {
  const starts = new Uint32Array(cells + 1).fill(pixels);
  for (let pixel = pixels - 1; pixel >= 0; pixel--) starts[cellOf(pixel, pixels, cells)] = pixel;
  return starts;
}

/** The cell that contains a pixel's centre. */
function cellOf(pixel: number, pixels: number, cells: number): number {
  return Math.floor(((pixel + 0.5) * cells) / pixels);
}

/**
 * Planes upsampled bilinearly to a finer grid, with half-pixel centres, in float32.
 *
 * @param planes [channels, h, w]
 * @returns [channels, height, width]
 */
export function upsamplePlanes(planes: Float32Array | Float64Array, channels: number, from: Size, to: Size): Float32Array {
  const kernels = scratchMapKernels();
  const grid = kernels.grid(from, to, { upsample: 'bilinear', alignCorners: false });
  const small = kernels.floatsFrom(planes);
  const large = kernels.floats(channels * to[0] * to[1]);
  for (let index = 0; index < channels; index++) kernels.upsample(small, grid, large, { index });
  return large.view.slice();
}

/** The grid whose cells are about `stride` pixels wide and high: at least one cell, at most one per pixel. */
export function strideGrid([height, width]: Size, stride: number): Size {
  return [Math.max(1, Math.round(height / stride)), Math.max(1, Math.round(width / stride))];
}
