import type { OnnxGraph, OnnxNode } from './model.js';
import { floatAttribute, floatsAttribute, intAttribute, intsAttribute, tensorAttribute } from './model.js';
import { arrangeRules } from './infer-arrange.js';
import { dequantized, quantized } from './dequantize.js';
import { DataType, OnnxTensor, sizeOf } from './tensor.js';

/**
 * Turns Constant nodes into initializers, follows Identity, Reshape and Transpose nodes over initializers, and widens
 * weights that are stored in half precision or quantised, so that a weight is a weight however it was written down.
 */
export function foldConstants(graph: OnnxGraph): OnnxGraph {
  const initializers = new Map(graph.initializers);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const nodes = graph.nodes.filter((node) => {
    if (outputs.has(node.outputs[0])) return true;
    const tensor = constantResult(node, initializers);
    if (tensor === undefined) return true;
    initializers.set(node.outputs[0], tensor);
    return false;
  });
  return { ...graph, nodes, initializers };
}

function constantResult(node: OnnxNode, initializers: ReadonlyMap<string, OnnxTensor>): OnnxTensor | undefined {
  if (node.domain !== '') return undefined;
  if (node.op === 'Constant') return constantTensor(node);
  if (node.op === 'DequantizeLinear') return dequantized(node, initializers);
  if (node.op === 'QuantizeLinear') return quantized(node, initializers);
  const input = initializers.get(node.inputs[0]);
  if (node.op === 'Identity') return input;
  if (input?.type === DataType.float32) {
    const dims = rearrangedDims(node, input.dims, initializers);
    if (dims !== undefined) return new OnnxTensor(dims, input.type, input.bytes);
    if (node.op === 'Transpose') return transposed(input, intsAttribute(node, 'perm'));
  }
  const widened = node.op === 'Cast' && input?.type === DataType.float16 && intAttribute(node, 'to', 0) === DataType.float32;
  return widened ? OnnxTensor.float32(input.dims, input.toFloat32()) : undefined;
}

/** The shape that an operator gives to the same numbers; `undefined` for other operators. */
function rearrangedDims(node: OnnxNode, dims: readonly number[], constants: ReadonlyMap<string, OnnxTensor>): readonly number[] | undefined {
  if (node.op !== 'Reshape' && node.op !== 'Squeeze' && node.op !== 'Unsqueeze') return undefined;
  const second = constants.get(node.inputs[1]);
  if (second === undefined) return undefined;
  const result = arrangeRules[node.op](node, [{ dims }, { dims: second.dims, values: second.toNumbers() }]);
  return result !== undefined && 'dims' in result ? result.dims : undefined;
}

function transposed(tensor: OnnxTensor, given: readonly number[] | undefined): OnnxTensor {
  const { dims } = tensor;
  const perm = given ?? dims.map((_, i) => dims.length - 1 - i);
  const numbers = tensor.toFloat32();
  const steps = dims.map((_, axis) => sizeOf(dims.slice(axis + 1)));
  const result = new Float32Array(numbers.length);
  const to = perm.map((axis) => dims[axis]);
  const index = to.map(() => 0);
  let from = 0;
  for (let i = 0; i < result.length; i++) {
    result[i] = numbers[from];
    // Count on like an odometer, the last axis fastest.
    for (let axis = to.length - 1; axis >= 0; axis--) {
      from += steps[perm[axis]];
      if (++index[axis] < to[axis]) break;
      from -= to[axis] * steps[perm[axis]];
      index[axis] = 0;
    }
  }
  return OnnxTensor.float32(to, result);
}

function constantTensor(node: OnnxNode): OnnxTensor | undefined {
  const tensor = tensorAttribute(node, 'value');
  if (tensor !== undefined) return tensor;
  const floats = floatsAttribute(node, 'value_floats');
  if (floats !== undefined) return OnnxTensor.float32([floats.length], floats);
  const ints = intsAttribute(node, 'value_ints');
  if (ints !== undefined) return OnnxTensor.int64([ints.length], ints);
  if ('value_float' in node.attributes) return OnnxTensor.float32([], [floatAttribute(node, 'value_float', 0)]);
  return 'value_int' in node.attributes ? OnnxTensor.int64([], [intAttribute(node, 'value_int', 0)]) : undefined;
}
