import type { LabelMap } from '../../datasets/label-map.js';
import type { Component } from './components.js';

/** The eight neighbours, counterclockwise from the right one. */
const STEPS: readonly (readonly [x: number, y: number])[] = [[1, 0], [1, -1], [0, -1], [-1, -1], [-1, 0], [-1, 1], [0, 1], [1, 1]];

/**
 * The outer border of a component: the pixels where it changes direction, counterclockwise from the leftmost pixel of the top row.
 * Border following of Suzuki and Abe (1985), with the points of OpenCV's `findContours` with `RETR_EXTERNAL` and
 * `CHAIN_APPROX_SIMPLE`: drawn filled, they give the component with its holes closed.
 *
 * @param map the picture of the component
 * @returns x and y of each point in turn; one point for a single pixel, two for a straight line
 */
export function outlineOf({ first: [startX, startY], label }: Component, { width, height, data }: LabelMap): number[] {
  // Components of one class do not touch, so a neighbour of the same label is of this one.
  const inside = (x: number, y: number): boolean => x >= 0 && x < width && y >= 0 && y < height && data[y * width + x] === label;
  const points: number[] = [];
  // The last pixel of the border: the first one clockwise from the left of the start.
  let direction = 4;
  do direction = (direction + 7) % 8;
  while (direction !== 4 && !inside(startX + STEPS[direction][0], startY + STEPS[direction][1]));
  if (direction === 4) return [startX, startY];
  const [lastX, lastY] = [startX + STEPS[direction][0], startY + STEPS[direction][1]];
  let before = (direction + 4) % 8;
  for (let [x, y] = [startX, startY]; ;) {
    let [nextX, nextY] = [x, y];
    do {
      direction = (direction + 1) % 8;
      [nextX, nextY] = [x + STEPS[direction][0], y + STEPS[direction][1]];
    } while (!inside(nextX, nextY));
    if (direction !== before) points.push(x, y);
    before = direction;
    if (nextX === startX && nextY === startY && x === lastX && y === lastY) return points;
    [x, y] = [nextX, nextY];
    direction = (direction + 4) % 8;
  }
}
