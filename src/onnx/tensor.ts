import { UserError } from '../errors.js';

/** ONNX's element types, with the numbers of TensorProto.DataType. */
export const DataType = {
  float32: 1, uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6, int64: 7, string: 8, bool: 9, float16: 10, float64: 11,
  uint32: 12, uint64: 13, bfloat16: 16, uint4: 21, int4: 22,
} as const;

export type DataType = number;

const elementBytes: Record<number, number> = {
  [DataType.float32]: 4, [DataType.uint8]: 1, [DataType.int8]: 1, [DataType.uint16]: 2, [DataType.int16]: 2,
  [DataType.int32]: 4, [DataType.int64]: 8, [DataType.bool]: 1, [DataType.float16]: 2, [DataType.float64]: 8,
  [DataType.uint32]: 4, [DataType.uint64]: 8, [DataType.bfloat16]: 2,
};

/** The name of an element type, for messages. */
export function dataTypeName(type: DataType): string {
  return Object.entries(DataType).find(([, number]) => number === type)?.[0] ?? `type ${type}`;
}

/** The size of one element in bytes, or `undefined` for types without a fixed size. */
export function bytesPerElement(type: DataType): number | undefined {
  return elementBytes[type];
}

/** The number of elements of a shape; 1 for a scalar. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/**
 * A constant of a graph: shape, element type, and the elements as little-endian bytes in row-major order. The bytes may be
 * a view of the file that the tensor was read from. They are only copied when they are converted to numbers.
 */
export class OnnxTensor {
  constructor(readonly dims: readonly number[], readonly type: DataType, readonly bytes: Uint8Array) {}

  get size(): number {
    return sizeOf(this.dims);
  }

  static float32(dims: readonly number[], values: Float32Array | readonly number[]): OnnxTensor {
    const data = values instanceof Float32Array ? values : Float32Array.from(values);
    if (data.length !== sizeOf(dims)) throw new RangeError(`${data.length} values for a tensor of shape [${dims.join(', ')}]`);
    return new OnnxTensor(dims, DataType.float32, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  static int64(dims: readonly number[], values: readonly number[]): OnnxTensor {
    if (values.length !== sizeOf(dims)) throw new RangeError(`${values.length} values for a tensor of shape [${dims.join(', ')}]`);
    return new OnnxTensor(dims, DataType.int64, new Uint8Array(BigInt64Array.from(values, BigInt).buffer));
  }

  /** The elements as float32: a view if they are float32 and the bytes are aligned, else a copy. */
  toFloat32(): Float32Array {
    if (this.type === DataType.float32) {
      const { buffer, byteOffset, byteLength } = byteOffsetAligned(this.bytes, 4);
      return new Float32Array(buffer, byteOffset, byteLength / 4);
    }
    if (this.type === DataType.float16) {
      const { buffer, byteOffset, byteLength } = byteOffsetAligned(this.bytes, 2);
      return widened(new Uint16Array(buffer, byteOffset, byteLength / 2));
    }
    if (this.type === DataType.float64) {
      const { buffer, byteOffset, byteLength } = byteOffsetAligned(this.bytes, 8);
      return Float32Array.from(new Float64Array(buffer, byteOffset, byteLength / 8));
    }
    if (this.type === DataType.bfloat16) {
      const { buffer, byteOffset, byteLength } = byteOffsetAligned(this.bytes, 2);
      // The upper half of a float.
      return new Float32Array(Uint32Array.from(new Uint16Array(buffer, byteOffset, byteLength / 2), (bits) => bits << 16).buffer);
    }
    return Float32Array.from(this.toNumbers());
  }

  /** The elements as numbers, for small tensors. 64-bit integers are clamped to +-2^53 (ONNX's "to the end"). */
  toNumbers(): number[] {
    if (this.type === DataType.uint4 || this.type === DataType.int4) return nibbles(this);
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    const read = readers[this.type];
    const step = elementBytes[this.type];
    if (read === undefined || step === undefined) {
      throw new UserError(`a tensor of element type ${dataTypeName(this.type)} cannot be read as numbers`);
    }
    return Array.from({ length: this.size }, (_, i) => read(view, i * step));
  }
}

/** A byte contains two 4-bit elements, the first in its lower half. */
function nibbles({ bytes, size, type }: OnnxTensor): number[] {
  if (bytes.length !== Math.ceil(size / 2)) throw new UserError(`a tensor of ${size} elements of 4 bits has ${bytes.length} bytes`, 'is the file complete?');
  return Array.from({ length: size }, (_, i) => {
    const level = i % 2 === 0 ? bytes[i >> 1] & 15 : bytes[i >> 1] >> 4;
    return type === DataType.int4 && level > 7 ? level - 16 : level;
  });
}

function byteOffsetAligned(bytes: Uint8Array, alignment: number): Uint8Array<ArrayBufferLike> {
  return bytes.byteOffset % alignment === 0 ? bytes : Uint8Array.from(bytes);
}

const readers: Record<number, (view: DataView, offset: number) => number> = {
  [DataType.float32]: (view, at) => view.getFloat32(at, true),
  [DataType.float64]: (view, at) => view.getFloat64(at, true),
  [DataType.float16]: (view, at) => float16ToNumber(view.getUint16(at, true)),
  [DataType.bfloat16]: (view, at) => bfloat16ToNumber(view.getUint16(at, true)),
  [DataType.uint8]: (view, at) => view.getUint8(at),
  [DataType.int8]: (view, at) => view.getInt8(at),
  [DataType.uint16]: (view, at) => view.getUint16(at, true),
  [DataType.int16]: (view, at) => view.getInt16(at, true),
  [DataType.uint32]: (view, at) => view.getUint32(at, true),
  [DataType.int32]: (view, at) => view.getInt32(at, true),
  [DataType.bool]: (view, at) => view.getUint8(at),
  [DataType.int64]: (view, at) => saturate(view.getBigInt64(at, true)),
  [DataType.uint64]: (view, at) => saturate(view.getBigUint64(at, true)),
};

function saturate(value: bigint): number {
  const limit = BigInt(Number.MAX_SAFE_INTEGER);
  if (value > limit) return Number.MAX_SAFE_INTEGER;
  return value < -limit ? -Number.MAX_SAFE_INTEGER : Number(value);
}

let halves: Float32Array | undefined;

/** Half-precision weights as floats. A table of all 65,536 values is faster for millions of weights. */
function widened(bits: Uint16Array): Float32Array {
  const table = halves ??= Float32Array.from({ length: 2 ** 16 }, (_, half) => float16ToNumber(half));
  const floats = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) floats[i] = table[bits[i]];
  return floats;
}

/** The number for the bits of an IEEE 754 half-precision value. */
export function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function bfloat16ToNumber(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bits << 16);
  return view.getFloat32(0);
}
