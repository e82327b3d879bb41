import type { Size } from '../../size.js';
import { scratchKernels } from '../../kernels/kernels.js';
import type { Kernels } from '../../kernels/kernels.js';
import { scratchMapKernels } from '../../kernels/map-kernels.js';

/**
 * Planes on a coarser grid: each cell is the mean of the pixels whose centres are in it.
 *
 * @param planes [channels, height, width]
 * @param from [height, width]
 * @param to [h, w], not larger than `from`
 * @returns [channels, h, w]
 */
export function cellMeans(planes: Float32Array | Float64Array, channels: number, from: Size, to: Size): Float32Array {
  const [height, width] = from;
  return meansOfRows(channels, from, to, ({ run, arena }, most, meansOfRow) => {
    const band = arena.floats(most);
    meansOfRow((begin, rows, columns, out, plane) => {
      for (let channel = 0; channel < channels; channel++) {
        const start = (channel * height + begin) * width;
        band.view.set(planes.subarray(start, start + rows * width));
        run.cellMeansRow(band.address, width, rows, columns, to[1], out + channel * plane);
      }
    });
  });
}

/**
 * The mean colours of the cells of a grid, as in {@link cellMeans}.
 *
 * @param image RGB, [height, width, 3]
 * @returns [3, h, w], 0..255
 */
export function cellColours(image: Uint8Array, from: Size, to: Size): Float32Array {
  const [, width] = from;
  return meansOfRows(3, from, to, ({ run, arena }, most, meansOfRow) => {
    const band = arena.bytes(3 * most);
    meansOfRow((begin, rows, columns, out, plane) => {
      band.view.set(image.subarray(3 * begin * width, 3 * (begin + rows) * width));
      run.colourMeansRow(band.address, width, rows, columns, to[1], out, plane);
    });
  });
}

/**
 * Computes the means of one row of cells.
 *
 * @param begin the first row of pixels
 * @param rows the number of rows of pixels
 * @param columns the address of the first pixel of each cell and the width
 * @param out the address of the first channel's means; `plane`: bytes to those of the next channel
 */
type MeansOfRow = (begin: number, rows: number, columns: number, out: number, plane: number) => void;

/**
 * Goes through the rows of cells, so that only the pixels of one row are in the kernels' memory.
 *
 * @param use gets the most pixels in a row of cells, to allocate memory for, and a function that goes through the rows
 */
function meansOfRows(
  channels: number, [height, width]: Size, [h, w]: Size, use: (kernels: Kernels, most: number, each: (means: MeansOfRow) => void) => void,
): Float32Array {
  const kernels = scratchKernels();
  const { arena } = kernels;
  const rows = startsOf(height, h);
  const means = arena.floats(channels * h * w);
  const columns = arena.words(w + 1);
  const most = rows.reduce((largest, row, i) => Math.max(largest, row - rows[Math.max(0, i - 1)]), 0);
  columns.view.set(startsOf(width, w));
  use(kernels, most * width, (meansOfRow) => {
    for (let row = 0; row < h; row++) meansOfRow(rows[row], rows[row + 1] - rows[row], columns.address, means.address + 4 * row * w, 4 * h * w);
  });
  return means.view.slice();
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
