import type { Size } from '../../size.js';
import { toCielab } from './cielab.js';

/** SLIC's parameters. */
export interface SlicOptions {
  /** The approximate number of superpixels. */
  readonly segments: number;
  /** The weight of distances relative to colours. */
  readonly compactness: number;
  readonly iterations: number;
}

/** The superpixel of every pixel. */
export interface Superpixels {
  /** [height, width], 0..count - 1. */
  readonly labels: Int32Array;
  readonly count: number;
}

/**
 * SLIC superpixels (Achanta et al., TPAMI 2012): k-means of colour and position. A centre only looks at the pixels within one
 * grid step of it, and small fragments are merged into a neighbour at the end.
 *
 *     D = |lab(i) - lab(c)|^2 + (compactness / S)^2 |xy(i) - xy(c)|^2,  S = sqrt(pixels / segments)
 *
 * Every superpixel is connected (4 neighbours).
 *
 * @param image RGB, [height, width, 3]
 */
export function slicSuperpixels(image: Uint8Array, size: Size, options: SlicOptions): Superpixels {
  const lab = toCielab(image);
  const step = Math.max(1, Math.sqrt((size[0] * size[1]) / options.segments));
  const centres = firstCentres(lab, size, step);
  const labels = cluster(lab, size, centres, step, options);
  return connect(labels, size, (step * step) / 4);
}

/** The numbers of a centre: L, a, b, x, y. */
const FIELDS = 5;

/** Centres on a regular grid, each moved to the pixel with the smallest gradient in the 3 x 3 window around it. */
function firstCentres(lab: Float32Array, [height, width]: Size, step: number): Float64Array {
  const rows = Math.max(1, Math.round(height / step));
  const columns = Math.max(1, Math.round(width / step));
  const centres = new Float64Array(rows * columns * FIELDS);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const [x, y] = flattest(lab, [height, width], Math.floor(((j + 0.5) * width) / columns), Math.floor(((i + 0.5) * height) / rows));
      const p = 3 * (y * width + x);
      centres.set([lab[p], lab[p + 1], lab[p + 2], x, y], (i * columns + j) * FIELDS);
    }
  }
  return centres;
}

/** The pixel of the 3 x 3 window with the smallest gradient (technical report of 2010, equation 2); if equal, the middle one. */
function flattest(lab: Float32Array, [height, width]: Size, x: number, y: number): [number, number] {
  const difference = (p: number, q: number): number => (
    (lab[3 * p] - lab[3 * q]) ** 2 + (lab[3 * p + 1] - lab[3 * q + 1]) ** 2 + (lab[3 * p + 2] - lab[3 * q + 2]) ** 2
  );
  const inside = (column: number, row: number): number => Math.min(Math.max(row, 0), height - 1) * width + Math.min(Math.max(column, 0), width - 1);
  const gradient = (column: number, row: number): number => (
    difference(inside(column + 1, row), inside(column - 1, row)) + difference(inside(column, row + 1), inside(column, row - 1))
  );
  let best: [number, number] = [x, y];
  let smallest = gradient(x, y);
  for (let row = Math.max(y - 1, 0); row <= Math.min(y + 1, height - 1); row++) {
    for (let column = Math.max(x - 1, 0); column <= Math.min(x + 1, width - 1); column++) {
      const value = gradient(column, row);
      if (value < smallest) [best, smallest] = [[column, row], value];
    }
  }
  return best;
}

/** k-means within windows of two grid steps. */
function cluster(lab: Float32Array, size: Size, centres: Float64Array, step: number, { compactness, iterations }: SlicOptions): Int32Array {
  const labels = new Int32Array(size[0] * size[1]).fill(-1);
  const nearest = new Float64Array(labels.length);
  const weight = (compactness / step) ** 2;
  for (let i = 0; i < iterations; i++) {
    assign(lab, size, centres, step, weight, labels, nearest);
    moveCentres(lab, size, centres, labels);
  }
  return labels;
}

/** Gives each pixel the label of the nearest centre whose window contains it; pixels in no window keep their labels. */
function assign(
  lab: Float32Array, [height, width]: Size, centres: Float64Array, step: number, weight: number, labels: Int32Array, nearest: Float64Array,
): void {
  nearest.fill(Infinity);
  for (let k = 0; k < centres.length / FIELDS; k++) {
    const [l, a, b, centreX, centreY] = centres.subarray(k * FIELDS, (k + 1) * FIELDS);
    const left = Math.max(0, Math.floor(centreX - step));
    const right = Math.min(width - 1, Math.ceil(centreX + step));
    const bottom = Math.min(height - 1, Math.ceil(centreY + step));
    for (let y = Math.max(0, Math.floor(centreY - step)); y <= bottom; y++) {
      const down = weight * (y - centreY) ** 2;
      for (let x = left, p = y * width + left; x <= right; x++, p++) {
        const dl = lab[3 * p] - l;
        const da = lab[3 * p + 1] - a;
        const db = lab[3 * p + 2] - b;
        const dx = x - centreX;
        const distance = dl * dl + da * da + db * db + weight * dx * dx + down;
        if (distance < nearest[p]) {
          nearest[p] = distance;
          labels[p] = k;
        }
      }
    }
  }
}

/** Moves each centre to the mean of its pixels; centres without pixels stay. */
function moveCentres(lab: Float32Array, [height, width]: Size, centres: Float64Array, labels: Int32Array): void {
  const sums = new Float64Array(centres.length);
  const counts = new Uint32Array(centres.length / FIELDS);
  for (let y = 0, p = 0; y < height; y++) {
    for (let x = 0; x < width; x++, p++) {
      const k = labels[p];
      if (k < 0) continue;
      const at = k * FIELDS;
      sums[at] += lab[3 * p];
      sums[at + 1] += lab[3 * p + 1];
      sums[at + 2] += lab[3 * p + 2];
      sums[at + 3] += x;
      sums[at + 4] += y;
      counts[k]++;
    }
  }
  for (let i = 0; i < sums.length; i++) if (counts[Math.floor(i / FIELDS)] > 0) centres[i] = sums[i] / counts[Math.floor(i / FIELDS)];
}

/**
 * Makes every connected piece of a label its own superpixel, row by row from the top. A piece of fewer than `smallest` pixels is
 * merged into the superpixel to the left of its first pixel, or above it.
 */
function connect(labels: Int32Array, [height, width]: Size, smallest: number): Superpixels {
  const result = new Int32Array(labels.length).fill(-1);
  const piece = new Int32Array(labels.length);
  let count = 0;
  for (let start = 0; start < labels.length; start++) {
    if (result[start] >= 0) continue;
    // Pixels before the first one of a piece already have superpixels.
    const before = start % width > 0 ? result[start - 1] : start >= width ? result[start - width] : -1;
    let end = 0;
    const visit = (p: number): void => {
      if (result[p] >= 0 || labels[p] !== labels[start]) return;
      result[p] = count;
      piece[end++] = p;
    };
    visit(start);
    for (let i = 0; i < end; i++) {
      const p = piece[i];
      const x = p % width;
      if (x > 0) visit(p - 1);
      if (x < width - 1) visit(p + 1);
      if (p >= width) visit(p - width);
      if (p < (height - 1) * width) visit(p + width);
    }
    if (end < smallest && before >= 0) for (let i = 0; i < end; i++) result[piece[i]] = before;
    else count++;
  }
  return { labels: result, count };
}
