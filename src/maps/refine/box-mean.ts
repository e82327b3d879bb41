import type { Size } from '../../size.js';

/**
 * The mean over the square window around each pixel, cut at the edges of the picture. The time does not depend on the radius:
 * sums of columns are updated from row to row, and their sum along the row.
 *
 * @param plane [height, width]
 * @param radius windows are 2 radius + 1 pixels wide and high
 * @param out receives the means, [height, width]; must not be `plane`
 */
export function boxMean(plane: Float64Array, [height, width]: Size, radius: number, out: Float64Array): void {
  const columns = new Float64Array(width);
  // Dividing per pixel would take most of the time.
  const shares = Float64Array.from({ length: width }, (_, x) => 1 / (Math.min(x + radius, width - 1) - Math.max(x - radius, 0) + 1));
  for (let y = 0; y < Math.min(radius, height); y++) for (let x = 0; x < width; x++) columns[x] += plane[y * width + x];
  for (let y = 0; y < height; y++) {
    const entering = y + radius < height ? (y + radius) * width : -1;
    const leaving = y - radius > 0 ? (y - radius - 1) * width : -1;
    if (entering >= 0 && leaving >= 0) for (let x = 0; x < width; x++) columns[x] += plane[entering + x] - plane[leaving + x];
    else if (entering >= 0) for (let x = 0; x < width; x++) columns[x] += plane[entering + x];
    else if (leaving >= 0) for (let x = 0; x < width; x++) columns[x] -= plane[leaving + x];
    meanAlong(columns, radius, shares, 1 / (Math.min(y + radius, height - 1) - Math.max(y - radius, 0) + 1), out, y * width);
  }
}

/** The means along a row of column sums; columns are 1 / `share` pixels high. */
function meanAlong(columns: Float64Array, radius: number, shares: Float64Array, share: number, out: Float64Array, start: number): void {
  const width = columns.length;
  let sum = 0;
  for (let x = 0; x < Math.min(radius, width); x++) sum += columns[x];
  // The window first grows, then moves, then shrinks. A window wider than the row contains the whole row from the start.
  const grown = Math.min(radius + 1, Math.max(width - radius, 0));
  const moved = Math.max(width - radius, 0);
  let x = 0;
  for (; x < grown; x++) {
    sum += columns[x + radius];
    out[start + x] = sum * shares[x] * share;
  }
  for (; x < moved; x++) {
    sum += columns[x + radius] - columns[x - radius - 1];
    out[start + x] = sum * shares[x] * share;
  }
  for (; x < width; x++) {
    if (x > radius) sum -= columns[x - radius - 1];
    out[start + x] = sum * shares[x] * share;
  }
}
