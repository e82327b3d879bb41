import type { Box } from '../../datasets/boxes/box-truth.js';
import type { Size } from '../../size.js';
import { boxIou } from './box.js';
import { levelRegions } from './level-regions.js';
import type { LevelRegions } from './level-regions.js';
import { outlineArea } from './outline-area.js';
import type { RegionList } from './region-list.js';

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
 * @param map [height, width], in 0..1
 * @param truth the true boxes
 * @param steps at most 255
 * @throws RangeError if a value is not in 0..1
 */
export function sweepBoxes(map: Float32Array, size: Size, truth: readonly Box[] = [], steps = 100): SweptBoxes {
  const { values, maximum } = grayOf(map);
  const limits = limitsOf(maximum, steps);
  const levels = [...new Set(limits)];
  const heights = Uint8Array.from({ length: 256 }, (_, value) => levels.filter((limit) => value > limit).length);
  const regions = levelRegions(values, size, heights, levels.length);
  const best = truth.length === 0 ? new Float64Array(levels.length) : bestOfLevels(regions, levels.length, size, truth);
  const largest = largestOfLevels(regions, levels, values, size);
  const levelOf = new Map(levels.map((limit, level) => [limit, level]));
  const perStep = Array.from(limits, (limit) => levelOf.get(limit)!);
  return { largest: perStep.map((level) => largest[level]), best: Float64Array.from(perStep, (level) => best[level]) };
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


function grayOf(map: Float32Array): { readonly values: Uint8Array; readonly maximum: number } {
  const values = new Uint8Array(map.length);
  let maximum = 0;
  for (let i = 0; i < map.length; i++) {
    const value = map[i];
    // Also refuses NaN.
    if (!(value >= 0 && value <= 1)) throw new RangeError(`the map has the value ${value}, which is not in 0..1`);
    const gray = Math.floor(255 * value);
    values[i] = gray;
    if (gray > maximum) maximum = gray;
  }
  return { values, maximum };
}

/** [steps]: a pixel of the object is above this. */
function limitsOf(maximum: number, steps: number): Int32Array {
  const step = 1 / steps;
  return Int32Array.from({ length: steps }, (_, i) => Math.trunc(i * step * maximum));
}

/** The box of the component with the largest outline at each level. */
function largestOfLevels({ components, firsts }: LevelRegions, limits: readonly number[], values: Uint8Array, size: Size): Box[] {
  const { parents, lefts, tops, rights, bottoms, tags, areas, marks } = components;
  const chosen = new Int32Array(limits.length).fill(-1);
  const largest = new Float64Array(limits.length).fill(-1);
  const offer = (own: number, area: number): void => {
    const level = tags[own];
    // Of a level, a larger number also means a later first pixel.
    if (area < largest[level] || (area === largest[level] && own < chosen[level])) return;
    chosen[level] = own;
    largest[level] = area;
  };
  for (let own = 0; own < components.count; own++) if (parents[own] === own && marks[own] === 0) offer(own, areas[own] / 2);
  for (let own = 0; own < components.count; own++) {
    if (parents[own] !== own || marks[own] === 0) continue;
    // An outline is inside its box, so most of those around holes need not be followed.
    const bound = (rights[own] - lefts[own]) * (bottoms[own] - tops[own]);
    if (bound >= largest[tags[own]]) offer(own, outlineArea(values, size, limits[tags[own]], firsts[own]));
  }
  return Array.from(chosen, (own) => (own < 0 ? NOTHING : [lefts[own], tops[own], rights[own], bottoms[own]]));
}

/** The largest IoU at each level. The outline of a hole is the ring of pixels around it. */
function bestOfLevels({ components, gaps }: LevelRegions, count: number, size: Size, truth: readonly Box[]): Float64Array {
  const best = new Float64Array(count).fill(-1);
  const offer = (level: number, { lefts, tops, rights, bottoms }: RegionList, own: number, ring: number): void => {
    best[level] = Math.max(best[level], bestIou([lefts[own] - ring, tops[own] - ring, rights[own] + ring, bottoms[own] + ring], size, truth));
  };
  for (let own = 0; own < components.count; own++) if (components.parents[own] === own) offer(components.tags[own], components, own, 0);
  for (let own = 0; own < gaps.count; own++) {
    if (gaps.parents[own] === own && gaps.marks[own] === 0) offer(components.tags[gaps.tags[own]], gaps, own, 1);
  }
  return best.map((iou) => (iou < 0 ? bestIou(NOTHING, size, truth) : iou));
}
