import type { Picture } from './perturb.js';

/** The blur of RISE: the width of its kernel, and its standard deviation in pixels. */
const [WIDTH, SIGMA] = [11, 5];

/**
 * A photograph blurred as in the insertion test of RISE (`gkern(11, 5)` in its code). Outside the photograph is the colour that
 * hides pixels.
 *
 * @returns [channels, height, width]
 */
export function blurred({ data, size: [height, width], fill }: Picture): Float32Array {
  const kernel = riseKernel();
  const area = height * width;
  const out = new Float32Array(data.length);
  const rows = new Float64Array(area);
  fill.forEach((value, channel) => {
    const plane = Float64Array.from(data.subarray(channel * area, (channel + 1) * area), (pixel) => pixel - value);
    convolve(plane, rows, kernel, { lines: height, length: width, step: 1, stride: width });
    convolve(rows, plane, kernel, { lines: width, length: height, step: width, stride: 1 });
    for (let i = 0; i < area; i++) out[channel * area + i] = plane[i] + value;
  });
  return out;
}

/** Where the lines of a plane are: the distance between the pixels of a line, and between lines. */
interface Lines {
  readonly lines: number;
  readonly length: number;
  readonly step: number;
  readonly stride: number;
}

/** Convolves each line with a symmetric kernel; zeros are outside. */
function convolve(from: Float64Array, to: Float64Array, kernel: Float64Array, { lines, length, step, stride }: Lines): void {
  const reach = (kernel.length - 1) / 2;
  for (let line = 0; line < lines; line++) {
    const start = line * stride;
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (let k = Math.max(-reach, -i); k <= Math.min(reach, length - 1 - i); k++) sum += kernel[k + reach] * from[start + (i + k) * step];
      to[start + i * step] = sum;
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
