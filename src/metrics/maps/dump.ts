import { readFile } from 'node:fs/promises';
import { messageOf, UserError } from '../../errors.js';
import { decodeNpz, NpyError } from '../../jobs/npz.js';
import type { NumberArray } from '../../jobs/npz.js';
import { NdArray } from '../../pickle/numpy.js';
import { PickleError } from '../../pickle/values.js';
import type { PickleValue } from '../../pickle/values.js';
import { parseNpyObject } from '../../voc/npy-object.js';

/** The maps of one image as a program has stored them. */
export interface MapDump {
  /** Class indices as stored: from 0 or from 1, as its program counts. */
  readonly keys: readonly number[];
  /** The size of the maps, which need not be that of the image; 0 x 0 where there are none. */
  readonly height: number;
  readonly width: number;
  /** [K, height, width] */
  readonly maps: Float32Array;
  /** The name of the array that was read; none where every class has an array of its own. */
  readonly array?: string;
}

/** The arrays that hold maps in known dumps, the ones of full size first: voc-seeds, CLIP-ES, IRN. */
const ARRAYS = ['maps', 'attn_highres', 'high_res', 'highres', 'cam'];

/** The file endings of dumps, in the order in which they are looked for. */
export const DUMP_ENDINGS = ['.npz', '.npy'] as const;

/**
 * Reads maps from a file:
 * - `.npz` with `keys` [K] and `maps` [K, H, W], as `voc-seeds generate --save-cams` writes it;
 * - `.npy` with a pickled dictionary: `keys` [K] and arrays of maps [K, h, w], as IRN (`high_res`, `cam`) and CLIP-ES
 *   (`attn_highres`, `highres`) write it, or an array [H, W] for each class index, as PSA does.
 *
 * Nothing in the file is executed: a pickle of anything but plain values and numpy arrays is refused.
 *
 * @param array the name of the array to read; the known name of the largest maps unless given
 * @throws UserError that names the file
 */
export async function readMapDump(path: string, array?: string): Promise<MapDump> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new UserError(`the maps ${path} cannot be read: ${messageOf(cause)}`, undefined, { cause });
  }
  try {
    return path.endsWith('.npz') ? fromArrays(decodeNpz(bytes), path, array) : fromPickle(parseNpyObject(bytes), path, array);
  } catch (error) {
    if (!(error instanceof NpyError || error instanceof PickleError)) throw error;
    throw new UserError(`the maps ${path} cannot be read: ${error.message}`, 'expected are dumps of voc-seeds, IRN, PSA or CLIP-ES', { cause: error });
  }
}

function fromPickle(value: PickleValue, path: string, array: string | undefined): MapDump {
  if (!(value instanceof Map)) throw new UserError(`the maps ${path} do not hold a dictionary`);
  const entries = [...value].filter((entry): entry is [PickleValue, NdArray] => entry[1] instanceof NdArray);
  if (array === undefined && [...value.keys()].every((key) => typeof key === 'number')) return fromClasses(entries, path);
  return fromArrays(new Map(entries.map(([key, { shape, values }]) => [String(key), { shape, values: values as readonly number[] }])), path, array);
}

/** PSA: an array for each class. */
function fromClasses(entries: readonly (readonly [PickleValue, NdArray])[], path: string): MapDump {
  const keys = entries.map(([key]) => Number(key));
  if (entries.length === 0) return { keys, height: 0, width: 0, maps: new Float32Array() };
  const [height, width] = entries[0][1].shape;
  if (entries.some(([, { shape }]) => shape.length !== 2 || shape[0] !== height || shape[1] !== width)) {
    throw new UserError(`the maps ${path} differ in size, or are not [H, W] each`);
  }
  const maps = new Float32Array(entries.length * height * width);
  entries.forEach(([, { values }], k) => { maps.set(values as readonly number[], k * height * width); });
  return { keys, height, width, maps: finite(maps, path) };
}

function fromArrays(arrays: ReadonlyMap<string, NumberArray>, path: string, wanted: string | undefined): MapDump {
  const keys = arrays.get('keys');
  const array = wanted ?? ARRAYS.find((name) => arrays.has(name));
  const found = array === undefined ? undefined : arrays.get(array);
  if (keys === undefined || found === undefined) {
    throw new UserError(
      `the maps ${path} have no array '${keys === undefined ? 'keys' : array ?? ARRAYS.join('\' or \'')}'; there are ${[...arrays.keys()].join(', ') || 'none'}`,
      keys === undefined ? undefined : 'name the array that holds the maps with --array',
    );
  }
  const [count, height, width] = found.shape;
  // Without a class some programs store an empty list of another shape.
  if (keys.values.length === 0) return { keys: [], height: 0, width: 0, maps: new Float32Array(), array };
  if (found.shape.length !== 3 || count !== keys.values.length) {
    throw new UserError(`the maps ${path}: '${array}' is [${found.shape.join(', ')}], but there are ${keys.values.length} keys`);
  }
  return { keys: Array.from(keys.values), height, width, maps: finite(Float32Array.from(found.values), path), array };
}

function finite(maps: Float32Array, path: string): Float32Array {
  if (!maps.every(Number.isFinite)) throw new UserError(`the maps ${path} hold values that are no finite numbers`);
  return maps;
}
