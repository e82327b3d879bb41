// Connected regions of a map at many levels, in one pass over its rows. A row is a list of runs at each level, so the time depends on how
// often values rise and fall across levels, which is rare in smooth maps.
//
// A region is nine int32: its parent (a region that it was joined with, or itself), left, top, right, bottom, a tag, twice its area, 1 if it
// is marked, and its first pixel. Of joined regions, the smallest counts. src/metrics/boxes/level-regions.ts says what the numbers mean.
//
// The runs of a row are, for `count` levels: the number of levels that any pixel is above and 15 bytes of nothing, how many ends each level
// has [count], their ends [count, width + 2], and the component of each run and the gap after it [count, width + 2], all int32.

const LEFT: usize = 4;
const TOP: usize = 8;
const RIGHT: usize = 12;
const BOTTOM: usize = 16;
const TAG: usize = 20;
const AREA: usize = 24;
const MARK: usize = 28;
const FIRST: usize = 32;
const BYTES: usize = 36;

/** A gap that reaches the edge of the map. */
const OPEN: i32 = -1;

/**
 * Rounds the values of a map down to 0..255.
 *
 * @param map [count], in 0..1
 * @param out [count], one byte each
 * @returns the largest; -1 - i if value i is not in 0..1
 */
export function grayLevels(map: usize, count: i32, out: usize): i32 {
  let most = 0;
  for (let i = 0; i < count; i++) {
    const value = load<f32>(map + (<usize>i << 2));
    if (!(value >= 0 && value <= 1)) return -1 - i;
    // Exact: the product of 24 and 8 bits.
    const gray = <i32>(<f64>value * 255);
    store<u8>(out + <usize>i, <u8>gray);
    if (gray > most) most = gray;
  }
  return most;
}

/**
 * Finds the regions of rows of a map.
 *
 * @param values [height, width], one byte each
 * @param begin the first row; all before it were done
 * @param heights [256], one byte each: how many levels a value is above
 * @param rows the runs of two rows, zeros at first
 * @param regions [room]; their number is at `counter`
 * @returns the row before which there was no room for more regions; `height` at the end
 */
export function levelRegions(
  values: usize, height: i32, width: i32, begin: i32, heights: usize, count: i32, rows: usize, regions: usize, counter: usize, room: i32,
): i32 {
  const stride = <usize>(width + 2) << 2;
  const used: usize = 16;
  const ends = used + (<usize>count << 2);
  const owners = ends + <usize>count * stride;
  const rowBytes = owners + <usize>count * stride;
  for (let y = begin; y < height; y++) {
    const own = rows + (y & 1 ? rowBytes : 0);
    const above = rows + (y & 1 ? 0 : rowBytes);
    const found = readRow(values + <usize>(y * width), width, heights, own, own + used, own + ends, stride);
    // There are no more new components and gaps than ends.
    if (load<i32>(counter) + found > room) return y;
    const levels = max(load<i32>(own), load<i32>(above));
    for (let level = 0; level < levels; level++) {
      const at = <usize>level * stride;
      const n = load<i32>(own + used + (<usize>level << 2));
      const m = load<i32>(above + used + (<usize>level << 2));
      joinRuns(own + ends + at, own + owners + at, n, above + ends + at, above + owners + at, m, regions, counter, level, y, width);
      if (n > 2 || m > 2) joinGaps(own + ends + at, own + owners + at, n, above + ends + at, above + owners + at, m, regions, counter, y, y + 1 === height);
    }
  }
  return height;
}

/** @returns the number of ends at all levels */
function readRow(values: usize, width: i32, heights: usize, levels: usize, used: usize, ends: usize, stride: usize): i32 {
  memory.fill(used, 0, <usize>load<i32>(levels) << 2);
  let before = 0;
  let most = 0;
  let total = 0;
  for (let x = 0; x < width; x++) {
    const value = <i32>load<u8>(heights + <usize>load<u8>(values + <usize>x));
    if (value === before) continue;
    for (let level = before; level < value; level++) addEnd(level, x, used, ends, stride);
    for (let level = value; level < before; level++) addEnd(level, x - 1, used, ends, stride);
    total += abs(value - before);
    if (value > most) most = value;
    before = value;
  }
  for (let level = 0; level < before; level++) addEnd(level, width - 1, used, ends, stride);
  store<i32>(levels, most);
  return total + before;
}

// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function addEnd(level: i32, x: i32, used: usize, ends: usize, stride: usize): void {
  const counter = used + (<usize>level << 2);
  const n = load<i32>(counter);
  store<i32>(ends + <usize>level * stride + (<usize>n << 2), x);
  store<i32>(counter, n + 1);
}

/** Joins the runs of a row with those of the row above that they touch, also at corners. */
function joinRuns(
  ends: usize, owners: usize, n: i32, aboveEnds: usize, aboveOwners: usize, m: i32, regions: usize, counter: usize, level: i32, y: i32, width: i32,
): void {
  let next = 0;
  for (let run = 0; run < n; run += 2) {
    const left = numberAt(ends, run);
    const right = numberAt(ends, run + 1);
    while (next < m && numberAt(aboveEnds, next + 1) < left - 1) next += 2;
    let root = -1;
    let area = 0;
    let touching = next;
    while (touching < m && numberAt(aboveEnds, touching) <= right + 1) {
      const other = rootOf(regions, numberAt(aboveOwners, touching));
      root = root < 0 ? other : join(regions, root, other);
      area += twiceBetween(numberAt(aboveEnds, touching), numberAt(aboveEnds, touching + 1), left, right);
      touching += 2;
    }
    // The last of them may also touch the next run.
    if (touching > next) next = touching - 2;
    if (root < 0) root = add(regions, counter, left, right, y, level, y * width + left);
    else extend(regions, root, left, right, y);
    const at = regions + <usize>root * BYTES + AREA;
    store<i32>(at, load<i32>(at) + area);
    store<i32>(owners + (<usize>run << 2), root);
  }
}

