import type { Attribute, OnnxGraph, OnnxNode } from '../model.js';
import { intsAttribute } from '../model.js';
import { traitsOf } from '../operators.js';
import { OnnxTensor } from '../tensor.js';

/**
 * Rewrites windows along one axis, [N, C, L], as windows over planes of one row, [N, C, 1, L], so that later code only needs to
 * know two-dimensional windows. Examples are convolutions along channels (ECA attention) or along tokens. Tensors keep their names.
 *
 * @param graph with its constants folded; convolutions with computed weights are left as they are
 */
export function withPlanes(graph: OnnxGraph): OnnxGraph {
  if (!graph.nodes.some((node) => isLinear(node, graph))) return graph;
  const initializers = new Map(graph.initializers);
  initializers.set('planes/axis', OnnxTensor.int64([1], [2]));
  const nodes = graph.nodes.flatMap((node): OnnxNode | OnnxNode[] => {
    if (!isLinear(node, graph)) return node;
    const [x, weights, ...bias] = node.inputs;
    const [y, ...others] = node.outputs;
    const name = (part: string): string => `planes/${y}/${part}`;
    const inputs = [name('input')];
    if (node.op === 'Conv') {
      const { dims: [m, perGroup, length], type, bytes } = graph.initializers.get(weights)!;
      initializers.set(name('weights'), new OnnxTensor([m, perGroup, 1, length], type, bytes));
      inputs.push(name('weights'), ...bias);
    }
    return [
      rearrange('Unsqueeze', x, name('input')),
      { ...node, inputs, outputs: [name('output'), ...others], attributes: overPlanes(node) },
      rearrange('Squeeze', name('output'), y),
    ];
  });
  return { ...graph, nodes, initializers };
}

function isLinear(node: OnnxNode, { initializers }: OnnxGraph): boolean {
  if (traitsOf(node).form !== 'window') return false;
  return node.op === 'Conv' ? initializers.get(node.inputs[1])?.dims.length === 3 : intsAttribute(node, 'kernel_shape')?.length === 1;
}

function rearrange(op: 'Squeeze' | 'Unsqueeze', input: string, output: string): OnnxNode {
  return { name: output, op, domain: '', inputs: [input, 'planes/axis'], outputs: [output], attributes: {} };
}

/** The attributes of a window with an axis of size 1 added in front. */
function overPlanes(node: OnnxNode): OnnxNode['attributes'] {
  const first: Readonly<Record<string, number>> = { kernel_shape: 1, strides: 1, dilations: 1 };
  const entries = Object.entries(node.attributes).map(([name, attribute]): [string, Attribute] => {
    if (attribute.kind !== 'ints') return [name, attribute];
    if (name === 'pads') return [name, { kind: 'ints', value: [0, attribute.value[0], 0, attribute.value[1]] }];
    return [name, Object.hasOwn(first, name) ? { kind: 'ints', value: [first[name], ...attribute.value] } : attribute];
  });
  return Object.fromEntries(entries);
}
