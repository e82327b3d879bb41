import { messageOf, UserError } from '../../errors.js';
import { NpyError, readNpyHeader } from '../../formats/numpy/npy-header.js';
import { decodeNpz } from '../../formats/numpy/npz.js';
import type { NumberArray } from '../../formats/numpy/npz.js';
import { readRegularFile } from '../../jobs/files/read-file.js';
import { requireWithin } from '../../limits.js';
import { PickleError, shortly } from '../../formats/pickle/values.js';
import type { PickleValue } from '../../formats/pickle/values.js';
import { VOC } from '../../datasets/classes/voc.js';
import { printable } from '../../text/printable.js';
import { parseNpyObject } from '../../formats/numpy/npy-object.js';
import { numberArray } from '../../formats/numpy/number-array.js';

/** The maps of one image, as stored by a program. */
export interface MapDump {
  /** Class indices as stored, counted from 0 or from 1. */
  readonly keys: readonly number[];
  /** The size of the maps, which may differ from that of the image; 0 x 0 if there are no maps. */
  readonly height: number;
  readonly width: number;
  /** [K, height, width] */
  readonly maps: Float32Array;
  /** The name of the array that was read; none if every class has its own array. */
  readonly array?: string;
}

/** The names of arrays of maps in known dumps (voc-seeds, CLIP-ES, IRN), full-size ones first. */
const ARRAYS = ['maps', 'attn_highres', 'high_res', 'highres', 'cam'];

/** The file endings of dumps, in order of preference. */
export const DUMP_ENDINGS = ['.npz', '.npy'] as const;

/**
 * Reads maps from a file:
 * - `.npz` with `keys` [K] and `maps` [K, H, W], as written by `voc-seeds generate --save-cams`;
 * - `.npy` with a pickled dictionary: `keys` [K] and arrays of maps [K, h, w], as written by IRN (`high_res`, `cam`) and
 *   CLIP-ES (`attn_highres`, `highres`), or one array [H, W] for each class index, as written by PSA.
 *
 * Arrays may be numpy arrays in any byte and memory order, PyTorch tensors, or lists. Nothing in the file is executed: a pickle
 * of anything other than plain values, numpy arrays and PyTorch tensors is rejected.
 *
 * @param array the name of the array to read; by default the known name with the largest maps
 * @param labelCount background and classes; a file with more maps is refused
 * @throws UserError that names the file
 */
export async function readMapDump(path: string, array?: string, labelCount = VOC.labelCount): Promise<MapDump> {
  let bytes: Uint8Array;
  try {
    bytes = await readRegularFile(path, (size) => { requireWithin('arrayBytes', size, `the maps ${path} have ${size} bytes`); });
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError(`the maps ${path} cannot be read: ${messageOf(cause)}`, undefined, { cause });
  }
  try {
    return path.endsWith('.npz') ? fromArrays(decodeNpz(bytes), path, array, labelCount) : fromNpy(bytes, path, array, labelCount);
  } catch (error) {
    if (!(error instanceof NpyError || error instanceof PickleError)) throw error;
    throw new UserError(`the maps ${path} cannot be read: ${error.message}`, error.hint ?? 'supported are maps of voc-seeds, IRN, PSA and CLIP-ES', { cause: error });
  }
}

/** Arrays by name. */
interface NamedArrays {
  keys(): Iterable<string>;
  has(name: string): boolean;
  /** @returns `undefined` if it is not an array of numbers */
  get(name: string): NumberArray | undefined;
}

function fromNpy(bytes: Uint8Array, path: string, array: string | undefined, labelCount: number): MapDump {
  const { type, shape } = readNpyHeader(bytes);
  if (!type.startsWith('O')) {
    throw new UserError(
      `the maps ${path} are a single array of shape (${shape.join(', ')}), without the classes of its maps`,
      'save a dictionary: numpy.save(path, {\'keys\': class indices, \'high_res\': maps})');
  }
  const value = parseNpyObject(bytes);
  if (!(value instanceof Map)) throw new UserError(`the maps ${path} are not a dictionary, but ${shortly(value)}`, 'supported are maps of voc-seeds, IRN, PSA and CLIP-ES');
  if (array === undefined && [...value.keys()].every((key) => typeof key === 'number')) return fromClasses(value, path, labelCount);
  const named = new Map([...value].filter((entry): entry is [string, PickleValue] => typeof entry[0] === 'string'));
  return fromArrays({
    keys: () => named.keys(),
    has: (name) => named.has(name),
    get: (name) => numberArray(named.get(name) ?? null),
  }, path, array, labelCount);
}

