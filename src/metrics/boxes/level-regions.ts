import type { Size } from '../../size.js';
import { RegionList } from './region-list.js';

/** The regions of a map at several levels. */
export interface LevelRegions {
  /**
   * Components (8 neighbours) of the pixels above each level. The tag is the level. A component with holes is marked. Of any other, `areas` has
   * twice the area inside its outline, as `outlineArea` measures it. Of two components of a level, the one whose first pixel, the leftmost of
   * its top row, comes first has the smaller number.
   */
  readonly components: RegionList;
  /** [components]: the first pixel of each, y * width + x. */
  readonly firsts: readonly number[];
  /** Regions (4 neighbours) of the other pixels. The tag is a component around it. Marked ones are open: they reach the edge of the map. */
  readonly gaps: RegionList;
}

/**
 * Finds the regions of a map at all levels in one pass over its rows. A row is a list of runs at each level, so the time depends on how often
 * values rise and fall across levels, which is rare in smooth maps, and not on the number of pixels times levels.
 *
 * @param values [height, width]
 * @param heights [256]: for each value, how many levels it is above, which are then the levels 0, 1, ...
 * @param count the number of levels, at most 255
 */
export function levelRegions(values: Uint8Array, [height, width]: Size, heights: Uint8Array, count: number): LevelRegions {
  const components = new RegionList();
  const gaps = new RegionList();
  const firsts: number[] = [];
  let above = new RowRuns(count, width);
  let own = new RowRuns(count, width);
  for (let y = 0; y < height; y++) {
    own.read(values, heights, y * width, width);
    const levels = Math.max(own.levels, above.levels);
    for (let level = 0; level < levels; level++) {
      joinRuns(own, above, level, y, components, firsts, width);
      if (own.used[level] > 2 || above.used[level] > 2) joinGaps(own, above, level, y, y + 1 === height, components, gaps);
    }
    [above, own] = [own, above];
  }
  for (let gap = 0; gap < gaps.count; gap++) {
    if (gaps.parents[gap] === gap && gaps.marks[gap] === 0) components.marks[components.rootOf(gaps.tags[gap])] = 1;
  }
  return { components, firsts, gaps };
}

/** The runs of a row at all levels. */
class RowRuns {
  /** The number of levels that any pixel is above. */
  levels = 0;
  /** [count, stride]: the first and the last pixel of each run. */
  readonly ends: Int32Array;
  /** [count]: how many numbers there are in `ends`. */
  readonly used: Int32Array;
  /** [count, stride]: the component of each run, and the gap after it; -1: an open gap. They are at the places of the run's ends. */
  readonly regions: Int32Array;
  readonly stride: number;

  constructor(count: number, width: number) {
    this.stride = width + 2;
    this.ends = new Int32Array(count * this.stride);
    this.regions = new Int32Array(count * this.stride);
    this.used = new Int32Array(count);
  }

  read(values: Uint8Array, heights: Uint8Array, start: number, width: number): void {
    const { ends, used, stride } = this;
    used.fill(0, 0, this.levels);
    let before = 0;
    let most = 0;
    for (let x = 0; x < width; x++) {
      const value = heights[values[start + x]];
      if (value === before) continue;
      for (let level = before; level < value; level++) ends[level * stride + used[level]++] = x;
      for (let level = value; level < before; level++) ends[level * stride + used[level]++] = x - 1;
      if (value > most) most = value;
      before = value;
    }
    for (let level = 0; level < before; level++) ends[level * stride + used[level]++] = width - 1;
    this.levels = most;
  }
}

/** Joins the runs of a row with those of the row above that they touch, also at corners. */
function joinRuns(
  { ends, used, regions, stride }: RowRuns, above: RowRuns, level: number, y: number, components: RegionList, firsts: number[], width: number,
): void {
  const from = level * stride;
  const to = from + used[level];
  const aboveTo = from + above.used[level];
  let next = from;
  for (let run = from; run < to; run += 2) {
    const left = ends[run];
    const right = ends[run + 1];
    while (next < aboveTo && above.ends[next + 1] < left - 1) next += 2;
    let root = -1;
    let area = 0;
    let touching = next;
    for (; touching < aboveTo && above.ends[touching] <= right + 1; touching += 2) {
      const other = components.rootOf(above.regions[touching]);
      root = root < 0 ? other : components.join(root, other);
      area += twiceBetween(above.ends[touching], above.ends[touching + 1], left, right);
    }
    // The last of them may also touch the next run.
    if (touching > next) next = touching - 2;
    if (root < 0) {
      root = components.add(left, right, y, level);
      firsts.push(y * width + left);
    } else components.extend(root, left, right, y);
    components.areas[root] += area;
    regions[run] = root;
  }
}

/**
 * Twice the area between the centres of two runs in adjacent rows: of four neighbouring pixels it is 2 if all of them belong to the runs, and 1
 * if three do.
 */
function twiceBetween(a: number, b: number, c: number, d: number): number {
  return Math.max(0, Math.min(b - 1, d) - Math.max(a, c - 1) + 1) + Math.max(0, Math.min(d - 1, b) - Math.max(c, a - 1) + 1);
}

/** Joins the gaps between the runs of a row with those of the row above that they share a side with. */
function joinGaps(
  { ends, used, regions, stride }: RowRuns, above: RowRuns, level: number, y: number, last: boolean, components: RegionList, gaps: RegionList,
): void {
  const from = level * stride;
  const to = from + used[level];
  const aboveTo = from + above.used[level];
  if (aboveTo - from > 2) openOuter(ends, from, to, above, aboveTo, gaps);
  let next = from;
  for (let run = from; run + 2 < to; run += 2) {
    const left = ends[run + 1] + 1;
    const right = ends[run + 2] - 1;
    let open = last || aboveTo === from || left < above.ends[from] || right > above.ends[aboveTo - 1];
    let root = -1;
    while (next + 2 < aboveTo && above.ends[next + 2] - 1 < left) next += 2;
    for (let gap = next; gap + 2 < aboveTo && above.ends[gap + 1] < right; gap += 2) {
      // The next gap may be below this one, too.
      next = gap;
      if (above.regions[gap + 1] < 0) open = true;
      else {
        const other = gaps.rootOf(above.regions[gap + 1]);
        root = root < 0 ? other : gaps.join(root, other);
      }
    }
    if (open) {
      if (root >= 0) gaps.marks[root] = 1;
      regions[run + 1] = -1;
    } else {
      if (root < 0) root = gaps.add(left, right, y, components.rootOf(regions[run]));
      else gaps.extend(root, left, right, y);
      regions[run + 1] = root;
    }
  }
}

/** Marks the gaps of the row above that are open below: to the left of this row's first run, or to the right of its last one. */
function openOuter(ends: Int32Array, from: number, to: number, above: RowRuns, aboveTo: number, gaps: RegionList): void {
  for (let gap = from; gap + 2 < aboveTo; gap += 2) {
    if (above.regions[gap + 1] < 0) continue;
    if (to === from || above.ends[gap + 1] + 1 < ends[from] || above.ends[gap + 2] - 1 > ends[to - 1]) gaps.marks[gaps.rootOf(above.regions[gap + 1])] = 1;
  }
}
