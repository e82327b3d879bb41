import { UserError } from '../../errors.js';
import { limitOf } from '../../limits.js';

/** The outline is followed on a grid that is finer by this factor. */
const SCALE = 5;

/**
 * Fills a polygon, pixel by pixel as COCO's own tools do (the mask API of Lin et al., ECCV 2014): the outline is followed on a grid five
 * times as fine; where it crosses the middle of a column of pixels, the column changes between inside and outside. Parts of the outline
 * left and right of the image are left out, parts above and below it are moved to its edge.
 *
 * @param points x and y of each corner in pixels; the polygon is closed by itself and may cross itself
 * @returns the runs of zeros and ones of the mask, column by column; they add up to height * width
 * @throws UserError if the polygon is far larger than any image
 */
export function polygonRuns(points: readonly number[], height: number, width: number): number[] {
  const crossings = crossingsOf(outlineOf(points), height, width).sort((a, b) => a - b);
  crossings.push(height * width);
  // Differences of the crossings. A run of length 0 joins its neighbours.
  const runs: number[] = [];
  let last = 0;
  for (let i = 0; i < crossings.length; i++) {
    const run = crossings[i] - last;
    last = crossings[i];
    if (run > 0 || runs.length === 0) runs.push(run);
    else if (++i < crossings.length) {
      runs[runs.length - 1] += crossings[i] - last;
      last = crossings[i];
    }
  }
  return runs;
}

interface Outline {
  readonly x: Int32Array;
  readonly y: Int32Array;
}

/** The points of the outline on the fine grid, edge by edge, with both ends of every edge. */
function outlineOf(points: readonly number[]): Outline {
  const corners = points.length / 2;
  const fine = points.map((value) => Math.trunc(SCALE * value + 0.5));
  const lengths = Array.from({ length: corners }, (_, i) => {
    const next = (i + 1) % corners;
    return Math.max(Math.abs(fine[2 * i] - fine[2 * next]), Math.abs(fine[2 * i + 1] - fine[2 * next + 1]));
  });
  const count = lengths.reduce((sum, length) => sum + length + 1, 0);
  if (!(count <= limitOf('maskPixels'))) throw new UserError('its polygon is far larger than any image');
  const [x, y] = [new Int32Array(count), new Int32Array(count)];
  let at = 0;
  lengths.forEach((length, i) => {
    const next = (i + 1) % corners;
    let [fromX, fromY, toX, toY] = [fine[2 * i], fine[2 * i + 1], fine[2 * next], fine[2 * next + 1]];
    const flat = Math.abs(toX - fromX) >= Math.abs(toY - fromY);
    // An edge is computed in the direction of growing coordinates, so that it has the same points either way.
    const turned = flat ? fromX > toX : fromY > toY;
    if (turned) [fromX, fromY, toX, toY] = [toX, toY, fromX, fromY];
    const slope = length === 0 ? 0 : (flat ? toY - fromY : toX - fromX) / length;
    for (let d = 0; d <= length; d++) {
      const t = turned ? length - d : d;
      x[at] = flat ? fromX + t : Math.trunc(fromX + slope * t + 0.5);
      y[at] = flat ? Math.trunc(fromY + slope * t + 0.5) : fromY + t;
      at++;
    }
  });
  return { x, y };
}

/** The places, column by column, where the outline crosses the middle of a column. */
function crossingsOf({ x, y }: Outline, height: number, width: number): number[] {
  const crossings: number[] = [];
  for (let i = 1; i < x.length; i++) {
    if (x[i] === x[i - 1]) continue;
    const column = ((x[i] < x[i - 1] ? x[i] : x[i] - 1) + 0.5) / SCALE - 0.5;
    if (Math.floor(column) !== column || column < 0 || column > width - 1) continue;
    const row = (Math.min(y[i], y[i - 1]) + 0.5) / SCALE - 0.5;
    crossings.push(column * height + Math.ceil(Math.min(Math.max(row, 0), height)));
  }
  return crossings;
}