/** Twice the area between the centres of two runs in adjacent rows: of four pixels it is 2 if all belong to the runs, and 1 if three do. */
// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function twiceBetween(a: i32, b: i32, c: i32, d: i32): i32 {
  return max(0, min(b - 1, d) - max(a, c - 1) + 1) + max(0, min(d - 1, b) - max(c, a - 1) + 1);
}

/** Joins the gaps between the runs of a row with those of the row above that they share a side with. */
function joinGaps(
  ends: usize, owners: usize, n: i32, aboveEnds: usize, aboveOwners: usize, m: i32, regions: usize, counter: usize, y: i32, last: bool,
): void {
  // Gaps above that are open below: to the left of this row's first run, or to the right of its last one.
  for (let gap = 0; gap + 2 < m; gap += 2) {
    const owner = numberAt(aboveOwners, gap + 1);
    if (owner === OPEN) continue;
    if (n === 0 || numberAt(aboveEnds, gap + 1) + 1 < numberAt(ends, 0) || numberAt(aboveEnds, gap + 2) - 1 > numberAt(ends, n - 1)) mark(regions, rootOf(regions, owner));
  }
  let next = 0;
  for (let run = 0; run + 2 < n; run += 2) {
    const left = numberAt(ends, run + 1) + 1;
    const right = numberAt(ends, run + 2) - 1;
    let open: bool = last || m === 0 || left < numberAt(aboveEnds, 0) || right > numberAt(aboveEnds, m - 1);
    let root = -1;
    while (next + 2 < m && numberAt(aboveEnds, next + 2) - 1 < left) next += 2;
    for (let gap = next; gap + 2 < m && numberAt(aboveEnds, gap + 1) < right; gap += 2) {
      // The next gap may be below this one, too.
      next = gap;
      const owner = numberAt(aboveOwners, gap + 1);
      if (owner === OPEN) open = true;
      else {
        const other = rootOf(regions, owner);
        root = root < 0 ? other : join(regions, root, other);
      }
    }
    if (open) {
      if (root >= 0) mark(regions, root);
      root = OPEN;
    } else if (root < 0) root = add(regions, counter, left, right, y, -1 - rootOf(regions, numberAt(owners, run)), 0);
    else extend(regions, root, left, right, y);
    store<i32>(owners + (<usize>(run + 1) << 2), root);
  }
}

// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function numberAt(numbers: usize, i: i32): i32 {
  return load<i32>(numbers + (<usize>i << 2));
}

function add(regions: usize, counter: usize, left: i32, right: i32, y: i32, tag: i32, first: i32): i32 {
  const own = load<i32>(counter);
  store<i32>(counter, own + 1);
  const at = regions + <usize>own * BYTES;
  store<i32>(at, own);
  store<i32>(at + LEFT, left);
  store<i32>(at + TOP, y);
  store<i32>(at + RIGHT, right);
  store<i32>(at + BOTTOM, y);
  store<i32>(at + TAG, tag);
  store<i32>(at + AREA, 0);
  store<i32>(at + MARK, 0);
  store<i32>(at + FIRST, first);
  return own;
}

// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function extend(regions: usize, root: i32, left: i32, right: i32, y: i32): void {
  const at = regions + <usize>root * BYTES;
  if (left < load<i32>(at + LEFT)) store<i32>(at + LEFT, left);
  if (right > load<i32>(at + RIGHT)) store<i32>(at + RIGHT, right);
  store<i32>(at + BOTTOM, y);
}

// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function mark(regions: usize, root: i32): void {
  store<i32>(regions + <usize>root * BYTES + MARK, 1);
}

function rootOf(regions: usize, region: i32): i32 {
  let root = region;
  let parent = load<i32>(regions + <usize>root * BYTES);
  while (parent !== root) {
    const next = load<i32>(regions + <usize>parent * BYTES);
    store<i32>(regions + <usize>root * BYTES, next);
    root = next;
    parent = load<i32>(regions + <usize>root * BYTES);
  }
  return root;
}

/** Joins two regions, given by their smallest numbers, and returns that of both. */
function join(regions: usize, a: i32, b: i32): i32 {
  if (a === b) return a;
  const root = min(a, b);
  const kept = regions + <usize>root * BYTES;
  const gone = regions + <usize>max(a, b) * BYTES;
  store<i32>(gone, root);
  store<i32>(kept + LEFT, min(load<i32>(kept + LEFT), load<i32>(gone + LEFT)));
  store<i32>(kept + TOP, min(load<i32>(kept + TOP), load<i32>(gone + TOP)));
  store<i32>(kept + RIGHT, max(load<i32>(kept + RIGHT), load<i32>(gone + RIGHT)));
  store<i32>(kept + BOTTOM, max(load<i32>(kept + BOTTOM), load<i32>(gone + BOTTOM)));
  store<i32>(kept + AREA, load<i32>(kept + AREA) + load<i32>(gone + AREA));
  store<i32>(kept + MARK, load<i32>(kept + MARK) | load<i32>(gone + MARK));
  return root;
}
