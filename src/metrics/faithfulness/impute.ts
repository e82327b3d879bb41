import type { Size } from '../../size.js';
import { cycle, gridsOf, lengthOf, times } from './multigrid.js';
import type { Stencil } from './multigrid.js';

/** The weights of a pixel's neighbours: those that share a side, and those that share a corner. */
const [SIDE, CORNER] = [1 / 6, 1 / 12];

/** The solution is exact but for this share (in the norm of the preconditioned residual). */
const TOLERANCE = 1e-6;

/** Far more than are ever needed: ten or so. */
const MAX_STEPS = 100;

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
  const [height, width] = size;
  const area = height * width;
  const system = systemOf(size, pixels);
  const grids = gridsOf(system);
  const { stride, points } = system;
  const places = Int32Array.from(pixels, (pixel) => placeOf(pixel, width));
  const [x, r, p, q, full] = Array.from({ length: 5 }, () => new Float64Array(system.centre.length));
  const out = new Float32Array(data.length / area * pixels.length);
  for (let channel = 0; channel * area < data.length; channel++) {
    full.fill(0);
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) full[(y + 1) * stride + x + 1] = data[channel * area + y * width + x];
    for (const point of points) full[point] = 0;
    x.fill(0);
    r.fill(0);
    for (const i of points) {
      r[i] = SIDE * (full[i - 1] + full[i + 1] + full[i - stride] + full[i + stride])
        + CORNER * (full[i - stride - 1] + full[i - stride + 1] + full[i + stride - 1] + full[i + stride + 1]);
    }
    let first = 0;
    let before = 0;
    for (let step = 0; step < MAX_STEPS; step++) {
      const z = cycle(grids, r);
      const rz = dot(points, r, z);
      if (step === 0) first = rz;
      if (rz <= TOLERANCE ** 2 * first) break;
      const beta = step === 0 ? 0 : rz / before;
      for (let k = 0; k < points.length; k++) p[points[k]] = z[points[k]] + beta * p[points[k]];
      times(system, p, q);
      const alpha = rz / dot(points, p, q);
      for (let k = 0; k < points.length; k++) {
        x[points[k]] += alpha * p[points[k]];
        r[points[k]] -= alpha * q[points[k]];
      }
      before = rz;
    }
    places.forEach((place, i) => { out[channel * pixels.length + i] = x[place]; });
  }
  return out;
}

function dot(points: Int32Array, a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < points.length; k++) sum += a[points[k]] * b[points[k]];
  return sum;
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
  const points = Int32Array.from(pixels, (pixel) => placeOf(pixel, width)).sort();
  for (const point of points) unknown[point] = 1;
  const [centre, east, south, southEast, southWest] = Array.from({ length: 5 }, () => new Float64Array(length));
  for (const pixel of pixels) {
    const i = placeOf(pixel, width);
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    const across = Number(x > 0) + Number(x + 1 < width);
    const down = Number(y > 0) + Number(y + 1 < height);
    centre[i] = SIDE * (across + down) + CORNER * across * down;
    if (unknown[i + 1] === 1) east[i] = -SIDE;
    if (unknown[i + stride] === 1) south[i] = -SIDE;
    if (unknown[i + stride + 1] === 1) southEast[i] = -CORNER;
    if (unknown[i + stride - 1] === 1) southWest[i] = -CORNER;
  }
  return { height, width, stride, points, centre, east, south, southEast, southWest };
}
