/** A pickle that cannot be loaded; the message says why, without the file's name ("it is cut short"). */
export class PickleError extends Error {
  override readonly name = 'PickleError';
}

/**
 * What a pickle can hold. Python's tuples and lists both come out as arrays, dicts as maps, bytes as byte arrays;
 * Python 2's `str`, which may be bytes or text, as text with one character per byte. Integers beyond 2^53 are bigints.
 */
export type PickleValue = null | boolean | number | bigint | string | Uint8Array
  | PickleValue[] | Map<PickleValue, PickleValue> | NdArray | Dtype | PickleFunction;

/** One of the few functions that a pickle may name. */
export class PickleFunction {
  constructor(readonly call: (args: readonly PickleValue[]) => PickleValue) {}
}

/** The error for a pickle that breaks its own format. */
export function corrupt(): PickleError {
  return new PickleError('it is corrupt');
}

/** A numpy dtype: one kind of number, or `O` for any Python objects. */
export class Dtype {
  private readonly type: string;
  /** Bytes per element. */
  private readonly size: number;
  private bigEndian = false;

  /** @param code as numpy writes it: `f4`, `i8`, `O8`, `b1` ... */
  constructor(code: PickleValue) {
    const match = typeof code === 'string' ? /^(f[248]|[iu][1248]|b1|O[48]?)$/.exec(code) : null;
    if (match === null) throw new PickleError(`it holds a numpy array of the type ${String(code)}, but only numbers and objects are read`);
    this.type = match[1];
    this.size = Number(this.type.slice(1));
  }

  /** Takes the state (version, byte order, subtype, field names, fields, ...). */
  setState(state: readonly PickleValue[]): void {
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
export class NdArray {
  shape: readonly number[] = [0];
  values: readonly PickleValue[] = [];

  /** Takes the state (version, shape, dtype, whether in Fortran order, values). */
  setState([, shape, dtype, fortran, raw]: readonly PickleValue[]): void {
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

/** Bytes as Python 3 pickles them, or as Python 2's str. */
export function bytesOf(value: PickleValue): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return Buffer.from(value, 'latin1');
  throw corrupt();
}
