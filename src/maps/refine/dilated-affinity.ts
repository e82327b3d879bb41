import type { Size } from '../../size.js';
import { scratchKernels } from '../../kernels/kernels.js';
import { PaddedPlanes } from './padded-planes.js';

/** How affinities are computed from colours; see `pamr` and `par`. */
export interface DilatedAffinity {
  readonly iterations: number;
  readonly dilations: readonly number[];
  /** Standard deviations are multiplied by this. */
  readonly spread: number;
  /** Added to standard deviations; for colours 0..255. */
  readonly epsilon: number;
  /** Affinities by position, [8 dilations], with the sum `positionWeight`. If given, differences of colours are squared. */
  readonly position?: Float32Array;
  readonly positionWeight?: number;
}

/** The neighbours in a 3 x 3 window, as [down, right]. */
export const WINDOW: readonly (readonly [number, number])[] = [[-1, -1], [-1, 0], [-1, 1], [0, -1], [0, 1], [1, -1], [1, 0], [1, 1]];

/**
 * Repeatedly replaces every pixel by the mean of its neighbours at several dilations, weighted by their affinity. Beyond the
 * edges the nearest pixel is repeated.
 *
 * Needs 4 bytes for each of the 8 neighbours of each pixel at each dilation: 36 MB for 500 x 375 pixels and six dilations.
 *
 * @param maps [C, height, width]
 * @param image RGB, [height, width, 3]
 */
export function spreadByAffinity(maps: Float32Array, image: Uint8Array, size: Size, options: DilatedAffinity): Float32Array {
  const [height, width] = size;
  const { iterations, dilations, spread, epsilon, position, positionWeight = 0 } = options;
  const count = maps.length / (height * width);
  const neighbours = 8 * dilations.length;
  const reach = Math.max(...dilations);
  const kernels = scratchKernels();
  const { arena, run } = kernels;

  const picture = new PaddedPlanes(kernels, 3, size, reach);
  const planes = [new PaddedPlanes(kernels, count, size, reach), new PaddedPlanes(kernels, count, size, reach)];
  const { stride, pad } = picture;
  const offsets = arena.words(neighbours);
  const steps = arena.words(dilations.length);
  const weights = arena.floats(neighbours);
  const scratch = arena.floats(7 * stride);
  const groups = Math.ceil(width / 8) * (neighbours + 1) * 8;
  const affinities = arena.floats(height * groups);

  offsets.view.set(dilations.flatMap((dilation) => WINDOW.map(([down, right]) => 4 * dilation * (down * stride + right))));
  steps.view.set(dilations);
  if (position !== undefined) weights.view.set(position);
  picture.writeInterleaved(image);
  picture.replicate();
  planes[0].write(maps);

  const rowOf = (y: number): number => affinities.address + 4 * y * groups;
  for (let y = 0; y < height; y++) {
    run.affinityRow(
      picture.block.address, width, height, pad, stride, y, offsets.address, steps.address, dilations.length,
      scratch.address, rowOf(y), epsilon, spread, position === undefined ? 0 : weights.address, 1 + positionWeight,
    );
  }
  for (let i = 0; i < iterations; i++) {
    const [from, to] = i % 2 === 0 ? planes : [planes[1], planes[0]];
    from.replicate();
    for (let y = 0; y < height; y++) run.spreadRow(from.row(y), to.row(y), 4 * from.area, count, width, rowOf(y), offsets.address, neighbours);
  }
  return planes[iterations % 2].read();
}
