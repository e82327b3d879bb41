import { isNumberKind, sizeOfKind } from './numbers.js';
import type { NumberValues } from './numbers.js';
import { columnStrides, decodeStrided, inRowOrder, rowStrides } from './strides.js';
import { bytesOf, corrupt, PickleError, PickleFunction, PickleObject, shortly } from './values.js';
import type { PickleDialect, PickleValue } from './values.js';

/** The elements of an array: numbers, or any values for the dtype object. */
export type Elements = NumberValues | readonly PickleValue[];

/** Whether elements are packed numbers. */
export function isNumbers(elements: Elements): elements is NumberValues {
  return ArrayBuffer.isView(elements);
}

/** A numpy dtype: a kind of number, strings or bytes of a fixed length, or `O` for Python objects. */
export class Dtype extends PickleObject {
  private readonly code: string;
  private bigEndian = false;

  /** @param code as numpy writes it: `f4`, `i8`, `b1`, `U11`, `S11`, `O8` ... */
  constructor(code: PickleValue) {
    super();
    if (typeof code !== 'string' || !/^(?:f[248]|[iu][1248]|b1|O[48]?|[US]\d{1,9})$/.test(code)) {
      throw new PickleError(`it contains a numpy array of the type ${shortly(code)}, but only numbers, strings and objects are supported`);
    }
    this.code = code;
  }

  /** Whether the elements are Python objects, which are pickled one by one. */
  get isObject(): boolean {
    return this.code.startsWith('O');
  }

  /** The bytes per element. */
  get size(): number {
    if (isNumberKind(this.code)) return sizeOfKind(this.code);
    const length = Number(this.code.slice(1));
    return this.code.startsWith('U') ? 4 * length : length;
  }

  /** Takes the state (version, byte order, subtype, field names, fields, ...). */
  override setState(state: PickleValue): void {
    if (!Array.isArray(state)) throw corrupt();
    const [, order, subtype, names] = state;
    if (subtype != null || names != null) throw new PickleError('it contains a numpy array of records, but only numbers, strings and objects are supported');
    this.bigEndian = order === '>';
  }

  /**
   * Reads packed elements: numbers (see {@link decodeStrided}), strings, or bytes.
   *
   * @param bytes as many elements as the shape has
   * @param strides of the elements in memory, in elements
   * @returns the elements in C order
   */
  decode(bytes: Uint8Array, shape: readonly number[], strides: readonly number[]): Elements {
    if (isNumberKind(this.code)) return decodeStrided(this.code, bytes, !this.bigEndian, shape, strides);
    if (this.isObject) throw corrupt();
    const elements: PickleValue[] = [];
    for (let at = 0; at < bytes.length; at += this.size) {
      const element = bytes.subarray(at, at + this.size);
      elements.push(this.code.startsWith('U') ? textOf(element, this.bigEndian) : element.subarray(0, element.findLastIndex((byte) => byte !== 0) + 1));
    }
    return inRowOrder(elements, shape, strides, new Array<PickleValue>(elements.length));
  }
}

/** numpy stores a string as code points of 4 bytes, padded with zeros. */
function textOf(bytes: Uint8Array, bigEndian: boolean): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = '';
  for (let at = 0; at < bytes.length; at += 4) {
    const code = view.getUint32(at, !bigEndian);
    if (code > 0x10ffff) throw corrupt();
    text += String.fromCodePoint(code);
  }
  return text.replace(/\0+$/, '');
}

/** numpy's own limit. */
const MOST_AXES = 64;

/** A numpy array. Its elements are decoded on request, since a pickle may use the same bytes for many arrays. */
export class NdArray extends PickleObject {
  shape: readonly number[] = [0];
  private decode: () => Elements = () => [];
  private decoded: Elements | undefined;

  /** An array that is decoded later; `decode` returns its elements in C order. */
  static of(shape: readonly number[], decode: () => Elements): NdArray {
    const array = new NdArray();
    array.shape = shape;
    array.decode = decode;
    return array;
  }

  /**
   * The elements in C order.
   *
   * @throws {PickleError} if they take more memory than the limit `arrayBytes`
   */
  get values(): Elements {
    return this.decoded ??= this.decode();
  }

  /** The number of elements. */
  get length(): number {
    return this.shape.reduce((product, size) => product * size, 1);
  }

  override describe(): string {
    return `an array with the shape (${this.shape.join(', ')})`;
  }

