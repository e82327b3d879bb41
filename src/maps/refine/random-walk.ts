import { z } from 'zod';
import { scratchKernels } from '../../kernels/kernels.js';
import type { Size } from '../../size.js';
import { cellMeans, strideGrid, upsamplePlanes } from './cells.js';
import { iterationsSetting } from './options.js';
import { PaddedPlanes } from './padded-planes.js';
import type { RefineMaps } from './refiner.js';

/** A colour so far from all others that the affinity is 0. */
const NOWHERE = 1e9;

/** Options of {@link randomWalk}. */
export const randomWalkOptions = z.strictObject({
  /** The width of the grid's cells in pixels. */
  stride: z.number().int().min(1).max(64).default(4),
  /** The largest step, in cells. */
  radius: z.number().int().min(1).max(16).default(5),
  /** How much a difference of colours (0..1) reduces the affinity. */
  beta: z.number().positive().max(1e6).default(300),
  iterations: iterationsSetting.default(64),
});

/**
 * A random walk between cells of similar colour, as in PSA (Ahn and Kwak, CVPR 2018, equations 5 and 6) and IRN (Ahn et al.,
 * CVPR 2019, equation 9). Their affinities come from a trained network, these only from the photograph.
 *
 *     A(i, j) = exp(-beta |I(i) - I(j)|^2)     for |i - j| <= radius, including i = j; colours 0..1; within the picture
 *     T       = D^-1 A                         D(i, i) = sum_j A(i, j)
 *     m      <- T^iterations m
 *
 * on the mean colours and mean map values of cells of stride x stride pixels. The result is upsampled bilinearly. Rows of T sum
 * to 1.
 */
export const randomWalk: RefineMaps<z.infer<typeof randomWalkOptions>> = (maps, image, size, { stride, radius, beta, iterations }) => {
  const grid = strideGrid(size, stride);
  const classes = maps.length / (size[0] * size[1]);
  const colours = cellMeans(image, 3, 'pixels', size, grid);
  const walked = walk(cellMeans(maps, classes, 'planes', size, grid), classes, colours, grid, { radius, factor: beta / 255 ** 2, iterations });
  return upsamplePlanes(walked, classes, grid, size);
};

/**
 * T^iterations m.
 *
 * @param maps [classes, height, width]
 * @param colours [3, height, width], 0..255
 * @param factor beta in units of these colours
 */
function walk(
  maps: Float32Array, classes: number, colours: Float32Array, size: Size,
  { radius, factor, iterations }: { radius: number; factor: number; iterations: number },
): Float32Array {
  const [height, width] = size;
  const kernels = scratchKernels();
  const { arena, run } = kernels;
  const picture = new PaddedPlanes(kernels, 3, size, radius);
  const planes = [new PaddedPlanes(kernels, classes, size, radius), new PaddedPlanes(kernels, classes, size, radius)];
  const steps = disc(radius).map(([down, right]) => 4 * (down * picture.stride + right));
  const offsets = arena.words(steps.length);
  const groups = Math.ceil(width / 8) * (steps.length + 1) * 8;
  const affinities = arena.floats(height * groups);

  offsets.view.set(steps);
  picture.fill(NOWHERE);
  picture.write(colours);
  for (const plane of planes) plane.fill(0);
  planes[0].write(maps);

  const rowOf = (y: number): number => affinities.address + 4 * y * groups;
  for (let y = 0; y < height; y++) run.walkAffinityRow(picture.row(y), 4 * picture.area, width, offsets.address, steps.length, factor, rowOf(y));
  for (let i = 0; i < iterations; i++) {
    const [from, to] = i % 2 === 0 ? planes : [planes[1], planes[0]];
    for (let y = 0; y < height; y++) run.spreadRow(from.row(y), to.row(y), 4 * from.area, classes, width, rowOf(y), offsets.address, steps.length);
  }
  return planes[iterations % 2].read();
}

/** Every step of at most this length, including [0, 0], as [down, right]. */
function disc(radius: number): [number, number][] {
  const span = Array.from({ length: 2 * radius + 1 }, (_, i) => i - radius);
  const square = span.flatMap((down) => span.map((right): [number, number] => [down, right]));
  return square.filter(([down, right]) => down ** 2 + right ** 2 <= radius ** 2);
}
