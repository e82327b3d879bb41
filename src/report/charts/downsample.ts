/** A point of a curve, [x, y] in pixels. A y that is not finite is a gap. */
export type Point = readonly [x: number, y: number];

/**
 * Thins out a curve for drawing. Of more than four points in one column of pixels, the first, lowest, highest and last are
 * kept, so the line covers the same pixels as before. A gap narrower than a column may disappear.
 *
 * @param points ascending in x
 * @returns the stretches of the curve between its gaps, none of them empty
 */
export function stretches(points: readonly Point[]): Point[][] {
  const result: Point[][] = [];
  let open: Point[] = [];
  const close = (): void => {
    if (open.length > 0) result.push(open);
    open = [];
  };
  for (let start = 0, end = 0; start < points.length; start = end) {
    const column = Math.floor(points[start][0]);
    while (end < points.length && Math.floor(points[end][0]) === column) end++;
    for (const point of thinned(points.slice(start, end))) {
      if (Number.isFinite(point[1])) open.push(point);
      else close();
    }
  }
  close();
  return result;
}

/** The points of one column. If there are more than four, gaps are kept only at its ends. */
function thinned(column: readonly Point[]): readonly Point[] {
  if (column.length <= 4) return column;
  const kept = column.filter(([, y]) => Number.isFinite(y));
  if (kept.length === 0) return [column[0]];
  const first = 0;
  const last = kept.length - 1;
  let [lowest, highest] = [0, 0];
  kept.forEach(([, y], i) => {
    if (y < kept[lowest][1]) lowest = i;
    if (y > kept[highest][1]) highest = i;
  });
  const chosen = [...new Set([first, lowest, highest, last])].sort((a, b) => a - b).map((i) => kept[i]);
  const gap = (point: Point): Point[] => (Number.isFinite(point[1]) ? [] : [point]);
  return [...gap(column[0]), ...chosen, ...gap(column[column.length - 1])];
}
