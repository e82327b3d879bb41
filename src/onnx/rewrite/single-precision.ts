import { outputType } from '../shapes/element-types.js';
import type { Attribute, OnnxGraph, OnnxNode } from '../model.js';
import { constantTensor, intAttribute } from '../model.js';
import { DataType, OnnxTensor } from '../tensor.js';

const shortFloats: readonly DataType[] = [DataType.float16, DataType.bfloat16];

/**
 * Converts a graph that computes in half precision (float16, bfloat16), or that takes images in double precision, to float32:
 * its weights, constants and image input. Casts between floats are removed. Tensors keep their names. Doubles in a graph for
 * float32 images are not converted, because they are used for sizes.
 *
 * @returns the graph itself if there is nothing to convert
 */
export function inSinglePrecision(graph: OnnxGraph): OnnxGraph {
  const types = elementTypes(graph);
  const doubles = graph.inputs.some(({ type }) => type === DataType.float64);
  const converted = (type: DataType): boolean => shortFloats.includes(type) || (doubles && type === DataType.float64);
  if (![...types.values()].some(converted)) return graph;
  const convert = (type: DataType): DataType => (converted(type) ? DataType.float32 : type);
  const widen = (tensor: OnnxTensor): OnnxTensor => (converted(tensor.type) ? OnnxTensor.float32(tensor.dims, tensor.toFloat32()) : tensor);
  const aliases = new Map<string, string>();
  const rename = (name: string): string => aliases.get(name) ?? name;
  const nodes = graph.nodes.map((given): OnnxNode => {
    const node = { ...given, inputs: given.inputs.map(rename), attributes: convertedAttributes(given, convert, widen) };
    const [from, to] = [given.inputs[0], given.outputs[0]].map((name) => convert(types.get(name) ?? 0));
    if ((node.op !== 'Cast' && node.op !== 'CastLike') || from !== DataType.float32 || to !== DataType.float32) return node;
    // Its readers read its input instead. It stays in case it is named by the user. (Folding gives its name to a constant.)
    if (!graph.initializers.has(node.inputs[0])) aliases.set(node.outputs[0], node.inputs[0]);
    return { ...node, op: 'Identity', inputs: [node.inputs[0]], attributes: {} };
  });
  return {
    ...graph, nodes,
    initializers: new Map([...graph.initializers].map(([name, tensor]) => [name, widen(tensor)])),
    inputs: graph.inputs.map((input) => ({ ...input, type: convert(input.type) })),
    outputs: graph.outputs.map((output) => ({ ...output, type: convert(output.type) })),
  };
}

function elementTypes(graph: OnnxGraph): Map<string, DataType> {
  const types = new Map<string, DataType>();
  for (const [name, { type }] of graph.initializers) types.set(name, type);
  for (const { name, type } of graph.inputs) types.set(name, type);
  for (const node of graph.nodes) {
    if (node.domain !== '') continue;
    const inputs = node.inputs.map((name) => types.get(name));
    node.outputs.forEach((name, i) => {
      const type = node.op === 'Constant' ? constantTensor(node)?.type : outputType(node, inputs, i);
      if (type !== undefined) types.set(name, type);
    });
  }
  return types;
}

/** Attributes that are element types. */
const typeAttributes = new Set(['to', 'dtype', 'output_dtype']);

function convertedAttributes(node: OnnxNode, convert: (type: DataType) => DataType, widen: (tensor: OnnxTensor) => OnnxTensor): OnnxNode['attributes'] {
  const entries = Object.entries(node.attributes).map(([name, attribute]): [string, Attribute] => {
    if (attribute.kind === 'tensor') return [name, { kind: 'tensor', value: widen(attribute.value) }];
    return attribute.kind === 'int' && typeAttributes.has(name) ? [name, { kind: 'int', value: convert(intAttribute(node, name, 0)) }] : [name, attribute];
  });
  return Object.fromEntries(entries);
}
