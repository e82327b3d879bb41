import type { Size } from '../../size.js';

/** The eight neighbours, clockwise from the right. */
const DX = Int8Array.of(1, 1, 0, -1, -1, -1, 0, 1);
const DY = Int8Array.of(0, 1, 1, 1, 0, -1, -1, -1);
const LEFT = 4;

/**
 * The area inside the outline of a connected region (8 neighbours), through the centres of its outer pixels: OpenCV's `contourArea` of
 * what `findContours` returns. Holes count as inside; a line has no area.
 *
 * @param values [height, width]; the region's pixels are above `limit`
 * @param first its first pixel, the leftmost of its top row: y * width + x
 */
export function outlineArea(values: Uint8Array, [height, width]: Size, limit: number, first: number): number {
  const startX = first % width;
  const startY = (first - startX) / width;
  /** The first direction of the region, clockwise from `from`; -1: a single pixel. */
  const next = (x: number, y: number, from: number): number => {
    for (let turn = 0; turn < 8; turn++) {
      const direction = (from + turn) & 7;
      const nx = x + DX[direction];
      const ny = y + DY[direction];
      if (nx >= 0 && nx < width && ny >= 0 && ny < height && values[ny * width + nx] > limit) return direction;
    }
    return -1;
  };
  // There is nothing to the left of the first pixel.
  const firstDirection = next(startX, startY, LEFT + 1);
  if (firstDirection < 0) return 0;
  let [x, y, direction, twice] = [startX, startY, firstDirection, 0];
  do {
    twice += x * DY[direction] - DX[direction] * y;
    x += DX[direction];
    y += DY[direction];
    // Clockwise from where the outline came.
    direction = next(x, y, (direction + LEFT + 1) & 7);
  } while (x !== startX || y !== startY || direction !== firstDirection);
  return Math.abs(twice) / 2;
}
