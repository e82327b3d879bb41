import type { OnnxNode } from '../model.js';
import { intAttribute } from '../model.js';
import { halfToEven } from '../shapes/host-operators.js';
import { DataType, OnnxTensor, sizeOf } from '../tensor.js';

/**
 * The float tensor that DequantizeLinear makes of constants, (x - zero point) scale: with one scale, one for each index
 * along an axis, or one for each block along it.
 *
 * @returns `undefined` where an input is no constant
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
 * The integers that QuantizeLinear makes of constants: x / scale + zero point, rounded to the nearest (halves to even)
 * and held in the range of the type.
 *
 * @returns `undefined` where an input is no constant, or the type is none of 8 bits
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

/** The elements of a quantised tensor; of 8 bits without a copy, as weights are many. */
function levelsOf(x: OnnxTensor): ArrayLike<number> {
  if (x.type === DataType.uint8) return x.bytes;
  if (x.type === DataType.int8) return new Int8Array(x.bytes.buffer, x.bytes.byteOffset, x.bytes.byteLength);
  return x.toNumbers();
}

/** Which of the scales applies to an element. */
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
