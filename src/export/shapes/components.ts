import type { LabelMap } from '../../datasets/label-map.js';
import { IGNORE_LABEL } from '../../datasets/label-map.js';

/** Pixels of one class that touch each other, also at corners. */
export interface Component {
  readonly label: number;
  /** In pixels. */
  readonly area: number;
  /** The box around it, in pixels; `right` and `bottom` are the last column and row in it. */
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  /** The leftmost pixel of its top row. */
  readonly first: readonly [x: number, y: number];
  /** Its vertical runs, from left to right and from top to bottom: the place x * height + y of the first pixel, and the length, in turn. */
  readonly runs: Int32Array;
}

/** The vertical runs of equal labels in a picture. */
interface Runs {
  readonly count: number;
  /** x * height + y of the first pixel. */
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  readonly labels: Uint8Array;
  /** The first run of each column, and the number of runs. */
  readonly columns: Int32Array;
}

/**
 * The connected components of each class (8 neighbours): by label, then from left to right. The background (0) and ignored pixels
 * (255) belong to none.
 *
 * @param minArea smaller components are left out
 */
export function componentsOf(map: LabelMap, minArea = 1): Component[] {
  const runs = runsOf(map);
  const roots = joinRuns(runs, map.height);
  // Which component a run belongs to, by its root.
  const found = new Map<number, number[]>();
  for (let i = 0; i < runs.count; i++) {
    const root = rootOf(roots, i);
    const members = found.get(root);
    if (members === undefined) found.set(root, [i]);
    else members.push(i);
  }
  return [...found.values()].map((members) => componentOf(members, runs, map.height))
    .filter(({ area }) => area >= minArea).sort((a, b) => a.label - b.label);
}

function runsOf({ width, height, data }: LabelMap): Runs {
  let starts = new Int32Array(1024);
  let lengths = new Int32Array(1024);
  let labels = new Uint8Array(1024);
  const columns = new Int32Array(width + 1);
  let count = 0;
  for (let x = 0; x < width; x++) {
    columns[x] = count;
    let open = 0;
    for (let y = 0, at = x; y < height; y++, at += width) {
      const label = data[at];
      if (label === open) {
        if (open !== 0) lengths[count - 1]++;
        continue;
      }
      open = label === IGNORE_LABEL ? 0 : label;
      if (open === 0) continue;
      if (count === starts.length) {
        starts = grown(starts, Int32Array);
        lengths = grown(lengths, Int32Array);
        labels = grown(labels, Uint8Array);
      }
      starts[count] = x * height + y;
      lengths[count] = 1;
      labels[count++] = open;
    }
  }
  columns[width] = count;
  return { count, starts, lengths, labels, columns };
}

function grown<T extends Int32Array | Uint8Array>(array: T, kind: new (length: number) => T): T {
  const larger = new kind(2 * array.length);
  larger.set(array);
  return larger;
}

/** Joins runs of the same label in neighbouring columns that touch. Returns the parent of each run in a forest of components. */
function joinRuns({ count, starts, lengths, labels, columns }: Runs, height: number): Int32Array {
  const parents = Int32Array.from({ length: count }, (_, i) => i);
  for (let x = 1; x + 1 < columns.length; x++) {
    let from = columns[x - 1];
    const end = columns[x];
    for (let run = columns[x]; run < columns[x + 1]; run++) {
      // The places of the run's neighbours in the column before.
      const [low, high] = [starts[run] - height - 1, starts[run] - height + lengths[run]];
      while (from < end && starts[from] + lengths[from] - 1 < low) from++;
      for (let other = from; other < end && starts[other] <= high; other++) {
        if (labels[other] !== labels[run]) continue;
        const [a, b] = [rootOf(parents, other), rootOf(parents, run)];
        // The first run is the root.
        parents[Math.max(a, b)] = Math.min(a, b);
      }
    }
  }
  return parents;
}

function rootOf(parents: Int32Array, run: number): number {
  let root = run;
  while (parents[root] !== root) {
    parents[root] = parents[parents[root]];
    root = parents[root];
  }
  return root;
}

function componentOf(members: readonly number[], { starts, lengths, labels }: Runs, height: number): Component {
  const runs = new Int32Array(2 * members.length);
  let [area, top, bottom, firstX] = [0, height, -1, 0];
  members.forEach((run, i) => {
    runs[2 * i] = starts[run];
    runs[2 * i + 1] = lengths[run];
    const y = starts[run] % height;
    area += lengths[run];
    bottom = Math.max(bottom, y + lengths[run] - 1);
    if (y >= top) return;
    top = y;
    firstX = (starts[run] - y) / height;
  });
  const columnOf = (run: number): number => Math.floor(starts[run] / height);
  return {
    label: labels[members[0]], area, left: columnOf(members[0]), top, right: columnOf(members[members.length - 1]), bottom,
    first: [firstX, top], runs,
  };
}

/**
 * A component as run lengths of 0 and 1 in turn, column by column, beginning with 0, as MS COCO's masks are.
 *
 * @param area the pixels of the picture
 */
export function runLengths({ runs }: Component, area: number): number[] {
  const counts: number[] = [];
  let end = 0;
  for (let i = 0; i < runs.length; i += 2) {
    const [start, length] = [runs[i], runs[i + 1]];
    // A run at the bottom of a column goes on at the top of the next.
    if (start === end && counts.length > 0) counts[counts.length - 1] += length;
    else counts.push(start - end, length);
    end = start + length;
  }
  if (end < area) counts.push(area - end);
  return counts;
}
