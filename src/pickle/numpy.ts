import { bytesOf, corrupt, PickleError, PickleFunction, PickleObject } from './values.js';
import type { PickleDialect, PickleValue } from './values.js';

/** A numpy dtype: one kind of number, or `O` for any Python objects. */
export class Dtype extends PickleObject {
  private readonly type: string;
  /** Bytes per element. */
  private readonly size: number;
  private bigEndian = false;

  /** @param code as numpy writes it: `f4`, `i8`, `O8`, `b1` ... */
  constructor(code: PickleValue) {
    super();
    const match = typeof code === 'string' ? /^(f[248]|[iu][1248]|b1|O[48]?)$/.exec(code) : null;
    if (match === null) throw new PickleError(`it holds a numpy array of the type ${String(code)}, but only numbers and objects are read`);
    this.type = match[1];
    this.size = Number(this.type.slice(1));
  }

  /** Takes the state (version, byte order, subtype, field names, fields, ...). */
  override setState(state: PickleValue): void {
    if (!Array.isArray(state)) throw corrupt();
    const [, order, subtype, names] = state;
    if (subtype != null || names != null) throw new PickleError('it holds a numpy array of records, but only numbers and objects are read');
    this.bigEndian = order === '>';
  }

  /** Reads packed numbers: float16/32/64, integers of 1..8 bytes, or booleans as 0 and 1. */
  decode(bytes: Uint8Array): number[] {
    if (this.type.startsWith('O') || bytes.length % this.size !== 0) throw corrupt();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const numbers: number[] = [];
    for (let at = 0; at < bytes.length; at += this.size) numbers.push(this.decodeOne(view, at));
    return numbers;
  }

  private decodeOne(view: DataView, at: number): number {
    const little = !this.bigEndian;
    switch (this.type) {
      case 'f2': return halfToNumber(view.getUint16(at, little));
      case 'f4': return view.getFloat32(at, little);
      case 'f8': return view.getFloat64(at, little);
      case 'i1': return view.getInt8(at);
      case 'i2': return view.getInt16(at, little);
      case 'i4': return view.getInt32(at, little);
      case 'i8': return Number(view.getBigInt64(at, little));
      case 'u2': return view.getUint16(at, little);
      case 'u4': return view.getUint32(at, little);
      case 'u8': return Number(view.getBigUint64(at, little));
      default: return view.getUint8(at); // u1, b1
    }
  }
}

/** The value of an IEEE 754 half precision number. */
function halfToNumber(bits: number): number {
  const sign = bits >> 15 === 1 ? -1 : 1;
  const exponent = bits >> 10 & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** A numpy array, its values in C order: numbers, or any values for the dtype object. */
export class NdArray extends PickleObject {
  shape: readonly number[] = [0];
  values: readonly PickleValue[] = [];

  /** Takes the state (version, shape, dtype, whether in Fortran order, values). */
  override setState(state: PickleValue): void {
    if (!Array.isArray(state)) throw corrupt();
    const [, shape, dtype, fortran, raw] = state;
    this.fill(shape, dtype, fortran === true || fortran === 1, raw);
  }

  /** @param raw the packed bytes (or Python 2's str of them), or the list of objects */
  fill(shape: PickleValue, dtype: PickleValue, fortran: boolean, raw: PickleValue): void {
    if (!Array.isArray(shape) || !shape.every((size) => typeof size === 'number') || !(dtype instanceof Dtype)) throw corrupt();
    if (fortran && shape.length > 1) throw new PickleError('it holds a numpy array in Fortran order, which is not read');
    const values = Array.isArray(raw) ? raw : dtype.decode(bytesOf(raw));
    if (values.length !== shape.reduce((product, size) => product * size, 1)) throw corrupt();
    this.shape = shape;
    this.values = values;
  }
}

const ndarrayType = new PickleFunction(() => { throw corrupt(); });

/** numpy.core.multiarray._reconstruct(type, shape, dtype code): an empty array, filled in later. */
const reconstruct = new PickleFunction(([type]) => {
  if (type !== ndarrayType) throw corrupt();
  return new NdArray();
});

/** numpy.core.multiarray.scalar(dtype, bytes): one number. */
const scalar = new PickleFunction(([dtype, raw]) => {
  if (!(dtype instanceof Dtype)) throw corrupt();
  const [value] = dtype.decode(bytesOf(raw));
  if (value === undefined) throw corrupt();
  return value;
});

/** numpy.core.numeric._frombuffer(bytes, dtype, shape, order): an array, as protocol 5 writes it. */
const fromBuffer = new PickleFunction(([raw, dtype, shape, order]) => {
  const array = new NdArray();
  array.fill(shape, dtype, order === 'F', raw);
  return array;
});

/** numpy.dtype(code, align, copy). */
const dtype = new PickleFunction(([code]) => new Dtype(code));

/** _codecs.encode(text, 'latin1'): how Python 3 writes bytes in protocols that have none. */
const encode = new PickleFunction(([text, encoding]) => {
  if (typeof text !== 'string' || (encoding !== 'latin1' && encoding !== 'latin-1')) throw corrupt();
  return Buffer.from(text, 'latin1');
});

/** bytes(): the same for no bytes at all. */
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
