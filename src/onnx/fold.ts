import type { OnnxGraph, OnnxNode } from './model.js';
import { floatAttribute, floatsAttribute, intAttribute, intsAttribute, tensorAttribute } from './model.js';
import { DataType, OnnxTensor } from './tensor.js';

/**
 * Turns Constant nodes into initializers, follows Identity nodes over initializers, and widens weights that are stored in
 * half precision, so that a weight is a weight however it was written down.
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
  if (node.op === 'Constant') return constantTensor(node);
  const input = initializers.get(node.inputs[0]);
  if (node.op === 'Identity') return input;
  const widened = node.op === 'Cast' && input?.type === DataType.float16 && intAttribute(node, 'to', 0) === DataType.float32;
  return widened ? OnnxTensor.float32(input.dims, input.toFloat32()) : undefined;
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
