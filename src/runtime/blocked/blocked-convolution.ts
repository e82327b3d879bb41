import type { Value } from '../../onnx/builder.js';
import type { Attributes, OnnxNode } from '../../onnx/model.js';
import { intAttribute, intsAttribute, withoutAttributes } from '../../onnx/model.js';
import type { BlockedGraph, BlockedRule } from './blocked-graph.js';

/** A convolution, together with the activation after it if nothing else reads its result. */
export const convolution: BlockedRule = (node, graph, done) => {
  const [x, w, bias] = node.inputs;
  const [y] = node.outputs;
  const [from, to, weights] = [graph.dims(x), graph.mapDims(y), graph.dims(w)];
  if (from?.length !== 4 || to === undefined || weights === undefined) return false;
  const { block } = graph;
  const group = intAttribute(node, 'group', 1);
  const [m, perGroup, ...kernel] = weights;
  const image = group === 1 && perGroup < block;
  const depthwise = perGroup === 1 && group === m;
  const whole = perGroup % block === 0 && (m / group) % block === 0;
  // On a map of 1x1 it is a matrix product, which would not be faster.
  const extent = from[2] * from[3] > 1;
  if (!extent || !(image || depthwise || whole)) return false;
  const filter = whole && !depthwise ? both(graph, w) : outputs(graph, w);
  const { result, fused } = activation(graph, y);
  if (fused !== undefined) done.add(fused.node);
  const input = image ? graph.plain(x) : graph.blocked(x);
  const twin = graph.node('Conv', [input, filter, ...(bias ? [graph.plain(bias)] : [])], {
    ...withoutAttributes(node.attributes, 'kernel_shape'), kernel_shape: { kind: 'ints', value: kernel }, ...fused?.attributes,
  });
  graph.setBlocked(result, twin);
  return true;
};

/** The activation that can be fused into a convolution, if there is one. */
function activation(graph: BlockedGraph, y: string): { result: string; fused?: { node: OnnxNode; attributes: Attributes } } {
  const reader = graph.onlyReader(y);
  if (reader === undefined || reader.domain !== '') return { result: y };
  const [result] = reader.outputs;
  const named = (name: string): Attributes => ({ activation: { kind: 'string', value: name } });
  if (reader.op === 'Relu') return { result, fused: { node: reader, attributes: named('Relu') } };
  const [low, high] = reader.inputs.slice(1).map((name) => graph.values(name));
  if (reader.op !== 'Clip' || low?.length !== 1 || high?.length !== 1) return { result: y };
  return { result, fused: { node: reader, attributes: { ...named('Clip'), activation_params: { kind: 'floats', value: [low[0], high[0]] } } } };
}

/** Weights with input and output channels in blocks: [M / block, C / group / block, kH, kW, block of C, block of M]. */
function both(graph: BlockedGraph, w: string): Value {
  const { builder: b, block } = graph;
  const dims = graph.dims(w)!;
  const [m, c, kH, kW] = dims;
  const taps = kH * kW;
  if (taps > 1) {
    return b.reshape(b.transpose(b.reshape(graph.plain(w), [m / block, block, c / block, block, taps]), [0, 2, 4, 3, 1]), dims);
  }
  const maker = graph.maker(w);
  const swapped = maker?.op === 'Transpose' && intsAttribute(maker, 'perm')?.join() === '1,0,2,3';
  // A matrix in blocks of M is converted like a feature map with C positions; if it is stored as [C, M], with channels last.
  return swapped
    ? b.reshape(graph.node('ReorderInput', [b.reshape(graph.plain(maker.inputs[0]), [1, c, 1, m])], { channels_last: { kind: 'int', value: 1 } }), dims)
    : b.reshape(graph.node('ReorderInput', [b.reshape(graph.plain(w), [1, m, c, 1])], {}), dims);
}

/** Weights with output channels in blocks, [M / block, C / group, kH, kW, block]: for depthwise convolutions, or images with few channels. */
function outputs(graph: BlockedGraph, w: string): Value {
  const { builder: b } = graph;
  const dims = graph.dims(w)!;
  const [m, c, kH, kW] = dims;
  const maker = graph.maker(w);
  if (c === 1 && maker?.op === 'Reshape' && graph.isBlocked(maker.inputs[0])) {
    const source = graph.dims(maker.inputs[0])!;
    // A feature map is used as a kernel. In blocks, its layout is that of depthwise kernels.
    if (source[2] === kH && source[3] === kW) return b.reshape(graph.blocked(maker.inputs[0]), dims);
  }
  return b.reshape(graph.node('ReorderInput', [b.reshape(graph.plain(w), [1, m, c * kH * kW, 1])], {}), dims);
}
