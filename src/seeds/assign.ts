import type { MapRows } from '../maps/map-rows.js';
import type { MapInput } from '../maps/ndarray.js';
import { toMapRows } from '../maps/ndarray.js';
import type { LabelMap } from '../datasets/label-map.js';
import { IGNORE_LABEL } from '../datasets/label-map.js';
import { scratchKernels } from '../kernels/kernels.js';

/** Which class gets a pixel that several classes claim. */
export type ConflictPolicy
  /** The one with the strongest map; if equal, the first. */
  = | { readonly kind: 'argmax' }
  /** None: the pixel is ignored (255) if the second-strongest map is also foreground and less than `margin` below the strongest. */
    | { readonly kind: 'ignore'; readonly margin: number }
  /** Of the classes whose map is foreground there, the one with the fewest such pixels (as in OAA, Jiang et al., ICCV 2019). */
    | { readonly kind: 'smaller-first' };

export interface AssignOptions {
  /** Per map, not negative: a pixel is foreground if its strongest map exceeds the threshold. */
  readonly thresholds: readonly number[];
  /** A pixel is background if its strongest map does not exceed this, and ignored between this and the threshold; default: none. */
  readonly backgroundThreshold?: number | undefined;
  /** A background map [height, width] that foreground must also exceed. */
  readonly background?: Float32Array | undefined;
  /** Default: argmax. */
  readonly conflict?: ConflictPolicy;
}

/**
 * Seeds from maps: each pixel gets the class with the largest map (if equal, the first) if it exceeds the threshold of that
 * class, else it is background. Between the two thresholds it is ignored.
 *
 * @param input maps, one per class, at least one
 * @param labels the VOC index of each map's class
 */
export function assignSeeds(input: MapInput, labels: readonly number[], options: AssignOptions): LabelMap {
  const maps = toMapRows(input);
  const { width, height } = maps;
  const { backgroundThreshold = Infinity, background, conflict = { kind: 'argmax' } } = options;
  const data = new Uint8Array(width * height);
  assignStrongest(maps, labels, options.thresholds, backgroundThreshold, background, data);
  if (conflict.kind !== 'argmax' && maps.classCount > 1) settleConflicts(maps, labels, data, conflict, options);
  return { width, height, data };
}

/** Rows that are assigned at a time if they are in memory together. */
const BAND = 16;

/** Seeds by the strongest map, a few rows at a time. */
function assignStrongest(
  maps: MapRows, labels: readonly number[], thresholds: readonly number[], backgroundThreshold: number, background: Float32Array | undefined,
  seeds: Uint8Array,
): void {
  const { classCount, width, height, data } = maps;
  const band = (data === undefined ? 1 : BAND) * width;
  const { run, arena } = scratchKernels();
  const rows = arena.floats(classCount * band);
  const bounds = arena.floats(classCount);
  const values = arena.words(classCount);
  const floor = background === undefined ? undefined : arena.floats(band);
  const out = arena.bytes(band);
  bounds.view.set(thresholds.map(floorFloat32));
  values.view.set(labels);
  const between = floorFloat32(backgroundThreshold);
  for (let begin = 0; begin < seeds.length; begin += band) {
    const end = Math.min(begin + band, seeds.length);
    for (let k = 0; k < classCount; k++) {
      const row = data?.subarray(k * width * height + begin, k * width * height + end) ?? maps.row(k, begin / width);
      rows.view.set(row, k * (end - begin));
    }
    floor?.view.set(background!.subarray(begin, end));
    run.assignStrongest(rows.address, classCount, end - begin, bounds.address, values.address, between, floor?.address ?? 0, out.address);
    seeds.set(out.view.subarray(0, end - begin), begin);
  }
}

/** The largest float32 that is not above a number. Float32 values that exceed it are exactly those that exceed the number. */
function floorFloat32(value: number): number {
  const bits = new Int32Array(1);
  const rounded = new Float32Array(bits.buffer);
  rounded[0] = value;
  // The bits of positive floats are in the order of their values.
  if (rounded[0] > value) bits[0]--;
  return rounded[0];
}

