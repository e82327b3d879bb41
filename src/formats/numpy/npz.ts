import { zipSync } from 'fflate';
import { excessOf } from '../../limits.js';
import { isNumberKind, sizeOfKind } from '../pickle/numbers.js';
import type { NumberValues } from '../pickle/numbers.js';
import { columnStrides, decodeStrided, rowStrides } from '../pickle/strides.js';
import { PickleError } from '../pickle/values.js';
import { printable } from '../../text/printable.js';
import { cutShort, WeightsError } from '../weights/error.js';
import { readZipBytes, unpackEntry } from '../weights/zip.js';
import type { ZipEntry } from '../weights/zip.js';
import { encodeNpyHeader, NpyError, readNpyHeader } from './npy-header.js';

export { NpyError } from './npy-header.js';

/** An array as numpy stores it: C order, little-endian. */
export interface NpyArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/**
 * Encodes one array in numpy's .npy format, version 1.0. `numpy.load` reads it without pickle.
 *
 * @throws RangeError if the number of elements does not match the shape
 */
export function encodeNpy({ shape, data }: NpyArray): Uint8Array {
  if (shape.reduce((product, dim) => product * dim, 1) !== data.length) {
    throw new RangeError(`${data.length} numbers do not fill an array of shape [${shape.join(', ')}]`);
  }
  const type = data instanceof Float32Array ? '<f4' : data instanceof Int32Array ? '<i4' : '|u1';
  const header = encodeNpyHeader(type, shape);
  const bytes = new Uint8Array(header.length + data.byteLength);
  bytes.set(header);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), header.length);
  return bytes;
}

/** A fixed time as in numpy, so that the same arrays always give the same bytes. (Zip files store local time.) */
const NO_TIME = new Date(1980, 0, 1);

/** Encodes named arrays as numpy's .npz, uncompressed like `numpy.savez`: compressing maps of floats is slow and saves little. */
export function encodeNpz(arrays: Readonly<Record<string, NpyArray>>): Uint8Array {
  return zipSync(Object.fromEntries(Object.entries(arrays).map(([name, array]) => [`${name}.npy`, encodeNpy(array)])), { level: 0, mtime: NO_TIME });
}

/** A decoded array of any numeric type, in C order. */
export interface NumberArray {
  readonly shape: readonly number[];
  readonly values: NumberValues;
}

/**
 * Decodes one array in numpy's .npy format: floats of 16, 32 or 64 bits, integers or booleans, in any byte order, and in C or
 * Fortran order.
 *
 * @throws NpyError for anything else, including arrays of Python objects, and above the limit `arrayBytes`
 */
export function decodeNpy(bytes: Uint8Array): NumberArray {
  const { order, type, shape, fortran, content } = readNpyHeader(bytes);
  if (type.startsWith('O')) throw new NpyError('it does not contain an array of numbers, but pickled Python objects');
  if (!isNumberKind(type) || type === 'bf2') throw new NpyError(`it contains an array of an unsupported type (${printable(type)})`);
  if (content.length !== shape.reduce((product, size) => product * size, 1) * sizeOfKind(type)) {
    throw new NpyError(`it is cut short or longer than its header says: an array [${shape.join(', ')}] of the type ${type} does not take ${content.length} bytes`);
  }
  try {
    return { shape, values: decodeStrided(type, content, order !== '>', shape, fortran ? columnStrides(shape) : rowStrides(shape)) };
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
    throw new NpyError(error.message, error.hint, { cause: error });
  }
}

/** The arrays of an .npz file. Each is unpacked and decoded on request. */
export class NpzArrays {
  private unpacked = 0;

  constructor(private readonly bytes: Uint8Array, private readonly entries: ReadonlyMap<string, ZipEntry>) {}

  /** Their names. */
  keys(): IterableIterator<string> {
    return this.entries.keys();
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  /**
   * An array, or `undefined` if there is none with this name.
   *
   * @throws NpyError if it is damaged or not an array of numbers, and if all requested arrays exceed the limit `arrayBytes`
   */
  get(name: string): NumberArray | undefined {
    const entry = this.entries.get(name);
    if (entry === undefined) return undefined;
    this.unpacked += entry.unpacked;
    const excess = excessOf('arrayBytes', this.unpacked, `its arrays unpack to ${this.unpacked} bytes`);
    if (excess !== undefined) throw new NpyError(excess.message, excess.hint);
    try {
      return decodeNpy(unpackEntry(this.bytes, entry, name));
    } catch (error) {
      if (error instanceof WeightsError) throw new NpyError(error.message, error.hint, { cause: error });
      if (error instanceof NpyError) throw new NpyError(`its array '${printable(name)}' cannot be read: ${error.message}`, error.hint, { cause: error });
      throw error;
    }
  }
}

/**
 * Opens numpy's .npz: arrays by name.
 *
 * @throws NpyError if it is not a zip archive or is damaged
 */
export function decodeNpz(bytes: Uint8Array): NpzArrays {
  try {
    return new NpzArrays(bytes, new Map([...readZipBytes(bytes)].map(([name, entry]) => [name.replace(/\.npy$/, ''), entry])));
  } catch (error) {
    if (!(error instanceof WeightsError)) throw error;
    const message = error.message === cutShort().message ? 'it is not an .npz file or is cut short' : error.message;
    throw new NpyError(message, error.hint, { cause: error });
  }
}
