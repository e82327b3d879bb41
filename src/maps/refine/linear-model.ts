import type { Size } from '../../size.js';
import { boxMean } from './box-mean.js';

/** A photograph as the guide of a guided filter: one plane (gray) or three (colour), 0..1. */
export interface Guide {
  /** One per channel, [height, width]. */
  readonly planes: readonly Float64Array[];
  readonly size: Size;
}

/** `colour` uses the three channels together, `gray` their luma (ITU-R BT.601). */
export type GuideKind = 'colour' | 'gray';

/** @param image RGB, [height, width, 3] */
export function guideOf(image: Uint8Array, size: Size, kind: GuideKind): Guide {
  const planes = [0, 1, 2].map((c) => {
    const plane = new Float64Array(size[0] * size[1]);
    for (let i = 0, at = c; i < plane.length; i++, at += 3) plane[i] = image[at] / 255;
    return plane;
  });
  if (kind === 'colour') return { planes, size };
  const [red, green, blue] = planes;
  for (let i = 0; i < red.length; i++) red[i] = 0.299 * red[i] + 0.587 * green[i] + 0.114 * blue[i];
  return { planes: [red], size };
}

/** Around each pixel the map is this linear function of the guide: `sum_c slope_c I_c + offset`. */
export interface LinearModel {
  /** One per channel, [height, width]. */
  readonly slopes: readonly (Float32Array | Float64Array)[];
  /** [height, width]. */
  readonly offset: Float32Array | Float64Array;
}

/**
 * The part of a guided filter that only depends on the guide: means and inverse covariances of its channels. In float64, because
 * a covariance is a small difference of large numbers.
 */
interface GuideMoments {
  /** One per channel, [area]. */
  readonly means: readonly Float64Array[];
  /** The upper triangle of the inverse of covariance + eps U, row by row: one or six, [area] each. */
  readonly inverse: readonly Float64Array[];
}

/** Row and column of each number of an upper triangle. */
const TRIANGLE = [[0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 2]] as const;

/** The index in the triangle of row i, column j. */
const PLACE = [[0, 1, 2], [1, 3, 4], [2, 4, 5]] as const;

function momentsOf({ planes, size }: Guide, radius: number, eps: number): GuideMoments {
  const means = planes.map((plane) => meanOf(plane, size, radius));
  const places = planes.length === 1 ? TRIANGLE.slice(0, 1) : TRIANGLE;
  const inverse = places.map(([i, j]) => covariance(planes[i], planes[j], means[i], means[j], size, radius));
  if (planes.length === 1) for (let p = 0; p < inverse[0].length; p++) inverse[0][p] = 1 / (inverse[0][p] + eps);
  else invert(inverse, eps);
  return { means, inverse };
}

function meanOf(plane: Float64Array, size: Size, radius: number): Float64Array {
  const mean = new Float64Array(plane.length);
  boxMean(plane, size, radius, mean);
  return mean;
}

/** mean(a b) - mean(a) mean(b) over each window, [area]. */
function covariance(a: Float64Array, b: Float64Array, meanA: Float64Array, meanB: Float64Array, size: Size, radius: number): Float64Array {
  const product = new Float64Array(a.length);
  for (let p = 0; p < product.length; p++) product[p] = a[p] * b[p];
  const result = meanOf(product, size, radius);
  for (let p = 0; p < result.length; p++) result[p] -= meanA[p] * meanB[p];
  return result;
}

/** Replaces symmetric 3 x 3 matrices M by the inverse of M + eps U, computed from cofactors. */
function invert([m00, m01, m02, m11, m12, m22]: Float64Array[], eps: number): void {
  for (let p = 0; p < m00.length; p++) {
    const a = m00[p] + eps;
    const b = m01[p];
    const c = m02[p];
    const d = m11[p] + eps;
    const e = m12[p];
    const f = m22[p] + eps;
    const first = d * f - e * e;
    const second = c * e - b * f;
    const third = b * e - c * d;
    const determinant = a * first + b * second + c * third;
    m00[p] = first / determinant;
    m01[p] = second / determinant;
    m02[p] = third / determinant;
    m11[p] = (a * f - c * c) / determinant;
    m12[p] = (b * c - a * e) / determinant;
    m22[p] = (a * d - b * b) / determinant;
  }
}

/**
 * The linear models of a guided filter (He et al., TPAMI 2013, equations 14, 15 and 19): in each window a linear function of the
 * guide is fitted to the map with ridge `eps`, and every pixel gets the mean model of the windows that contain it.
 *
 *     a = (Sigma + eps U)^-1 (mean(I p) - mean(I) mean(p)),  b = mean(p) - a . mean(I),  then a and b are box-averaged
 *
 * @param maps [classes, height, width]
 * @returns one model per class
 */
export function linearModels(maps: Float32Array, guide: Guide, radius: number, eps: number): LinearModel[] {
  const { planes, size } = guide;
  const area = size[0] * size[1];
  const { means, inverse } = momentsOf(guide, radius, eps);
  return Array.from({ length: maps.length / area }, (_, k) => {
    const map = Float64Array.from(maps.subarray(k * area, (k + 1) * area));
    const offset = meanOf(map, size, radius);
    const cross = planes.map((plane, c) => covariance(plane, map, means[c], offset, size, radius));
    const slopes = planes.map((_plane, i) => {
      const slope = new Float64Array(area);
      cross.forEach((values, j) => { addProduct(slope, inverse[PLACE[i][j]], values, 1); });
      return slope;
    });
    slopes.forEach((slope, i) => { addProduct(offset, slope, means[i], -1); });
    return { slopes: slopes.map((slope) => meanOf(slope, size, radius)), offset: meanOf(offset, size, radius) };
  });
}

/** out = out + sign a b. */
function addProduct(out: Float64Array, a: Float32Array | Float64Array, b: Float64Array, sign: 1 | -1): void {
  for (let p = 0; p < out.length; p++) out[p] += sign * a[p] * b[p];
}

/**
 * The values of a linear model for a guide of the same size, clipped to 0..1.
 *
 * @param out receives the values, [height, width]
 */
export function applyModel({ slopes, offset }: LinearModel, { planes }: Guide, out: Float32Array): void {
  const values = Float64Array.from(offset);
  slopes.forEach((slope, c) => { addProduct(values, slope, planes[c], 1); });
  for (let p = 0; p < out.length; p++) out[p] = Math.min(Math.max(values[p], 0), 1);
}
