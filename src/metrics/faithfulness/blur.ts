import type { Size } from '../../size.js';
import type { Picture } from './perturb.js';

/** The blur of RISE: the width of its kernel, and its standard deviation in pixels. */
const [WIDTH, SIGMA] = [11, 5];

/**
 * A photograph blurred as in the insertion test of RISE (`gkern(11, 5)` in its code). Outside the photograph is the colour that
 * hides pixels.
 *
 * @returns [channels, height, width]
 */
export function blurred({ data, size, fill }: Picture): Float32Array {
  const kernel = riseKernel();
  const area = size[0] * size[1];
  const out = new Float32Array(data.length);
  const plane = new Float64Array(area);
  const rows = new Float64Array(area);
  fill.forEach((value, channel) => {
    for (let i = 0; i < area; i++) plane[i] = data[channel * area + i] - value;
    alongRows(plane, rows, kernel, size);
    alongColumns(rows, plane, kernel, size);
    for (let i = 0; i < area; i++) out[channel * area + i] = plane[i] + value;
  });
  return out;
}

/** Convolves each row with a symmetric kernel; zeros are outside. */
function alongRows(from: Float64Array, to: Float64Array, kernel: Float64Array, [height, width]: Size): void {
  const reach = (kernel.length - 1) / 2;
  // A row with zeros around it, so that no pixel is at an edge.
  const line = new Float64Array(width + 2 * reach);
  for (let y = 0; y < height; y++) {
    line.set(from.subarray(y * width, (y + 1) * width), reach);
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let k = 0; k < kernel.length; k++) sum += kernel[k] * line[x + k];
      to[y * width + x] = sum;
    }
  }
}

/** Convolves each column. */
function alongColumns(from: Float64Array, to: Float64Array, kernel: Float64Array, [height, width]: Size): void {
  const reach = (kernel.length - 1) / 2;
  to.fill(0);
  for (let y = 0; y < height; y++) {
    for (let k = Math.max(-reach, -y); k <= Math.min(reach, height - 1 - y); k++) {
      const weight = kernel[k + reach];
      for (let at = y * width, end = at + width, other = (y + k) * width; at < end; at++, other++) to[at] += weight * from[other];
    }
  }
}

/**
 * RISE blurs an impulse in an 11 x 11 picture with SciPy's Gaussian filter, which cuts off after four standard deviations and
 * mirrors what reaches beyond the border. The result is wider than a Gaussian of 11 pixels.
 *
 * @returns the factor for each of 11 pixels in one direction; the sum is 1
 */
function riseKernel(): Float64Array {
  const reach = 4 * SIGMA;
  const weights = Float64Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-(((i - reach) / SIGMA) ** 2) / 2));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const kernel = new Float64Array(WIDTH);
  for (let i = 0; i < WIDTH; i++) {
    weights.forEach((weight, j) => {
      if (mirroredIndex(i + j - reach) === (WIDTH - 1) / 2) kernel[i] += weight / total;
    });
  }
  return kernel;
}

/** The index in 0..10 of a position beyond the border, in a picture that repeats mirrored: 10 9 ... 0 | 0 1 ... 10 | 10 9 ... */
function mirroredIndex(position: number): number {
  const place = ((position % (2 * WIDTH)) + 2 * WIDTH) % (2 * WIDTH);
  return place < WIDTH ? place : 2 * WIDTH - 1 - place;
}
