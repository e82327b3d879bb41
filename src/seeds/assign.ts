import type { MapRows } from '../cam/map-rows.js';
import type { LabelMap } from '../voc/label-map.js';
import { IGNORE_LABEL } from '../voc/label-map.js';

/** What becomes of a pixel that several classes claim. */
export type ConflictPolicy
  /** The strongest map wins, the first one of equals. */
  = | { readonly kind: 'argmax' }
  /** Ignored (255) where the second-best map that is foreground comes within this margin of the best. */
    | { readonly kind: 'ignore'; readonly margin: number }
  /** Among the classes whose map is foreground there, the one with the fewest such pixels in the image (as in OAA, Jiang et al., ICCV 2019). */
    | { readonly kind: 'smaller-first' };

/** Names of the policies. */
export const CONFLICT_POLICIES = ['argmax', 'ignore', 'smaller-first'] as const;

export interface AssignOptions {
  /** Per map: a pixel is foreground where its strongest map exceeds this. */
  readonly thresholds: readonly number[];
  /** A pixel is background where its strongest map does not exceed this, and ignored between the two; at or above the threshold for none. */
  readonly backgroundThreshold?: number;
  /** A background map [height, width]: foreground must exceed it as well. */
  readonly background?: Float32Array;
  /** Default: argmax. */
  readonly conflict?: ConflictPolicy;
}

/**
 * Seeds from maps: each pixel takes the class whose map is largest there (the first one of equals), if that exceeds the
 * threshold of its class, else background; between the two thresholds it is ignored.
 *
 * @param maps one per class, at least one
 * @param labels the VOC index of each map's class
 */
export function assignSeeds(maps: MapRows, labels: readonly number[], options: AssignOptions): LabelMap {
  const { width, height } = maps;
  const data = new Uint8Array(width * height);
  const best = new Float32Array(width);
  const winner = new Uint8Array(width);
  const values = Uint8Array.from(labels);
  const thresholds = Float64Array.from(options.thresholds);
  const { backgroundThreshold = Infinity, background, conflict = { kind: 'argmax' } } = options;
  const areas = conflict.kind === 'smaller-first' ? foregroundAreas(maps, thresholds, background) : undefined;
  for (let y = 0; y < height; y++) {
    const start = y * width;
    largestOfRow(maps, y, best, winner);
    for (let x = 0; x < width; x++) {
      if (best[x] > thresholds[winner[x]] && (background === undefined || best[x] > background[start + x])) data[start + x] = values[winner[x]];
      else if (best[x] > backgroundThreshold) data[start + x] = IGNORE_LABEL;
    }
    if (conflict.kind === 'argmax' || maps.classCount === 1) continue;
    const row = data.subarray(start, start + width);
    const floor = background?.subarray(start, start + width);
    if (areas !== undefined) giveToSmallest(maps, y, row, { areas, thresholds, values, floor });
    else if (conflict.kind === 'ignore') ignoreContested(maps, y, row, { margin: conflict.margin, best, winner, thresholds, floor });
  }
  return { width, height, data };
}

/**
 * The largest map of each pixel in row y and which one it is.
 *
 * @param best takes the values [width]
 * @param winner takes the index of the map [width]; the first one of equals
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

/** How many pixels each class would have if it were alone. */
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

/** What a map must exceed to claim a pixel: its threshold [K] and, where there is one, a background map's row [width]. */
interface Claims {
  readonly thresholds: Float64Array;
  readonly floor: Float32Array | undefined;
}

function giveToSmallest(
  maps: MapRows, y: number, labels: Uint8Array,
  { areas, thresholds, values, floor }: Claims & { readonly areas: readonly number[]; readonly values: Uint8Array },
): void {
  // From the largest to the smallest, so that the smallest has the last word.
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

/** The classes of the image that no pixel was given to. */
export function lostClasses({ data }: LabelMap, labels: readonly number[]): number[] {
  return labels.filter((label) => !data.includes(label));
}

/**
 * Gives a class that got no pixel those where its map is strongest, whatever they were before.
 *
 * @param k the class's map
 * @param share of the image's pixels, above 0, up to 1; at least one pixel, and none where the map is zero
 */
export function giveStrongest(seeds: LabelMap, maps: MapRows, k: number, label: number, share: number): void {
  const { width, height } = maps;
  const strengths = new Float32Array(width * height);
  for (let y = 0; y < height; y++) strengths.set(maps.row(k, y), y * width);
  const sorted = strengths.slice().sort();
  const bound = Math.max(sorted[Math.max(0, sorted.length - Math.max(1, Math.round(share * sorted.length)))], Number.MIN_VALUE);
  for (let i = 0; i < strengths.length; i++) if (strengths[i] >= bound) seeds.data[i] = label;
}
