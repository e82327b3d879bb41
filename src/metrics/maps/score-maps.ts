import { messageOf, UserError } from '../../errors.js';
import { resizeMap } from '../../image/resize-map.js';
import { requireWithin } from '../../limits.js';
import type { ClassSet, ClassSetData } from '../../datasets/classes/class-set.js';
import { classSetOf } from '../../datasets/classes/known.js';
import { VOC } from '../../datasets/classes/voc.js';
import { classesInMap } from '../../datasets/labels/masks.js';
import type { MaskOptions } from '../../datasets/masks.js';
import { readTruth, truthName } from '../../datasets/truth.js';
import type { TruthInput } from '../../datasets/truth.js';
import type { PairFailure } from '../score-pairs.js';
import type { MapDump } from './dump.js';
import { readMapDump } from './dump.js';
import type { PackedCounts } from '../pair-counts.js';
import { MapSweep } from './map-sweep.js';
import type { KeyBase } from './map-sweep.js';

/** The maps of an image and its ground truth mask. */
export interface MapPair {
  readonly id: string;
  readonly truth: TruthInput;
  /** `undefined` for an image without classes, which has no maps: every pixel is background. */
  readonly mapPath: string | undefined;
  /** The image's classes, from 1, if known from another source. The keys must be exactly these. */
  readonly labels?: readonly number[];
}

/** Options of {@link scoreMapFiles}: plain data, because they are sent to worker threads. */
export interface ScoreMapsOptions extends Pick<MaskOptions, 'rgb'> {
  /** The classes of masks and keys. Default: VOC. */
  readonly classSet?: ClassSetData;
  readonly bins: number;
  /** The name of the array to read. */
  readonly array?: string;
  /** Divide each map by its maximum. */
  readonly normalise: boolean;
}

/** The result of {@link scoreMapFiles}: plain data. */
export interface MapScores {
  /** The counts of a {@link MapSweep}. */
  readonly counts: PackedCounts;
  readonly scored: number;
  readonly failures: readonly PairFailure[];
  /** Images whose maps were resized to the size of their mask. */
  readonly resized: number;
  /** Images with a value above 1. */
  readonly aboveOne: number;
  /** The arrays that were read. */
  readonly arrays: readonly string[];
  /** The smallest and the largest key; Infinity and -Infinity if there are none. */
  readonly keyRange: readonly [number, number];
  /** Images whose keys are not their classes, for keys that begin at 0 and at 1. */
  readonly mismatches: Readonly<Record<KeyBase, readonly string[]>>;
}

const NO_MAPS: MapDump = { keys: [], height: 0, width: 0, maps: new Float32Array() };

/**
 * Reads maps and masks one by one and counts them into one sweep. An image that cannot be read becomes a failure and does not
 * stop the others.
 */
export async function scoreMapFiles(
  pairs: readonly MapPair[], { bins, array, normalise, rgb, classSet = VOC.data }: ScoreMapsOptions,
): Promise<MapScores> {
  const classes = classSetOf(classSet);
  const sweep = new MapSweep(bins, classes.labelCount);
  const failures: PairFailure[] = [];
  const mismatches: Record<KeyBase, string[]> = { 0: [], 1: [] };
  const arrays = new Set<string>();
  let [resized, aboveOne, lowest, highest] = [0, 0, Infinity, -Infinity];
  for (const pair of pairs) {
    try {
      const truth = await readTruth(pair.truth, { rgb, classes });
      const present = classesInMap(truth, truthName(pair.truth), classes);
      const dump = pair.mapPath === undefined ? NO_MAPS : await readMapDump(pair.mapPath, array, classes.labelCount);
      requireKeys(dump, pair.mapPath ?? pair.id, classes);
      if (dump.array !== undefined) arrays.add(dump.array);
      const size = [truth.height, truth.width] as const;
      const same = dump.keys.length === 0 || (dump.height === size[0] && dump.width === size[1]);
      const maps = same ? dump.maps : resizedMaps(dump, size, pair.mapPath ?? pair.id);
      if (normalise) normaliseMaps(maps, dump.keys.length);
      sweep.add(truth.data, maps, dump.keys);
      if (!same) resized++;
      if (maps.some((value) => value > 1)) aboveOne++;
      lowest = Math.min(lowest, ...dump.keys);
      highest = Math.max(highest, ...dump.keys);
      for (const base of [0, 1] as const) {
        if (!fits(dump.keys.map((key) => key + 1 - base), pair.labels, present)) mismatches[base].push(pair.id);
      }
    } catch (error) {
      failures.push({ id: pair.id, message: messageOf(error) });
    }
  }
  return {
    counts: sweep.pack(), scored: pairs.length - failures.length, failures, resized, aboveOne, arrays: [...arrays],
    keyRange: [lowest, highest], mismatches,
  };
}

function requireKeys({ keys }: MapDump, path: string, { classes: { length } }: ClassSet): void {
  const wrong = keys.find((key) => !Number.isInteger(key) || key < 0 || key > length);
  if (wrong !== undefined) throw new UserError(`the maps ${path} have the key ${wrong}, but class indices are 0..${length - 1} or 1..${length}`);
  if (new Set(keys).size < keys.length) throw new UserError(`the maps ${path} have a key twice: ${keys.join(', ')}`);
}

/** Whether the classes are exactly the known ones or, if these are unknown, include all classes of the mask. */
function fits(classes: readonly number[], known: readonly number[] | undefined, present: readonly number[]): boolean {
  return (known ?? present).every((label) => classes.includes(label)) && (known === undefined || classes.length === known.length);
}

function resizedMaps({ keys, height, width, maps }: MapDump, size: readonly [number, number], path: string): Float32Array {
  const bytes = 4 * keys.length * size[0] * size[1];
  requireWithin('arrayBytes', bytes, `the maps ${path} need ${bytes} bytes at the size of their mask`);
  const result = new Float32Array(keys.length * size[0] * size[1]);
  keys.forEach((_, k) => {
    result.set(resizeMap(maps.subarray(k * height * width, (k + 1) * height * width), [height, width], size), k * size[0] * size[1]);
  });
  return result;
}

function normaliseMaps(maps: Float32Array, count: number): void {
  for (let k = 0; k < count; k++) {
    const map = maps.subarray((k * maps.length) / count, ((k + 1) * maps.length) / count);
    let maximum = 0;
    for (const value of map) if (value > maximum) maximum = value;
    if (maximum > 0) for (let i = 0; i < map.length; i++) map[i] /= maximum;
  }
}
