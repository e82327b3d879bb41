import type { Box } from '../../datasets/boxes/box-truth.js';
import type { Size } from '../../size.js';
import { boxIou } from './box.js';
import { levelRegions } from './level-regions.js';
import type { Component, LevelRegions } from './level-regions.js';
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
 * @param map [height, width], in 0..1
 * @param truth the true boxes
 * @throws RangeError if a value is not in 0..1
 */
export function sweepBoxes(map: Float32Array, size: Size, truth: readonly Box[] = [], steps = 100): SweptBoxes {
  let limits: readonly number[] = [];
  const regions = levelRegions(map, size, (maximum) => [...new Set(limits = limitsOf(maximum, steps))]);
  const largest = largestOfLevels(regions, size);
  const best = truth.length === 0 ? new Float64Array(largest.length) : bestOfLevels(regions, size, truth);
  const levelOf = new Map(regions.limits.map((limit, level) => [limit, level]));
  const perStep = limits.map((limit) => levelOf.get(limit)!);
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

/** [steps]: a pixel of the object is above this. */
function limitsOf(maximum: number, steps: number): number[] {
  const step = 1 / steps;
  return Array.from({ length: steps }, (_, i) => Math.trunc(i * step * maximum));
}

/** The box of the component with the largest outline at each level. */
function largestOfLevels({ eachComponent, values, limits }: LevelRegions, size: Size): Box[] {
  const largest = limits.map(() => ({ box: NOTHING, area: -1, first: -1 }));
  const offer = ({ level, box, first }: Component, area: number): void => {
    const before = largest[level];
    if (area > before.area || (area === before.area && first > before.first)) largest[level] = { box, area, first };
  };
  eachComponent((own) => { if (own.area !== undefined) offer(own, own.area); });
  eachComponent((own) => {
    const { level, box: [left, top, right, bottom], first, area } = own;
    // An outline is inside its box, so most of those around holes need not be followed.
    if (area === undefined && (right - left) * (bottom - top) >= largest[level].area) offer(own, outlineArea(values, size, limits[level], first));
  });
  return largest.map(({ box }) => box);
}

/** The largest IoU at each level. The outline of a hole is the ring of pixels around it. */
function bestOfLevels({ eachComponent, eachHole, limits }: LevelRegions, size: Size, truth: readonly Box[]): Float64Array {
  const best = new Float64Array(limits.length).fill(-1);
  const offer = (level: number, box: Box): void => { best[level] = Math.max(best[level], bestIou(box, size, truth)); };
  eachComponent(({ level, box }) => { offer(level, box); });
  eachHole(({ level, box: [left, top, right, bottom] }) => { offer(level, [left - 1, top - 1, right + 1, bottom + 1]); });
  return best.map((iou) => (iou < 0 ? bestIou(NOTHING, size, truth) : iou));
}
