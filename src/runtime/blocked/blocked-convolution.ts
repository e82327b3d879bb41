import type { Value } from '../../onnx/builder.js';
import type { Attributes, OnnxNode } from '../../onnx/model.js';
import { intAttribute } from '../../onnx/model.js';
import type { BlockedGraph, BlockedRule } from './blocked-graph.js';
import { perChannel, weightsOfBoth, weightsOfOutputs } from './blocked-weights.js';

/** A convolution, together with an addition and the activation after it if nothing else reads the results before them. */
export const convolution: BlockedRule = (node, graph, done) => {
  const [x, w, bias] = node.inputs;
  const [from, to, weights] = [graph.mapDims(x), graph.mapDims(node.outputs[0]), graph.fixedDims(w)];
  if (from === undefined || to === undefined || weights?.length !== 4) return false;
  const { block } = graph;
  const group = intAttribute(node, 'group', 1);
  const [m, perGroup, ...kernel] = weights;
  const image = group === 1 && perGroup < block;
  const depthwise = perGroup === 1 && group === m;
  const filled = perGroup % block === 0 && (m / group) % block === 0;
  // Only stored numbers can be filled up with zeros.
  const fillable = (group === 1 || depthwise) && [w, ...bias ? [bias] : []].every((name) => graph.stored(name) !== undefined);
  // On a map of 1x1 it is a matrix product, which would not be faster.
  const extent = from[2] !== 1 || from[3] !== 1;
  if (2 * m < block || !extent || !(image || depthwise || filled || fillable)) return false;
  if (!graph.fills(m) && !fillable) return false;
  if (!image && !graph.canBeBlocked(x)) return false;
  const filter = image || depthwise ? weightsOfOutputs(graph, w) : weightsOfBoth(graph, w);
  const offsets = bias ? (graph.fills(m) ? graph.plain(bias) : perChannel(graph, graph.stored(bias)!.toFloat32())) : '';
  addConvolution(graph, done, node, [image ? graph.plain(x) : graph.blocked(x), filter, offsets], {
    ...node.attributes, kernel_shape: { kind: 'ints', value: kernel }, group: { kind: 'int', value: depthwise ? graph.wholeChannels(m) : group },
  });
  return true;
};

/**
 * Adds a convolution in blocks, with what can be fused into it.
 *
 * @param node makes the result in the original graph
 * @param inputs a feature map, weights and a bias or '', in blocks
 */
export function addConvolution(
  graph: BlockedGraph, done: Set<OnnxNode>, node: OnnxNode, inputs: readonly [Value, Value, Value], attributes: Attributes,
): void {
  const [y] = node.outputs;
  const added = addition(graph, y);
  const fused = activation(graph, added?.result ?? y);
  const result = fused?.result ?? added?.result ?? y;
  for (const other of [added, fused]) {
    if (other === undefined) continue;
    done.add(other.node);
    graph.finish(other.node);
  }
  for (const name of [y, added?.result]) if (name !== undefined && name !== result) graph.replace(name, result);
  const all = [...inputs, added === undefined ? '' : graph.blocked(added.other)];
  while (all.at(-1) === '') all.pop();
  graph.setBlocked(result, graph.node('Conv', all, { ...attributes, ...fused?.attributes }));
}

/** A node after a convolution that can be fused into it. */
interface Fused {
  readonly node: OnnxNode;
  readonly result: string;
}

/** The sum of a convolution's result and another feature map of the same shape. */
function addition(graph: BlockedGraph, y: string): Fused & { readonly other: string } | undefined {
  const node = graph.onlyReader(y);
  if (node?.domain !== '' || !['Add', 'Sum'].includes(node.op) || node.inputs.length !== 2) return undefined;
  const [result] = node.outputs;
  const other = node.inputs.find((name) => name !== y);
  if (other === undefined || !graph.isComputed(other) || !graph.canBeBlocked(other)) return undefined;
  return [other, result].every((name) => graph.sameLastDims(name, y, 4)) ? { node, result, other } : undefined;
}

function activation(graph: BlockedGraph, y: string): Fused & { readonly attributes: Attributes } | undefined {
  const reader = graph.onlyReader(y);
  if (reader?.domain !== '') return undefined;
  const [result] = reader.outputs;
  const named = (name: string): Attributes => ({ activation: { kind: 'string', value: name } });
  if (reader.op === 'Relu') return { node: reader, result, attributes: named('Relu') };
  const [low, high] = reader.inputs.slice(1).map((name) => graph.values(name));
  if (reader.op !== 'Clip' || low?.length !== 1 || high?.length !== 1) return undefined;
  return { node: reader, result, attributes: { ...named('Clip'), activation_params: { kind: 'floats', value: [low[0], high[0]] } } };
}
