import { unzipSync, zipSync } from 'fflate';
import { Dtype } from '../pickle/numpy.js';
import { PickleError } from '../pickle/values.js';

/** An array as numpy stores it: C order, little-endian. */
export interface NpyArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/**
 * Encodes one array in numpy's .npy format, version 1.0; `numpy.load` reads it without pickle.
 *
 * @throws RangeError where the data does not fill the shape
 */
export function encodeNpy({ shape, data }: NpyArray): Uint8Array {
  if (shape.reduce((product, dim) => product * dim, 1) !== data.length) {
    throw new RangeError(`${data.length} numbers do not fill an array of shape [${shape.join(', ')}]`);
  }
  const type = data instanceof Float32Array ? '<f4' : data instanceof Int32Array ? '<i4' : '|u1';
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': ${tuple}, }`;
  // Magic, version and length take 10 bytes; the header ends with a newline on a multiple of 64.
  const length = Math.ceil((10 + text.length + 1) / 64) * 64;
  const bytes = new Uint8Array(length + data.byteLength);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, (length - 10) & 0xff, (length - 10) >> 8]);
  bytes.set(new TextEncoder().encode(text.padEnd(length - 11) + '\n'), 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), length);
  return bytes;
}

/** Encodes named arrays as numpy's .npz, stored as `numpy.savez` does it: maps of floats hardly become smaller, but take long to pack. */
export function encodeNpz(arrays: Readonly<Record<string, NpyArray>>): Uint8Array {
  const files = Object.fromEntries(Object.entries(arrays).map(([name, array]) => [`${name}.npy`, encodeNpy(array)]));
  // The date that numpy writes, too: the same maps are the same bytes.
  return zipSync(files, { level: 0, mtime: new Date(1980, 0, 1) });
}

/** An array that was read: of any numeric type, in C order. */
export interface NumberArray {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/** Bytes that are no array, or one that is not read; the message says why, without the file's name ("it is cut short"). */
export class NpyError extends Error {
  override readonly name = 'NpyError';
}

/**
 * Reads one array in numpy's .npy format, of floats of 16, 32 or 64 bits, integers or booleans.
 *
 * @throws NpyError for anything else, arrays of Python objects included
 */
export function decodeNpy(bytes: Uint8Array): NumberArray {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.toString('latin1', 0, 6) !== '\x93NUMPY') throw new NpyError('it is not an .npy file');
  const lengthBytes = file[6] === 1 ? 2 : 4;
  const start = 8 + lengthBytes;
  if (file.length < start) throw new NpyError('it is cut short');
  const end = start + file.readUIntLE(8, lengthBytes);
  const header = file.toString('latin1', start, end);
  const [, order, type] = /'descr':\s*'([<>|=])(\w+)'/.exec(header) ?? [];
  const dims = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  if (type === undefined || type.startsWith('O') || dims === undefined) throw new NpyError(`it does not hold an array of numbers (its header is ${header.trim()})`);
  const shape = dims.split(',').filter((dim) => dim.trim() !== '').map(Number);
  if (/'fortran_order':\s*True/.test(header) && shape.length > 1) throw new NpyError('its array is in Fortran order; save numpy.ascontiguousarray(array)');
  const content = file.subarray(end);
  const values = order === '<' && type === 'f4' ? floatsOf(content) : numbersOf(content, order, type);
  if (values.length !== shape.reduce((product, dim) => product * dim, 1)) throw new NpyError('it is cut short');
  return { shape, values };
}

function floatsOf(bytes: Uint8Array): Float32Array {
  // A copy, which begins where floats may begin.
  const whole = Uint8Array.from(bytes);
  return new Float32Array(whole.buffer, 0, Math.floor(whole.length / 4));
}

function numbersOf(bytes: Uint8Array, order: string, type: string): number[] {
  try {
    const dtype = new Dtype(type);
    dtype.setState([3, order, null, null]);
    return dtype.decode(bytes);
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
    throw new NpyError(error.message, { cause: error });
  }
}

/**
 * Reads numpy's .npz: arrays by name.
 *
 * @throws NpyError where it is no zip file, or one of its arrays cannot be read
 */
export function decodeNpz(bytes: Uint8Array): Map<string, NumberArray> {
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes);
  } catch (error) {
    throw new NpyError('it is not an .npz file, or is cut short', { cause: error });
  }
  return new Map(Object.entries(files).map(([name, content]) => [name.replace(/\.npy$/, ''), decodeNpy(content)]));
}