/** PSA: one array for each class. */
function fromClasses(arrays: ReadonlyMap<PickleValue, PickleValue>, path: string, labelCount: number): MapDump {
  const keys = [...arrays.keys()].map(Number);
  if (keys.length === 0) return { keys, height: 0, width: 0, maps: new Float32Array() };
  requireFewClasses(keys.length, path, labelCount);
  let maps: Float32Array = new Float32Array();
  let size: readonly number[] = [];
  [...arrays.values()].forEach((value, k) => {
    const map = numberArray(value);
    if (k === 0) {
      size = map?.shape ?? [];
      maps = floats(keys.length * (map?.values.length ?? 0), path);
    }
    if (map?.shape.length !== 2 || map.shape.join() !== size.join() || map.values.length === 0) throw new UserError(`the maps ${path} are not all [H, W] of the same size`);
    maps.set(map.values, k * map.values.length);
  });
  return { keys, height: size[0], width: size[1], maps: finite(maps, path) };
}

function fromArrays(arrays: NamedArrays, path: string, wanted: string | undefined, labelCount: number): MapDump {
  const array = wanted ?? ARRAYS.find((name) => arrays.has(name));
  const missing = !arrays.has('keys') ? 'keys' : array === undefined || !arrays.has(array) ? array ?? ARRAYS.join('\' or \'') : undefined;
  if (missing !== undefined || array === undefined) {
    const names = [...arrays.keys()].slice(0, 20).map((name) => printable(name));
    throw new UserError(
      `the maps ${path} have no array '${missing}'; there are ${names.join(', ') || 'none'}`,
      missing === 'keys' ? undefined : 'name the array of the maps with --array',
    );
  }
  const keys = arrays.get('keys');
  if (keys === undefined || keys.shape.filter((size) => size !== 1).length > 1) throw new UserError(`the maps ${path}: 'keys' is not a list of class indices`);
  // For an image without classes, some programs store an empty list of another shape.
  if (keys.values.length === 0) return { keys: [], height: 0, width: 0, maps: new Float32Array(), array };
  requireFewClasses(keys.values.length, path, labelCount);
  const found = arrays.get(array);
  if (found === undefined) throw new UserError(`the maps ${path}: '${array}' is not an array of numbers`, 'name the array of the maps with --array');
  const [count, height, width] = found.shape;
  if (found.shape.length !== 3 || count !== keys.values.length) {
    throw new UserError(`the maps ${path}: '${array}' is [${found.shape.join(', ')}], but there are ${keys.values.length} keys`);
  }
  if (found.values.length === 0) throw new UserError(`the maps ${path}: '${array}' is [${found.shape.join(', ')}], which is empty`);
  return { keys: Array.from(keys.values), height, width, maps: finite(asFloats(found, path), path), array };
}

/** Some programs add the background to the classes. */
function requireFewClasses(count: number, path: string, labelCount: number): void {
  if (count > labelCount) throw new UserError(`the maps ${path} have ${count} keys, but there are ${labelCount - 1} classes`);
}

function asFloats({ values }: NumberArray, path: string): Float32Array {
  if (values instanceof Float32Array) return values;
  const result = floats(values.length, path);
  result.set(values);
  return result;
}

function floats(length: number, path: string): Float32Array {
  requireWithin('arrayBytes', 4 * length, `the maps ${path} need ${4 * length} bytes`);
  return new Float32Array(length);
}

function finite(maps: Float32Array, path: string): Float32Array {
  if (!maps.every(Number.isFinite)) throw new UserError(`the maps ${path} contain values that are not finite`);
  return maps;
}
