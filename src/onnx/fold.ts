import type { OnnxGraph } from './model.js';
import { floatAttribute, floatsAttribute, intAttribute, intsAttribute, tensorAttribute } from './model.js';
import { OnnxTensor } from './tensor.js';

/**
 * Turns Constant nodes into initializers, and follows Identity nodes over initializers, so that a weight is a weight
 * however an exporter wrote it down.
 */
export function foldConstants(graph: OnnxGraph): OnnxGraph {
  const initializers = new Map(graph.initializers);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const nodes = graph.nodes.filter((node) => {
    if (outputs.has(node.outputs[0])) return true;
    const tensor = node.op === 'Constant' ? constantTensor(node) : node.op === 'Identity' ? initializers.get(node.inputs[0]) : undefined;
    if (tensor === undefined) return true;
    initializers.set(node.outputs[0], tensor);
    return false;
  });
  return { ...graph, nodes, initializers };
}

function constantTensor(node: Parameters<typeof tensorAttribute>[0]): OnnxTensor | undefined {
  const tensor = tensorAttribute(node, 'value');
  if (tensor !== undefined) return tensor;
  const floats = floatsAttribute(node, 'value_floats');
  if (floats !== undefined) return OnnxTensor.float32([floats.length], floats);
  const ints = intsAttribute(node, 'value_ints');
  if (ints !== undefined) return OnnxTensor.int64([ints.length], ints);
  if ('value_float' in node.attributes) return OnnxTensor.float32([], [floatAttribute(node, 'value_float', 0)]);
  return 'value_int' in node.attributes ? OnnxTensor.int64([], [intAttribute(node, 'value_int', 0)]) : undefined;
}
