import type { OnnxModel, OnnxNode } from '../model.js';
import { DataType, OnnxTensor } from '../tensor.js';

/** Smaller tensors (biases, limits) stay in full precision. */
const SMALLEST = 1024;

/**
 * Stores the weights of a model in half precision: each large float32 constant becomes a float16 constant and a Cast, which
 * runtimes run once when they load the model. The file is half as large. The model still computes in float32.
 *
 * @throws RangeError if a weight is beyond the range of float16
 */
export function storeHalf(model: OnnxModel): OnnxModel {
  const initializers = new Map<string, OnnxTensor>();
  const casts: OnnxNode[] = [];
  for (const [name, tensor] of model.graph.initializers) {
    if (tensor.type !== DataType.float32 || tensor.size < SMALLEST) {
      initializers.set(name, tensor);
      continue;
    }
    const bits = Uint16Array.from(tensor.toFloat32(), numberToFloat16);
    if (bits.some((half) => (half & 0x7c00) === 0x7c00)) throw new RangeError(`a weight of '${name}' is beyond the range of float16`);
    const stored = `${name}/half`;
    initializers.set(stored, new OnnxTensor(tensor.dims, DataType.float16, new Uint8Array(bits.buffer)));
    casts.push({ name: `${name}/cast`, op: 'Cast', domain: '', inputs: [stored], outputs: [name], attributes: { to: { kind: 'int', value: DataType.float32 } } });
  }
  return { ...model, graph: { ...model.graph, initializers, nodes: [...casts, ...model.graph.nodes] } };
}

const scratch = new DataView(new ArrayBuffer(4));

/** The bits of the nearest IEEE 754 half-precision value, ties to even; infinity beyond 65504. */
export function numberToFloat16(value: number): number {
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200);
  const unbiased = exponent - 127;
  if (unbiased >= 16) return sign | 0x7c00;
  if (unbiased < -25) return sign;
  // Below 2^-14, half-precision values have a fixed step: shift the whole significand there.
  const significand = fraction | 0x800000;
  const shift = unbiased >= -14 ? 13 : -1 - unbiased;
  const kept = significand >>> shift;
  const rest = significand & ((1 << shift) - 1);
  const halfway = 1 << (shift - 1);
  const rounded = kept + (rest > halfway || (rest === halfway && (kept & 1) === 1) ? 1 : 0);
  // A carry out of the significand correctly increments the exponent.
  return sign | (unbiased >= -14 ? rounded + ((unbiased + 14) << 10) : rounded);
}
