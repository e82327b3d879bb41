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
  const places = Int32Array.from(pixels, (pixel) => LANES * placeOf(pixel, size[1]));
  const out = new Float32Array(channels * pixels.length);
  for (let first = 0; first < channels; first += LANES) {
    const together = Math.min(LANES, channels - first);
    const known = knownOf(data.subarray(first * area, (first + together) * area), size, system);
    solve(system, (right) => { addKnown(known, together, system, right); }, (solution) => {
      for (let lane = 0; lane < together; lane++) {
        for (let i = 0, at = (first + lane) * pixels.length; i < places.length; i++, at++) out[at] = solution[places[i] + lane];
      }
    });
  }
  return out;
}

/** The channels at the places of a {@link Stencil}, [places, LANES]; unknown pixels and what is outside are 0. */
function knownOf(channels: Float32Array, [height, width]: Size, { stride, points }: Stencil): Float64Array {
  const known = new Float64Array(LANES * lengthOf(height, width));
  for (let lane = 0, from = 0; from < channels.length; lane++) {
    for (let y = 0; y < height; y++) {
      for (let at = LANES * ((y + 1) * stride + 1) + lane, end = at + LANES * width; at < end; at += LANES) known[at] = channels[from++];
    }
  }
  for (let k = 0; k < points.length; k++) {
    for (let at = LANES * points[k], end = at + LANES; at < end; at++) known[at] = 0;
  }
  return known;
}

/** The right sides, [places, LANES]: for each unknown pixel, the known ones around it times their weights. */
function addKnown(known: Float64Array, lanes: number, { stride, points }: Stencil, right: Float64Array): void {
  const row = LANES * stride;
  const next = LANES;
  for (let k = 0; k < points.length; k++) {
    for (let at = LANES * points[k], end = at + lanes; at < end; at++) {
      const above = at - row;
      const below = at + row;
      const sides = known[at - next] + known[at + next] + known[above] + known[below];
      const corners = known[above - next] + known[above + next] + known[below - next] + known[below + next];
      right[at] = SIDE * sides + CORNER * corners;
    }
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
  for (let i = 0; i < pixels.length; i++) unknown[placeOf(pixels[i], width)] = 1;
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
