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

  /** @param colours [3, height, width], 0..255; overwritten */
  constructor(classes: number, colours: Float32Array, size: Size, radius: number, factor: number) {
    const { kernels, kernels: { arena, run } } = this;
    const [height, width] = size;
    // The second row of the last pair may be below the picture.
    const picture = new PaddedPlanes(kernels, 3, size, radius + 1);
    const planes = (): PaddedPlanes => new PaddedPlanes(kernels, classes, size, radius + 1);
    [this.even, this.odd, this.total] = [planes(), planes(), planes()];
    const { area, stride, pad } = picture;
    const words = (numbers: readonly number[]): Words => {
      const block = arena.words(numbers.length);
      block.view.set(numbers);
      return block;
    };
    const { common, rim, ahead, sources } = neighboursOf(radius);
    const bytesTo = ([down, right]: Step): number => 4 * (down * stride + right);
    const entries = common.length + rim.length / 2;
    const affinities = arena.floats(Math.ceil(height / 2) * Math.ceil(width / 8) * (entries + 1) * 16);
    // Enough rows for a pair and all rows above it that have neighbours.
    const rows = 2 ** Math.ceil(Math.log2(radius + 2));
    const ring = arena.floats(rows * ahead.length * stride);
    ring.view.fill(0);
    const offsets = words([...common, ...rim].map(bytesTo));
    const forward = words(ahead.map(bytesTo));
    const from = words(sources.flatMap(({ index, up, right }) => [up, 4 * (index * stride + right)]));
    this.numbers = words([
      4 * area, 4 * stride, classes, height, width, affinities.address, offsets.address, common.length, rim.length / 2,
      forward.address, ahead.length, from.address, ring.address + 4 * pad, rows - 1,
    ]);
    // exp(-factor |I(i) - I(j)|^2) = 2^-|s I(i) - s I(j)|^2.
    const scale = Math.sqrt(factor * Math.LOG2E);
    for (let i = 0; i < colours.length; i++) colours[i] *= scale;
    picture.fill(NOWHERE);
    picture.write(colours);
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
    total.write(maps);
    run.scale(total.block.address, total.block.length, shares[0]);
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
  for (let i = 0; i < values.length; i++) {
    if (values[i] < low) low = values[i];
    if (values[i] > high) high = values[i];
  }
  return [low, high];
}

/** A step from one cell to another. */
type Step = readonly [down: number, right: number];

/** The neighbours of the cells of two rows, as the kernel wants them. */
interface Neighbours {
  /** Steps from the first row's cell to what is a neighbour of both it and the cell below. */
  readonly common: readonly Step[];
  /** To what is only a neighbour of the first row's cell, and then, as many, to what is only one of the second's. */
  readonly rim: readonly Step[];
  /** No step, and the steps to the neighbours after a cell, in reading order. */
  readonly ahead: readonly Step[];
  /**
   * For each neighbour that both have, and each pair of the others, where the first row's affinity is, and where the second's: that of the
   * step `index` of {@link ahead}, of the cell that is so far away. Affinities are the same in both directions.
   */
  readonly sources: readonly { readonly index: number; readonly up: number; readonly right: number }[];
}

const known = new Map<number, Neighbours>();

function neighboursOf(radius: number): Neighbours {
  const neighbours = known.get(radius) ?? arranged(radius);
  known.set(radius, neighbours);
  return neighbours;
}

function arranged(radius: number): Neighbours {
  const isStep = (down: number, right: number): boolean => down ** 2 + right ** 2 <= radius ** 2;
  const steps = disc(radius);
  const ahead = steps.filter(([down, right]) => down > 0 || (down === 0 && right >= 0));
  const common = steps.filter(([down, right]) => isStep(down - 1, right));
  const upper = steps.filter(([down, right]) => !isStep(down - 1, right));
  const lower = steps.filter(([down, right]) => !isStep(down + 1, right)).map(([down, right]): Step => [down + 1, right]);
  const sourceOf = ([down, right]: Step): Neighbours['sources'][number] => {
    const own = ahead.findIndex((step) => step[0] === down && step[1] === right);
    if (own >= 0) return { index: own, up: 0, right: 0 };
    return { index: ahead.findIndex((step) => step[0] === -down && step[1] === -right), up: -down, right };
  };
  const below = ([down, right]: Step): Step => [down - 1, right];
  return {
    common, rim: [...upper, ...lower], ahead,
    sources: [...common.map((step) => [step, below(step)]), ...upper.map((step, i) => [step, below(lower[i])])].flat().map(sourceOf),
  };
}

/** Every step of at most this length, including [0, 0], as [down, right]. */
function disc(radius: number): Step[] {
  const span = Array.from({ length: 2 * radius + 1 }, (_, i) => i - radius);
  const square = span.flatMap((down) => span.map((right): Step => [down, right]));
  return square.filter(([down, right]) => down ** 2 + right ** 2 <= radius ** 2);
}
