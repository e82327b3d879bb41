import type { Value } from '../../onnx/builder.js';
import type { OnnxNode } from '../../onnx/model.js';
import { floatAttribute, intAttribute } from '../../onnx/model.js';
import { traitsOf } from '../../onnx/operators.js';
import { DataType, sizeOf } from '../../onnx/tensor.js';
import { addConvolution } from './blocked-convolution.js';
import type { BlockedGraph, BlockedRule } from './blocked-graph.js';
import { perChannel } from './blocked-weights.js';

/** What an operand of an elementwise operator is. A `whole` operand may have one image for all. */
type Kind = 'none' | 'number' | 'whole' | 'plane' | 'channels';

/** Operators that may give infinity or NaN for finite numbers. They are not used if channels were added to fill the last block. */
const UNSAFE: readonly string[] = ['Div', 'Pow', 'Exp', 'Sqrt'];

/**
 * Elementwise operators on tensors of one shape, scalars, planes [H, W] or [N, 1, H, W] that are the same for all channels, and
 * factors [1, C, 1, 1].
 */
export const elementwise: BlockedRule = (node, graph, done) => {
  const [output] = node.outputs;
  const dims = graph.mapDims(output);
  if (dims === undefined || !node.inputs.some((name) => graph.isBlocked(name))) return false;
  const [, c] = dims;
  if (!graph.fills(c) && UNSAFE.includes(node.op)) return false;
  // Integers cannot be converted.
  if (node.op === 'Cast' && !isTruth(node) && intAttribute(node, 'to', DataType.float32) !== DataType.float32) return false;
  const kinds = node.inputs.map((name) => kindOf(graph, name, output));
  if (kinds.includes('channels')) return scaled(node, kinds, graph, done);
  if (kinds.includes(undefined)) return false;
  const planes = kinds.includes('plane');
  const { builder: b, block } = graph;
  const inputs = node.inputs.map((name, i): Value => {
    if (kinds[i] === 'whole') return planes ? graph.split(graph.blocked(name), c) : graph.blocked(name);
    // The numbers of a block are next to each other. Repeated for them, a plane is multiplied row by row.
    if (kinds[i] === 'plane') {
      const single = b.unsqueeze(graph.plain(name), graph.dims(name)!.length === 2 ? [0, 1, 4] : [4]);
      return b.expand(single, b.ints([1, 1, 1, 1, block]));
    }
    return name === '' ? '' : graph.plain(name);
  });
  const made = graph.nodeLike(node, inputs);
  // Booleans cannot be converted. If they are needed in the plain layout, they are computed again.
  graph.setBlocked(output, planes ? graph.joined(made, c) : made, isTruth(node) ? () => { graph.keep(node); } : undefined);
  return true;
};

function kindOf(graph: BlockedGraph, name: string, output: string): Kind | undefined {
  if (name === '') return 'none';
  const own = graph.dims(name);
  if (own === undefined) return undefined;
  const known = graph.fixedDims(name);
  if (known !== undefined && sizeOf(known) === 1) return 'number';
  const [n, c] = graph.mapDims(output)!;
  if (own.length === 2) return graph.sameLastDims(name, output, 2) ? 'plane' : undefined;
  if (own.length !== 4) return undefined;
  if (graph.sameLastDims(name, output, own[0] === 1 ? 3 : 4)) return graph.canBeBlocked(name) ? 'whole' : undefined;
  if (own[1] === 1 && graph.sameLastDims(name, output, 2) && (own[0] === 1 || own[0] === n)) return 'plane';
  return known?.join() === `1,${c},1,1` ? 'channels' : undefined;
}

/** A product with one factor per channel: a depthwise convolution. */
function scaled(node: OnnxNode, kinds: readonly (Kind | undefined)[], graph: BlockedGraph, done: Set<OnnxNode>): boolean {
  const [whole, factors] = (['whole', 'channels'] as const).map((kind) => node.inputs[kinds.indexOf(kind)] as string | undefined);
  if (node.op !== 'Mul' || whole === undefined || factors === undefined) return false;
  const [n, c] = graph.mapDims(whole)!;
  if (n !== graph.mapDims(node.outputs[0])![0] || !(graph.fills(c) || graph.stored(factors) !== undefined)) return false;
  const stored = graph.stored(factors);
  const values = stored === undefined ? graph.plain(factors) : perChannel(graph, stored.toFloat32());
  addScaling(graph, done, node, whole, values, '');
  return true;
}

/** Multiplies each channel of x by a factor and adds an offset (or '' for none): a depthwise convolution of 1x1. */
function addScaling(graph: BlockedGraph, done: Set<OnnxNode>, node: OnnxNode, x: string, factors: Value, offsets: Value): void {
  const channels = graph.wholeChannels(graph.mapDims(x)![1]);
  addConvolution(graph, done, node, [graph.blocked(x), graph.builder.reshape(factors, [channels, 1, 1, 1]), offsets], {
    kernel_shape: { kind: 'ints', value: [1, 1] }, group: { kind: 'int', value: channels },
  });
}

function isTruth(node: OnnxNode): boolean {
  return traitsOf(node).result === 'bool' || intAttribute(node, 'to', 1) === DataType.bool;
}

/** A normalisation with fixed statistics: a depthwise convolution. */
export const batchNormalization: BlockedRule = (node, graph, done) => {
  const [x, ...parameters] = node.inputs;
  const dims = graph.mapDims(x);
  const stored = parameters.map((name) => graph.stored(name)?.toFloat32());
  if (dims === undefined || !graph.isBlocked(x) || node.outputs.length > 1 || !stored.every((values) => values !== undefined)) return false;
  const [scale, bias, mean, variance] = stored;
  const factors = scale.map((value, i) => value / Math.sqrt(variance[i] + floatAttribute(node, 'epsilon', 1e-5)));
  const offsets = bias.map((value, i) => value - mean[i] * factors[i]);
  addScaling(graph, done, node, x, perChannel(graph, factors), perChannel(graph, offsets));
  return true;
};
