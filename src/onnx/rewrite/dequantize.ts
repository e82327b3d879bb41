import type { OnnxNode } from '../model.js';
import { intAttribute } from '../model.js';
import { halfToEven } from '../shapes/host-operators.js';
import { DataType, OnnxTensor, sizeOf } from '../tensor.js';

/**
 * The result of DequantizeLinear on constants, (x - zero point) scale. There is one scale for all elements, or one per index or
 * per block along an axis.
 *
 * @returns `undefined` if an input is not a constant
 */
export function dequantized(node: OnnxNode, constants: ReadonlyMap<string, OnnxTensor>): OnnxTensor | undefined {
  const [x, scale, zero] = node.inputs.map((name) => constants.get(name));
  if (x === undefined || scale === undefined || (node.inputs[2] && zero === undefined)) return undefined;
  const scales = scale.toFloat32();
  const zeros = zero?.toNumbers();
  const scaleOf = scalesOver(node, x.dims, scale);
  const levels = levelsOf(x);
  const values = Float32Array.from({ length: x.size }, (_, i) => (levels[i] - (zeros?.[scaleOf(i)] ?? 0)) * scales[scaleOf(i)]);
  return OnnxTensor.float32(x.dims, values);
}

/**
 * The result of QuantizeLinear on constants: x / scale, rounded to the nearest integer (halves to even), plus the zero point,
 * clamped to the range of the type.
 *
 * @returns `undefined` if an input is not a constant, or the type does not have 8 bits
 */
export function quantized(node: OnnxNode, constants: ReadonlyMap<string, OnnxTensor>): OnnxTensor | undefined {
  const [x, scale, zero] = node.inputs.map((name) => constants.get(name));
  if (x === undefined || scale === undefined || (node.inputs[2] && zero === undefined)) return undefined;
  const type = zero?.type ?? DataType.uint8;
  if (type !== DataType.int8 && type !== DataType.uint8) return undefined;
  const [lowest, highest] = type === DataType.int8 ? [-128, 127] : [0, 255];
  const scales = scale.toFloat32();
  const zeros = zero?.toNumbers();
  const scaleOf = scalesOver(node, x.dims, scale);
  const levels = Uint8Array.from(x.toFloat32(), (value, i) => {
    const level = halfToEven(value / scales[scaleOf(i)]) + (zeros?.[scaleOf(i)] ?? 0);
    return Math.min(Math.max(level, lowest), highest);
  });
  return new OnnxTensor(x.dims, type, levels);
}

/** The elements of a quantised tensor. 8-bit elements are not copied. */
function levelsOf(x: OnnxTensor): ArrayLike<number> {
  if (x.type === DataType.uint8) return x.bytes;
  if (x.type === DataType.int8) return new Int8Array(x.bytes.buffer, x.bytes.byteOffset, x.bytes.byteLength);
  return x.toNumbers();
}

/** The index of the scale for each element. */
function scalesOver(node: OnnxNode, dims: readonly number[], scale: OnnxTensor): (element: number) => number {
  if (scale.size === 1) return () => 0;
  const axis = (intAttribute(node, 'axis', 1) + dims.length) % dims.length;
  const inner = sizeOf(dims.slice(axis + 1));
  const size = dims[axis];
  if (scale.dims.length === 1) return (element) => Math.floor(element / inner) % size;
  const block = intAttribute(node, 'block_size', 1);
  const blocks = scale.dims[axis];
  return (element) => {
    const outer = Math.floor(element / (inner * size));
    const along = Math.floor(element / inner) % size;
    return (outer * blocks + Math.floor(along / block)) * inner + (element % inner);
  };
}
