import { z } from 'zod';
import type { Words } from '../../kernels/arena.js';
import { scratchKernels } from '../../kernels/kernels.js';
import type { Size } from '../../size.js';
import { cellColours, cellMeans, strideGrid, upsamplePlanes } from './cells.js';
import { iterationsSetting } from './options.js';
import { PaddedPlanes } from './padded-planes.js';
import { powerSeries } from './power-series.js';
import type { PowerSeries } from './power-series.js';
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
  const colours = cellColours(image, size, grid);
  const walked = walk(cellMeans(maps, classes, size, grid), classes, colours, grid, { radius, factor: beta / 255 ** 2, iterations });
  return upsamplePlanes(walked, classes, grid, size);
};

/**
 * T^iterations m, as a sum of Chebyshev polynomials of T.
 *
 * The eigenvalues of T are at most 1, and hardly ever below -0.3. If there are some below the range that the polynomials are made for,
 * the last one is larger than it can be otherwise, and the sum is made again for the range from -1, which holds for every T.
 *
 * @param maps [classes, height, width]
 * @param colours [3, height, width], 0..255
 * @param factor beta in units of these colours
 */
function walk(
  maps: Float32Array, classes: number, colours: Float32Array, size: Size,
  { radius, factor, iterations }: { radius: number; factor: number; iterations: number },
): Float32Array {
  const ground = new Ground(classes, colours, size, radius, factor);
  const walked = ground.sum(maps, powerSeries(iterations, USUAL_LOWEST)) ?? ground.sum(maps, powerSeries(iterations, LOWEST))!;
  return within(walked, maps, classes);
}

/**
 * The lowest eigenvalue that is provided for: that of nearly all photographs, and that of any. Both make factors that float32 has
 * without rounding: otherwise, the sum is not that of means any more.
 */
const USUAL_LOWEST = -1 / 3;
const LOWEST = -1;

/** The cells of a photograph with their affinities, in this thread's shared kernels. */
class Ground {
  private readonly kernels = scratchKernels();
  private readonly even: PaddedPlanes;
  private readonly odd: PaddedPlanes;
  private readonly total: PaddedPlanes;
  private readonly numbers: Words;

  constructor(classes: number, colours: Float32Array, size: Size, radius: number, factor: number) {
    const { kernels, kernels: { arena, run } } = this;
    const [height, width] = size;
    const picture = new PaddedPlanes(kernels, 3, size, radius);
    const planes = (): PaddedPlanes => new PaddedPlanes(kernels, classes, size, radius);
    [this.even, this.odd, this.total] = [planes(), planes(), planes()];
    const steps = disc(radius).map(([down, right]) => 4 * (down * picture.stride + right));
    const offsets = arena.words(steps.length);
    const affinities = arena.floats(height * Math.ceil(width / 8) * (steps.length + 1) * 8);
    const { area, stride } = picture;
    this.numbers = arena.words(8);
    this.numbers.view.set([4 * area, 4 * stride, classes, height, width, affinities.address, offsets.address, steps.length]);
    offsets.view.set(steps);
    // exp(-factor |I(i) - I(j)|^2) = 2^-|s I(i) - s I(j)|^2.
    const scale = Math.sqrt(factor * Math.LOG2E);
    picture.fill(NOWHERE);
    picture.write(colours.map((value) => scale * value));
    run.walkAffinities(this.numbers.address, picture.row(0));
  }

  /**
   * The sum of a series of T, applied to maps.
   *
   * @param maps [classes, height, width]
   * @returns [classes, height, width]; `undefined` if T has eigenvalues below the range of the series
   */
  sum(maps: Float32Array, { lowest, shares }: PowerSeries): Float32Array | undefined {
    const { even, odd, total, numbers: { address: ground }, kernels: { arena, run } } = this;
    const factors = arena.floats(shares.length);
    factors.view.set(shares);
    for (const planes of [even, odd, total]) planes.fill(0);
    even.write(maps);
    total.write(maps.map((value) => shares[0] * value));
    // Within the range, no polynomial makes the maps longer. Beyond it, they soon do so many times over.
    const before = run.walkSquares(ground, even.row(0));
    run.walk(ground, even.row(0), odd.row(0), total.row(0), factors.address, shares.length, 2 / (1 - lowest), (1 + lowest) / (1 - lowest));
    const last = shares.length % 2 === 1 ? even : odd;
    return lowest === LOWEST || run.walkSquares(ground, last.row(0)) <= 2 * before ? total.read() : undefined;
  }
}

/** Numbers of maps kept within the smallest and the largest of each map, where means must be. Rounding may take them a little beyond. */
function within(walked: Float32Array, maps: Float32Array, classes: number): Float32Array {
  const area = maps.length / classes;
  for (let begin = 0; begin < maps.length; begin += area) {
    const [low, high] = rangeOf(maps.subarray(begin, begin + area));
    for (let i = begin; i < begin + area; i++) walked[i] = Math.min(Math.max(walked[i], low), high);
  }
  return walked;
}

function rangeOf(values: Float32Array): [low: number, high: number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/** Every step of at most this length, including [0, 0], as [down, right]. */
function disc(radius: number): [number, number][] {
  const span = Array.from({ length: 2 * radius + 1 }, (_, i) => i - radius);
  const square = span.flatMap((down) => span.map((right): [number, number] => [down, right]));
  return square.filter(([down, right]) => down ** 2 + right ** 2 <= radius ** 2);
}
