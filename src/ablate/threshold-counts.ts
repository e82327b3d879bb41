import type { MapRows } from '../maps/map-rows.js';
import type { ConflictPolicy } from '../seeds/assign.js';
import { largestOfRow } from '../seeds/assign.js';
import type { MeasureCounts } from './record.js';
import type { TruthSlots } from './truth-slots.js';

/**
 * Counts the labels of `assignSeeds` for many thresholds in one pass over the maps. As the threshold rises, the label of a pixel
 * changes only a few times, and only these changes are counted.
 *
 * @param thresholds ascending; each applies to all classes
 * @returns counts with one column per class, and one for ignored pixels with the policy `ignore`
 */
export function countByThreshold(maps: MapRows, truth: TruthSlots, thresholds: readonly number[], conflict: ConflictPolicy): MeasureCounts {
  // A single class has no conflicts.
  const kind = maps.classCount === 1 ? 'argmax' : conflict.kind;
  const columns = maps.classCount + (conflict.kind === 'ignore' ? 1 : 0);
  const changes = new Changes(thresholds.length, truth.count, columns);
  const level = levelOf(thresholds);
  if (kind === 'smaller-first') countSmallerFirst(maps, truth, thresholds.length, level, changes);
  else countStrongest(maps, truth, level, kind === 'ignore' && conflict.kind === 'ignore' ? conflict.margin : 0, changes);
  return { parameters: thresholds.length, columns, counts: changes.sums() };
}

/** Changes of counts: a pixel that is added at level n counts at all thresholds below the n-th. */
class Changes {
  private readonly values: Int32Array;

  constructor(private readonly thresholds: number, private readonly truths: number, private readonly columns: number) {
    this.values = new Int32Array((thresholds + 1) * truths * columns);
  }

  add(level: number, truth: number, column: number, by: number): void {
    this.values[(level * this.truths + truth) * this.columns + column] += by;
  }

  /** [thresholds, truths, columns] */
  sums(): Int32Array {
    const step = this.truths * this.columns;
    for (let i = this.thresholds * step - 1; i >= 0; i--) this.values[i] += this.values[i + step];
    return this.values.slice(step);
  }
}

/** The number of thresholds that a value exceeds. */
function levelOf(thresholds: readonly number[]): (value: number) => number {
  const edges = Float64Array.from(thresholds);
  // A value in [i, i + 1) / 256 exceeds every threshold below i / 256; only the few others are compared.
  const surely = Uint16Array.from({ length: 256 }, (_, i) => edges.filter((edge) => edge < i / 256).length);
  return (value) => {
    let level = surely[Math.min(Math.max(Math.floor(value * 256), 0), 255)];
    while (level < edges.length && value > edges[level]) level++;
    return level;
  };
}

/**
 * The strongest map wins. If the second-strongest is less than `margin` below it, the pixel is ignored at all thresholds that the
 * second-strongest exceeds.
 */
function countStrongest(maps: MapRows, truth: TruthSlots, level: (value: number) => number, margin: number, changes: Changes): void {
  const { width, height, classCount } = maps;
  const best = new Float32Array(width);
  const winner = new Uint8Array(width);
  const second = new Float32Array(width);
  for (let y = 0; y < height; y++) {
    largestOfRow(maps, y, best, winner);
    if (margin > 0) secondOfRow(maps, y, winner, second);
    for (let x = 0; x < width; x++) {
      const slot = truth.slots[y * width + x];
      if (slot === truth.count) continue;
      changes.add(level(best[x]), slot, winner[x], 1);
      if (margin > 0 && best[x] - second[x] < margin) {
        const contested = level(second[x]);
        changes.add(contested, slot, winner[x], -1);
        changes.add(contested, slot, classCount, 1);
      }
    }
  }
}

/** The largest map except the winner's. */
function secondOfRow(maps: MapRows, y: number, winner: Uint8Array, second: Float32Array): void {
  second.fill(-Infinity);
  for (let k = 0; k < maps.classCount; k++) {
    const row = maps.row(k, y);
    for (let x = 0; x < row.length; x++) if (winner[x] !== k && row[x] > second[x]) second[x] = row[x];
  }
}

/**
 * The smallest of the classes that claim a pixel wins. The classes that claim it and which of them is the smallest both depend on
 * the threshold, so pixels are counted by the set of classes that claim them.
 */
function countSmallerFirst(maps: MapRows, truth: TruthSlots, thresholds: number, level: (value: number) => number, changes: Changes): void {
  const { width, height, classCount } = maps;
  const slots = truth.count + 1;
  /** For each set of classes (one bit per class), the pixels that exactly these claim, as changes: [thresholds + 1, slots]. */
  const sets = new Map<number, Int32Array>();
  const areas = new Int32Array((thresholds + 1) * classCount);
  const rows = Array.from({ length: classCount }, () => new Uint16Array(width));
  const order = Array.from({ length: classCount }, (_, k) => k);
  for (let y = 0; y < height; y++) {
    rows.forEach((levels, k) => {
      const row = maps.row(k, y);
      for (let x = 0; x < width; x++) {
        levels[x] = level(row[x]);
        areas[levels[x] * classCount + k]++;
      }
    });
    for (let x = 0; x < width; x++) {
      const slot = truth.slots[y * width + x];
      order.sort((a, b) => rows[b][x] - rows[a][x]);
      let claimed = 0;
      for (let i = 0; i < classCount; i++) {
        claimed |= 1 << order[i];
        const from = rows[order[i]][x];
        const to = i + 1 < classCount ? rows[order[i + 1]][x] : 0;
        if (from === to) continue;
        let counts = sets.get(claimed);
        if (counts === undefined) sets.set(claimed, counts = new Int32Array((thresholds + 1) * slots));
        counts[from * slots + slot]++;
        counts[to * slots + slot]--;
      }
    }
  }
  sumUpwards(areas, classCount);
  for (const counts of sets.values()) sumUpwards(counts, slots);
  for (let threshold = 0; threshold < thresholds; threshold++) {
    const own = areas.subarray((threshold + 1) * classCount, (threshold + 2) * classCount);
    for (const [set, counts] of sets) {
      const smallest = smallestOf(set, own);
      for (let slot = 0; slot < truth.count; slot++) {
        const pixels = counts[(threshold + 1) * slots + slot];
        // Only at this threshold: added at level threshold + 1, removed at the next lower level.
        changes.add(threshold + 1, slot, smallest, pixels);
        changes.add(threshold, slot, smallest, -pixels);
      }
    }
  }
}

/** Each row becomes the sum of itself and all rows after it. */
function sumUpwards(values: Int32Array, step: number): void {
  for (let i = values.length - step - 1; i >= 0; i--) values[i] += values[i + step];
}

/** The class with the fewest pixels; if equal, the last, as in `assignSeeds`. */
function smallestOf(set: number, areas: Int32Array): number {
  let smallest = -1;
  for (let k = 0; k < areas.length; k++) if ((set >> k & 1) === 1 && (smallest < 0 || areas[k] <= areas[smallest])) smallest = k;
  return smallest;
}
