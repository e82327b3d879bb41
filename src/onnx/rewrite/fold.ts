import { dequantized, quantized } from './dequantize.js';
import { evaluate } from '../shapes/evaluate.js';
import type { OnnxGraph, OnnxNode } from '../model.js';
import { floatAttribute, floatsAttribute, intAttribute, intsAttribute, tensorAttribute } from '../model.js';
import { arrangeRules } from '../shapes/infer-arrange.js';
import { DataType, OnnxTensor } from '../tensor.js';

/** Elements that may be computed in a graph without large weights. */
const ROOM = 2 ** 24;
/** Times the weights of a graph that may be computed: standardising a weight takes five tensors of its size. */
const ROOM_PER_WEIGHT = 16;

/**
 * Computes everything that depends on constants alone, so that a weight is a weight however it was written down: Constant nodes
 * become initializers, weights that are quantised or stored in half precision are widened, those that are computed (as weight
 * standardisation does) are computed once. Operators that are not computed here are left as they are.
 */
export function foldConstants(graph: OnnxGraph): OnnxGraph {
  const initializers = new Map(graph.initializers);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  // A few nodes can ask for more than there is memory.
  let room = Math.max(ROOM, ROOM_PER_WEIGHT * [...initializers.values()].reduce((sum, { size }) => sum + size, 0));
  const nodes = graph.nodes.filter((node) => {
    if (outputs.has(node.outputs[0])) return true;
    const tensors = resultsOrNothing(node, initializers, room);
    if (tensors === undefined || node.outputs.some((name, i) => name !== '' && tensors[i] === undefined)) return true;
    node.outputs.forEach((name, i) => { if (name !== '') initializers.set(name, tensors[i]); });
    if (!views.has(node.op)) room -= tensors.reduce((sum, { size }) => sum + size, 0);
    return false;
  });
  return { ...graph, nodes, initializers };
}

/** Operators whose result is one of their inputs, or a view of it. */
const views = new Set(['Constant', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten']);

/** A node that cannot work on its inputs is left as it is: shape inference tells what is wrong with it. */
function resultsOrNothing(...call: Parameters<typeof constantResults>): ReturnType<typeof constantResults> {
  try {
    return constantResults(...call);
  } catch {
    return undefined;
  }
}

function constantResults(node: OnnxNode, initializers: ReadonlyMap<string, OnnxTensor>, room: number): readonly OnnxTensor[] | undefined {
  if (node.domain !== '') return undefined;
  const single = constantTensor(node) ?? arranged(node, initializers) ?? integerWeight(node, initializers);
  if (single !== undefined) return [single];
  if (node.inputs.length === 0 || !node.inputs.every((name) => name === '' || initializers.has(name))) return undefined;
  return evaluate(node, node.inputs.map((name) => initializers.get(name)), room);
}

function integerWeight(node: OnnxNode, initializers: ReadonlyMap<string, OnnxTensor>): OnnxTensor | undefined {
  if (node.op === 'DequantizeLinear') return dequantized(node, initializers);
  if (node.op === 'QuantizeLinear') return quantized(node, initializers);
  const input = initializers.get(node.inputs[0]);
  const widened = node.op === 'Cast' && input?.type === DataType.float16 && intAttribute(node, 'to', 0) === DataType.float32;
  return widened ? OnnxTensor.float32(input.dims, input.toFloat32()) : undefined;
}

/** The same bytes in another shape: nothing is copied. */
function arranged(node: OnnxNode, initializers: ReadonlyMap<string, OnnxTensor>): OnnxTensor | undefined {
  const input = initializers.get(node.inputs[0]);
  if (input === undefined || !views.has(node.op)) return undefined;
  if (node.op === 'Identity') return input;
  const second = initializers.get(node.inputs[1]);
  if (node.inputs[1] && second === undefined) return undefined;
  const result = arrangeRules[node.op](node, [{ dims: input.dims }, second && { dims: second.dims, values: second.toNumbers() }]);
  return result !== undefined && 'dims' in result ? new OnnxTensor(result.dims, input.type, input.bytes) : undefined;
}

function constantTensor(node: OnnxNode): OnnxTensor | undefined {
  if (node.op !== 'Constant') return undefined;
  const tensor = tensorAttribute(node, 'value');
  if (tensor !== undefined) return tensor;
  const floats = floatsAttribute(node, 'value_floats');
  if (floats !== undefined) return OnnxTensor.float32([floats.length], floats);
  const ints = intsAttribute(node, 'value_ints');
  if (ints !== undefined) return OnnxTensor.int64([ints.length], ints);
  if ('value_float' in node.attributes) return OnnxTensor.float32([], [floatAttribute(node, 'value_float', 0)]);
  return 'value_int' in node.attributes ? OnnxTensor.int64([], [intAttribute(node, 'value_int', 0)]) : undefined;
}
