import type { Box } from '../../datasets/boxes/box-truth.js';
import type { Size } from '../../size.js';
import { boxIou } from './box.js';
import { GrowingRegions } from './growing-regions.js';
import { outlineArea } from './outline-area.js';

/** The boxes of a map at every threshold. */
export interface SweptBoxes {
  /** [steps]: the box of the contour with the largest area. The box of a map that is zero everywhere has no pixels. */
  readonly largest: readonly Box[];
  /** [steps]: the largest IoU of the box of any contour, inner ones included, with any true box; 0 without true boxes. */
  readonly best: Float64Array;
}

/** The box of a map that is zero everywhere. */
const NOTHING: Box = [0, 0, -1, -1];

/**
 * The boxes of a map thresholded at the shares 0, 1/steps, 2/steps, ... of its maximum, as in the evaluation of Choe et al. (CVPR 2020):
 * the map is rounded down to 0..255, the threshold to a whole number, and a pixel belongs to the object if it is above it. Contours are
 * those of OpenCV's `findContours` with all levels: the outlines of components (8 neighbours) and of the holes in them. Of equal areas,
 * the contour whose first pixel comes last counts.
 *
 * All thresholds are done in two passes over the pixels: components grow as the threshold falls, holes as it rises.
 *
 * @param map [height, width], in 0..1
 * @param truth the true boxes
 * @throws RangeError if a value is not in 0..1
 */
export function sweepBoxes(map: Float32Array, size: Size, truth: readonly Box[] = [], steps = 100): SweptBoxes {
  const values = grayOf(map);
  const { order, ends } = sortedByValue(values);
  const limits = limitsOf(values[order[order.length - 1] ?? 0] ?? 0, steps);
  const best = new Float64Array(steps);
  const largest = sweepComponents(values, size, { order, ends, limits }, truth, best);
  if (truth.length > 0) sweepHoles(size, { order, ends, limits }, truth, best);
  return { largest, best };
}

/**
 * The box that the evaluation of Choe et al. compares with true boxes: its right and bottom are one pixel further, except at the edge of
 * the map.
 */
export function evaluatedBox([left, top, right, bottom]: Box, [height, width]: Size): Box {
  return [left, top, Math.min(right + 1, width - 1), Math.min(bottom + 1, height - 1)];
}

/** The largest IoU of a box, as it is evaluated, with a true box; 0 if there is none. */
export function bestIou(box: Box, size: Size, truth: readonly Box[]): number {
  const evaluated = evaluatedBox(box, size);
  return truth.reduce((most, other) => Math.max(most, boxIou(evaluated, other)), 0);
}

interface Sorted {
  /** The pixels from the smallest value to the largest. */
  readonly order: Int32Array;
  /** [256]: the number of pixels up to each value. */
  readonly ends: Int32Array;
}

interface Thresholds extends Sorted {
  /** [steps]: a pixel of the object is above this. */
  readonly limits: Int32Array;
}

function grayOf(map: Float32Array): Uint8Array {
  const values = new Uint8Array(map.length);
  for (let i = 0; i < map.length; i++) {
    // Also refuses NaN.
    if (!(map[i] >= 0 && map[i] <= 1)) throw new RangeError(`the map has the value ${map[i]}, which is not in 0..1`);
    values[i] = Math.floor(map[i] * 255);
  }
  return values;
}

function sortedByValue(values: Uint8Array): Sorted {
  const ends = new Int32Array(256);
  for (const value of values) ends[value]++;
  for (let value = 1; value < 256; value++) ends[value] += ends[value - 1];
  const next = new Int32Array(256);
  next.set(ends.subarray(0, 255), 1);
  const order = new Int32Array(values.length);
  for (let pixel = 0; pixel < values.length; pixel++) order[next[values[pixel]]++] = pixel;
  return { order, ends };
}

function limitsOf(maximum: number, steps: number): Int32Array {
  const step = 1 / steps;
  return Int32Array.from({ length: steps }, (_, i) => Math.trunc(i * step * maximum));
}

function sweepComponents(
  values: Uint8Array, size: Size, { order, ends, limits }: Thresholds, truth: readonly Box[], best: Float64Array,
): Box[] {
  const components = new GrowingRegions(size, 8);
  const largest = new Array<Box>(limits.length);
  let left = order.length;
  for (let step = limits.length - 1; step >= 0; step--) {
    const limit = limits[step];
    if (step + 1 < limits.length && limits[step + 1] === limit) {
      largest[step] = largest[step + 1];
      best[step] = best[step + 1];
      continue;
    }
    while (left > ends[limit]) components.add(order[--left]);
    const first = largestOf(components, values, size, limit);
    largest[step] = first < 0 ? NOTHING : components.boxOf(first);
    if (truth.length === 0) continue;
    if (first < 0) best[step] = bestIou(NOTHING, size, truth);
    for (let i = 0; i < components.count; i++) best[step] = Math.max(best[step], bestIou(components.boxOf(components.firsts[i]), size, truth));
  }
  return largest;
}

/** The first pixel of the component with the largest outline; -1 if there is none. */
function largestOf(components: GrowingRegions, values: Uint8Array, size: Size, limit: number): number {
  const { firsts, count } = components;
  let [chosen, area] = [-1, -1];
  for (let i = 0; i < count; i++) {
    const [left, top, right, bottom] = components.boxOf(firsts[i]);
    // An outline is inside its box, so most need not be followed.
    const bound = (right - left) * (bottom - top);
    if (bound < area) continue;
    const own = bound === 0 ? 0 : outlineArea(values, size, limit, firsts[i]);
    if (own > area || (own === area && firsts[i] > chosen)) [chosen, area] = [firsts[i], own];
  }
  return chosen;
}

/** The outline of a hole is the ring of pixels around it. */
function sweepHoles(size: Size, { order, ends, limits }: Thresholds, truth: readonly Box[], best: Float64Array): void {
  const [height, width] = size;
  const gaps = new GrowingRegions(size, 4);
  let [done, inner] = [0, 0];
  limits.forEach((limit, step) => {
    if (step === 0 || limits[step - 1] !== limit) {
      while (done < ends[limit]) gaps.add(order[done++]);
      inner = 0;
      for (let i = 0; i < gaps.count; i++) {
        const [left, top, right, bottom] = gaps.boxOf(gaps.firsts[i]);
        // A gap at the edge of the map is not a hole.
        if (left === 0 || top === 0 || right === width - 1 || bottom === height - 1) continue;
        inner = Math.max(inner, bestIou([left - 1, top - 1, right + 1, bottom + 1], size, truth));
      }
    }
    best[step] = Math.max(best[step], inner);
  });
}
