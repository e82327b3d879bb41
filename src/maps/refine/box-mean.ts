import type { Size } from '../../size.js';

/**
 * The mean over the square window around each pixel; at the edges, over the part of it that lies in the picture. Its cost
 * does not depend on the radius: sums of columns are carried from row to row, and their sum along the row.
 *
 * @param plane [height, width]
 * @param radius the window has 2 radius + 1 pixels a side
 * @param out takes the means [height, width]; not `plane` itself, whose rows are still needed when the first means are written
 */
export function boxMean(plane: Float64Array, [height, width]: Size, radius: number, out: Float64Array): void {
  const columns = new Float64Array(width);
  // Shares of the windows' widths: a division per pixel would be most of the work.
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

/** The means along a row of column sums, whose columns are 1 / `share` pixels high. */
function meanAlong(columns: Float64Array, radius: number, shares: Float64Array, share: number, out: Float64Array, start: number): void {
  const width = columns.length;
  let sum = 0;
  for (let x = 0; x < Math.min(radius, width); x++) sum += columns[x];
  // Three stretches: the window grows, moves, and shrinks. One wider than the row holds all of it from the beginning.
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
