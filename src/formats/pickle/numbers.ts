import { excessOf } from '../../limits.js';
import { PickleError } from './values.js';

/** Numbers in the narrowest typed array for their kind. */
export type NumberValues = Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;

/** Kinds of packed numbers, by numpy's codes: type and bytes. `b1` is a boolean, `bf2` PyTorch's bfloat16. */
export type NumberKind = 'f2' | 'f4' | 'f8' | 'bf2' | 'i1' | 'i2' | 'i4' | 'i8' | 'u1' | 'u2' | 'u4' | 'u8' | 'b1';

interface Kind {
  /** Bytes per number in the file (`size`) and after reading (`held`). */
  readonly size: number;
  readonly held: number;
  /** @param buffer little-endian, aligned, and not used elsewhere */
  readonly read: (buffer: ArrayBuffer) => NumberValues;
}

const kinds: Readonly<Record<NumberKind, Kind>> = {
  f2: { size: 2, held: 4, read: (buffer) => mapped(new Uint16Array(buffer), halves()) },
  bf2: { size: 2, held: 4, read: widenedBrainFloats },
  f4: { size: 4, held: 4, read: (buffer) => new Float32Array(buffer) },
  f8: { size: 8, held: 8, read: (buffer) => new Float64Array(buffer) },
  i1: { size: 1, held: 1, read: (buffer) => new Int8Array(buffer) },
  i2: { size: 2, held: 2, read: (buffer) => new Int16Array(buffer) },
  i4: { size: 4, held: 4, read: (buffer) => new Int32Array(buffer) },
  i8: { size: 8, held: 8, read: (buffer) => long(new Uint32Array(buffer), new Int32Array(buffer)) },
  u1: { size: 1, held: 1, read: (buffer) => new Uint8Array(buffer) },
  u2: { size: 2, held: 2, read: (buffer) => new Uint16Array(buffer) },
  u4: { size: 4, held: 4, read: (buffer) => new Uint32Array(buffer) },
  u8: { size: 8, held: 8, read: (buffer) => long(new Uint32Array(buffer), new Uint32Array(buffer)) },
  b1: { size: 1, held: 1, read: (buffer) => new Uint8Array(buffer) },
};

/** Whether a code is a supported kind of number. */
export function isNumberKind(code: string): code is NumberKind {
  return Object.hasOwn(kinds, code);
}

/** The bytes per number of a kind in a file. */
export function sizeOfKind(kind: NumberKind): number {
  return kinds[kind].size;
}

/**
 * Decodes packed numbers. Booleans become 0 and 1, integers of 8 bytes the nearest number.
 *
 * @param bytes complete numbers; they are copied
 * @throws {PickleError} if they take more memory than the limit `arrayBytes`
 */
export function decodeNumbers(kind: NumberKind, bytes: Uint8Array, littleEndian = true): NumberValues {
  const { size, held, read } = kinds[kind];
  const excess = excessOf('arrayBytes', bytes.length / size * held, `it contains an array of ${bytes.length / size} numbers, which take ${bytes.length / size * held} bytes`);
  if (excess !== undefined) throw new PickleError(excess.message, excess.hint);
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  if (!littleEndian) {
    if (size === 2) Buffer.from(copy).swap16();
    if (size === 4) Buffer.from(copy).swap32();
    if (size === 8) Buffer.from(copy).swap64();
  }
  return read(copy);
}

/** Integers of 8 bytes from their lower and upper halves. The sum of two exact numbers is rounded once. */
function long(lower: Uint32Array, upper: Int32Array | Uint32Array): Float64Array {
  const numbers = new Float64Array(lower.length / 2);
  for (let i = 0; i < numbers.length; i++) numbers[i] = upper[2 * i + 1] * 2 ** 32 + lower[2 * i];
  return numbers;
}

function mapped(codes: Uint16Array, table: Float32Array): Float32Array {
  const numbers = new Float32Array(codes.length);
  for (let i = 0; i < numbers.length; i++) numbers[i] = table[codes[i]];
  return numbers;
}

/** A bfloat16 is the upper half of a float32. */
function widenedBrainFloats(buffer: ArrayBuffer): Float32Array {
  const codes = new Uint16Array(buffer);
  const bits = new Uint32Array(codes.length);
  for (let i = 0; i < bits.length; i++) bits[i] = codes[i] << 16;
  return new Float32Array(bits.buffer);
}

let table: Float32Array | undefined;

/** The values of all half-precision numbers of IEEE 754. */
function halves(): Float32Array {
  table ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => {
    const sign = bits >> 15 === 1 ? -1 : 1;
    const exponent = bits >> 10 & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
  return table;
}