/** Applies the policy to pixels that several classes claim. */
function settleConflicts(
  maps: MapRows, labels: readonly number[], data: Uint8Array, conflict: Exclude<ConflictPolicy, { readonly kind: 'argmax' }>,
  { thresholds: given, background }: AssignOptions,
): void {
  const { width, height } = maps;
  const best = new Float32Array(width);
  const winner = new Uint8Array(width);
  const values = Uint8Array.from(labels);
  const thresholds = Float64Array.from(given);
  const areas = conflict.kind === 'smaller-first' ? foregroundAreas(maps, thresholds, background) : [];
  for (let y = 0; y < height; y++) {
    const row = data.subarray(y * width, (y + 1) * width);
    const floor = background?.subarray(y * width, (y + 1) * width);
    if (conflict.kind === 'smaller-first') {
      giveToSmallest(maps, y, row, { areas, thresholds, values, floor });
    } else {
      largestOfRow(maps, y, best, winner);
      ignoreContested(maps, y, row, { margin: conflict.margin, best, winner, thresholds, floor });
    }
  }
}

/**
 * The largest map of each pixel in row y and which one it is.
 *
 * @param best receives the values [width]
 * @param winner receives the index of the map [width]; if equal, the first
 */
export function largestOfRow(maps: MapRows, y: number, best: Float32Array, winner: Uint8Array): void {
  best.set(maps.row(0, y));
  winner.fill(0);
  for (let k = 1; k < maps.classCount; k++) {
    const map = maps.row(k, y);
    for (let x = 0; x < best.length; x++) {
      if (map[x] > best[x]) {
        best[x] = map[x];
        winner[x] = k;
      }
    }
  }
}

/** The number of pixels that each class claims. */
function foregroundAreas(maps: MapRows, thresholds: Float64Array, background: Float32Array | undefined): number[] {
  return Array.from(thresholds, (threshold, k) => {
    let area = 0;
    for (let y = 0; y < maps.height; y++) {
      const row = maps.row(k, y);
      for (let x = 0; x < row.length; x++) if (row[x] > threshold && (background === undefined || row[x] > background[y * maps.width + x])) area++;
    }
    return area;
  });
}

/** What a map must exceed to claim a pixel: its threshold [K] and a row of the background map [width], if there is one. */
interface Claims {
  readonly thresholds: Float64Array;
  readonly floor: Float32Array | undefined;
}

function giveToSmallest(
  maps: MapRows, y: number, labels: Uint8Array,
  { areas, thresholds, values, floor }: Claims & { readonly areas: readonly number[]; readonly values: Uint8Array },
): void {
  // From the largest to the smallest: later ones overwrite earlier ones.
  const order = areas.map((_, k) => k).sort((a, b) => areas[b] - areas[a]);
  for (const k of order) {
    const row = maps.row(k, y);
    for (let x = 0; x < row.length; x++) if (row[x] > thresholds[k] && (floor === undefined || row[x] > floor[x])) labels[x] = values[k];
  }
}

function ignoreContested(
  maps: MapRows, y: number, labels: Uint8Array,
  { margin, best, winner, thresholds, floor }: Claims & { readonly margin: number; readonly best: Float32Array; readonly winner: Uint8Array },
): void {
  for (let k = 0; k < maps.classCount; k++) {
    const row = maps.row(k, y);
    for (let x = 0; x < row.length; x++) {
      const claims = k !== winner[x] && row[x] > thresholds[k] && (floor === undefined || row[x] > floor[x]);
      if (claims && best[x] - row[x] < margin && labels[x] !== 0) labels[x] = IGNORE_LABEL;
    }
  }
}

/** The classes of the image that got no pixel. */
export function lostClasses({ data }: LabelMap, labels: readonly number[]): number[] {
  return labels.filter((label) => !data.includes(label));
}

/**
 * Gives a class the pixels where its map is strongest, whatever they were before.
 *
 * @param k the class's map
 * @param share of the image's pixels, above 0, up to 1; at least one pixel, but none where the map is zero
 */
export function giveStrongest(seeds: LabelMap, maps: MapRows, k: number, label: number, share: number): void {
  const { width, height } = maps;
  const strengths = new Float32Array(width * height);
  for (let y = 0; y < height; y++) strengths.set(maps.row(k, y), y * width);
  const sorted = strengths.slice().sort();
  const bound = sorted[Math.max(0, sorted.length - Math.max(1, Math.round(share * sorted.length)))];
  for (let i = 0; i < strengths.length; i++) if (strengths[i] > 0 && strengths[i] >= bound) seeds.data[i] = label;
}
