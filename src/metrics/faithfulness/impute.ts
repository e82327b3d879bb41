import type { Size } from '../../size.js';
import { lengthOf } from './multigrid.js';
import type { Stencil } from './multigrid.js';
import { LANES, solve } from './solver.js';

/** The weights of a pixel's neighbours: those that share a side, and those that share a corner. */
const [SIDE, CORNER] = [1 / 6, 1 / 12];

/**
 * Fills pixels by those around them, as the noisy linear imputation of ROAD (Rong et al., ICML 2022) does before noise is added: each
 * one is the weighted mean of its eight neighbours, with the weight 1/6 for those at its sides and 1/12 for those at its corners. The
 * neighbours of filled pixels may be filled themselves, so this is a system of linear equations. It is solved by conjugate gradients
 * with a multigrid preconditioner.
 *
 * @param data [channels, height, width]
 * @param pixels to fill, y * width + x, in any order. If these are all, there is nothing to fill them from, and they become 0
 * @returns [channels, pixels]
 */
export function imputed(data: Float32Array, size: Size, pixels: Uint32Array): Float32Array {
  const area = size[0] * size[1];
  const channels = data.length / area;
  const system = systemOf(size, pixels);
  const places = Int32Array.from(pixels, (pixel) => placeOf(pixel, size[1]));
  const out = new Float32Array(channels * pixels.length);
  for (let first = 0; first < channels; first += LANES) {
    const together = Math.min(LANES, channels - first);
    const fill = (right: Float64Array): void => {
      for (let lane = 0; lane < together; lane++) {
        const start = (first + lane) * area;
        addKnown(data.subarray(start, start + area), size, system, (place, value) => { right[LANES * place + lane] = value; });
      }
    };
    solve(system, fill, (solution) => {
      for (let lane = 0; lane < together; lane++) {
        const start = (first + lane) * pixels.length;
        for (let i = 0; i < places.length; i++) out[start + i] = solution[LANES * places[i] + lane];
      }
    });
  }
  return out;
}

/** The right sides: for each unknown pixel, the known ones around it times their weights. */
function addKnown(channel: Float32Array, [height, width]: Size, { stride, points }: Stencil, set: (place: number, value: number) => void): void {
  const known = new Float64Array(lengthOf(height, width));
  for (let y = 0; y < height; y++) known.set(channel.subarray(y * width, (y + 1) * width), (y + 1) * stride + 1);
  for (let k = 0; k < points.length; k++) known[points[k]] = 0;
  for (let k = 0; k < points.length; k++) {
    const i = points[k];
    const [above, below] = [i - stride, i + stride];
    const sides = known[i - 1] + known[i + 1] + known[above] + known[below];
    const corners = known[above - 1] + known[above + 1] + known[below - 1] + known[below + 1];
    set(i, SIDE * sides + CORNER * corners);
  }
}

/** The place of a pixel in the arrays of a {@link Stencil}. */
function placeOf(pixel: number, width: number): number {
  return pixel + width + 3 + 2 * Math.floor(pixel / width);
}

/** The equations: a pixel times the sum of its neighbours' weights, minus the unknown neighbours times theirs, is the known ones times theirs. */
function systemOf([height, width]: Size, pixels: Uint32Array): Stencil {
  const stride = width + 2;
  const length = lengthOf(height, width);
  const unknown = new Uint8Array(length);
  for (const pixel of pixels) unknown[placeOf(pixel, width)] = 1;
  const points = new Int32Array(pixels.length);
  const [centre, east, south, southEast, southWest] = Array.from({ length: 5 }, () => new Float64Array(length));
  for (let y = 0, count = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = (y + 1) * stride + x + 1;
      if (unknown[i] === 0) continue;
      points[count++] = i;
      const across = Number(x > 0) + Number(x + 1 < width);
      const down = Number(y > 0) + Number(y + 1 < height);
      centre[i] = SIDE * (across + down) + CORNER * across * down;
      if (unknown[i + 1] === 1) east[i] = -SIDE;
      if (unknown[i + stride] === 1) south[i] = -SIDE;
      if (unknown[i + stride + 1] === 1) southEast[i] = -CORNER;
      if (unknown[i + stride - 1] === 1) southWest[i] = -CORNER;
    }
  }
  return { height, width, stride, points, centre, east, south, southEast, southWest };
}
