import { z } from 'zod';
import { cellColours } from './cells.js';
import type { UpsampleMaps } from './upsampler.js';

/** Options of {@link jointBilateral}. */
export const jointBilateralOptions = z.strictObject({
  /** How many columns and rows of cells around that of a pixel are used. */
  radius: z.number().int().min(1).max(8).default(2),
  /** The width of the Gaussian of distances, in cells. */
  sigmaSpatial: z.number().min(0.05).max(16).default(1),
  /** The width of the Gaussian of colour differences; colours are 0..1. */
  sigmaRange: z.number().min(0.001).max(10).default(0.1),
});

/**
 * Joint bilateral upsampling (Kopf et al., SIGGRAPH 2007, equation 3):
 *
 *     S(p) = 1 / k(p) sum_q S(q) exp(-|p' - q|^2 / (2 sigmaSpatial^2)) exp(-|I(p) - I(q)|^2 / (2 sigmaRange^2))
 *
 * over the cells q within `radius` of the cell that contains pixel p. p' is p in units of cells, with half-pixel centres. I(q)
 * is the mean colour of the cell's pixels; the paper uses the pixel at its centre, which is noisy. Cells beyond the edges are
 * left out.
 */
export const jointBilateral: UpsampleMaps<z.infer<typeof jointBilateralOptions>> = (maps, from, image, size, options) => {
  const { radius, sigmaSpatial, sigmaRange } = options;
  const [h, w] = from;
  const [height, width] = size;
  const cells = h * w;
  const area = height * width;
  const classes = maps.length / cells;
  const colours = cellColours(image, size, from);
  const result = new Float32Array(classes * area);
  const rows = cellsNear(height, h, radius, sigmaSpatial);
  const columns = cellsNear(width, w, radius, sigmaSpatial);
  const range = 1 / (2 * (255 * sigmaRange) ** 2);
  const sums = new Float64Array(classes);
  const exponents = new Float64Array((2 * radius + 1) ** 2);
  for (let y = 0; y < height; y++) {
    const { begin: top, end: bottom, exponents: down } = rows[y];
    for (let x = 0; x < width; x++) {
      const { begin: left, end: right, exponents: across } = columns[x];
      const p = y * width + x;
      const [r, g, b] = [image[3 * p], image[3 * p + 1], image[3 * p + 2]];
      let smallest = Infinity;
      let n = 0;
      for (let i = top; i < bottom; i++) {
        for (let j = left; j < right; j++) {
          const q = i * w + j;
          const difference = (r - colours[q]) ** 2 + (g - colours[cells + q]) ** 2 + (b - colours[2 * cells + q]) ** 2;
          const exponent = range * difference + down[i - top] + across[j - left];
          exponents[n++] = exponent;
          if (exponent < smallest) smallest = exponent;
        }
      }
      sums.fill(0);
      let total = 0;
      n = 0;
      for (let i = top; i < bottom; i++) {
        for (let j = left; j < right; j++) {
          // Relative to the best one, so that the weights of a pixel unlike all of its cells do not sum to 0.
          const weight = Math.exp(smallest - exponents[n++]);
          total += weight;
          for (let k = 0; k < classes; k++) sums[k] += weight * maps[k * cells + i * w + j];
        }
      }
      for (let k = 0; k < classes; k++) result[k * area + p] = sums[k] / total;
    }
  }
  return result;
};

/** The cells near a pixel along one axis, and the exponents of their spatial weights. */
interface NearCells {
  readonly begin: number;
  readonly end: number;
  readonly exponents: Float64Array;
}

function cellsNear(pixels: number, cells: number, radius: number, sigma: number): NearCells[] {
  return Array.from({ length: pixels }, (_, i) => {
    const position = ((i + 0.5) * cells) / pixels;
    const own = Math.floor(position);
    const begin = Math.max(own - radius, 0);
    const end = Math.min(own + radius + 1, cells);
    return { begin, end, exponents: Float64Array.from({ length: end - begin }, (_, j) => (position - 0.5 - begin - j) ** 2 / (2 * sigma ** 2)) };
  });
}