  /** Takes the state (version, shape, dtype, whether in Fortran order, values). */
  override setState(state: PickleValue): void {
    if (!Array.isArray(state)) throw corrupt();
    const [, shape, dtype, fortran, raw] = state;
    this.fill(shape, dtype, raw, fortran === true || fortran === 1 ? columnStrides : rowStrides);
  }

  /**
   * @param raw the packed bytes (or Python 2's str of them), or the list of objects, which is always in C order
   * @param stridesOf the strides of the packed elements for a shape
   */
  fill(shape: PickleValue, dtype: PickleValue, raw: PickleValue, stridesOf: (shape: readonly number[]) => readonly number[]): void {
    if (!isShape(shape) || !(dtype instanceof Dtype)) throw corrupt();
    this.shape = shape;
    this.decoded = undefined;
    if (Array.isArray(raw)) {
      if (!dtype.isObject || raw.length !== this.length) throw corrupt();
      this.decode = () => raw;
      return;
    }
    const bytes = bytesOf(raw);
    const strides = stridesOf(shape);
    if (dtype.isObject || bytes.length !== this.length * dtype.size || (dtype.size === 0 && this.length > 0)) throw corrupt();
    this.decode = () => dtype.decode(bytes, shape, strides);
  }
}

function isShape(value: PickleValue): value is number[] {
  return Array.isArray(value) && value.length <= MOST_AXES && value.every((size) => typeof size === 'number' && Number.isSafeInteger(size) && size >= 0);
}

const ndarrayType = new PickleFunction(() => { throw corrupt(); });

/** numpy.core.multiarray._reconstruct(type, shape, dtype code): an empty array, filled in later. */
const reconstruct = new PickleFunction(([type]) => {
  if (type !== ndarrayType) throw corrupt();
  return new NdArray();
});

/** numpy.core.multiarray.scalar(dtype, bytes): one number, string or sequence of bytes. */
const scalar = new PickleFunction(([dtype, raw]) => {
  if (!(dtype instanceof Dtype)) throw corrupt();
  const bytes = bytesOf(raw);
  if (dtype.isObject || bytes.length !== dtype.size) throw corrupt();
  return bytes.length === 0 ? '' : dtype.decode(bytes, [], [])[0];
});

/** numpy.core.numeric._frombuffer(bytes, dtype, shape, order, order of the axes): an array in protocol 5. */
const fromBuffer = new PickleFunction(([raw, dtype, shape, order, axes]) => {
  const array = new NdArray();
  if (order === 'K' && axes != null) {
    // The bytes are an array in C order whose axes were reordered: axis i of the result was axes[i].
    if (!isShape(shape) || !isShape(axes) || [...axes].sort((a, b) => a - b).join() !== [...shape.keys()].join()) throw corrupt();
    const strides = rowStrides(shape);
    array.fill(axes.map((axis) => shape[axis]), dtype, raw, () => axes.map((axis) => strides[axis]));
  } else {
    array.fill(shape, dtype, raw, order === 'F' ? columnStrides : rowStrides);
  }
  return array;
});

/** numpy.dtype(code, align, copy). */
const dtype = new PickleFunction(([code]) => new Dtype(code));

/** _codecs.encode(text, 'latin1'): how Python 3 writes bytes in protocols without bytes. */
const encode = new PickleFunction(([text, encoding]) => {
  if (typeof text !== 'string' || (encoding !== 'latin1' && encoding !== 'latin-1')) throw corrupt();
  return Buffer.from(text, 'latin1');
});

/** bytes(): the same for empty bytes. */
const emptyBytes = new PickleFunction((args) => {
  if (args.length > 0) throw corrupt();
  return new Uint8Array();
});

/** Pickles of plain values and numpy arrays. numpy 2 calls `numpy.core` `numpy._core`. */
export const numpyPickles: PickleDialect = { reads: 'plain values and numpy arrays', globals: new Map<string, PickleFunction>([
  ['numpy.ndarray', ndarrayType],
  ['numpy.dtype', dtype],
  ['numpy.core.multiarray._reconstruct', reconstruct],
  ['numpy._core.multiarray._reconstruct', reconstruct],
  ['numpy.core.multiarray.scalar', scalar],
  ['numpy._core.multiarray.scalar', scalar],
  ['numpy.core.numeric._frombuffer', fromBuffer],
  ['numpy._core.numeric._frombuffer', fromBuffer],
  ['_codecs.encode', encode],
  ['__builtin__.bytes', emptyBytes],
  ['builtins.bytes', emptyBytes],
]) };
