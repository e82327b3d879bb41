import type { BlockedRule } from './blocked-graph.js';
import type { Value } from '../../onnx/builder.js';
import { inferShapes } from '../../onnx/shapes/infer.js';
import type { OnnxModel, OnnxNode } from '../../onnx/model.js';
import { ancestors, intAttribute, stringAttribute } from '../../onnx/model.js';
import { traitsOf } from '../../onnx/operators.js';
import { DataType, sizeOf } from '../../onnx/tensor.js';
import { BlockedGraph } from './blocked-graph.js';
import { convolution } from './blocked-convolution.js';

/**
 * Rewrites a graph of known sizes for ONNX Runtime's blocked layout, [N, C / block, H, W, block], in which the values of `block`
 * channels are adjacent. Convolutions, especially depthwise ones, are several times faster there than in the plain layout. The
 * runtime does this by itself if weights are constants. Here they may be inputs, which the graph rearranges.
 *
 * Convolutions, elementwise operators, sums over positions and nearest-neighbour upsampling are computed in blocks. Tensors are
 * converted if other operators read them. The graph computes the same function, except for rounding.
 *
 * @param model its inputs must have declared shapes without free dimensions
 * @param block the number of channels in a block, which depends on the processor, see `channelBlock`
 */
export function blockedLayout(model: OnnxModel, block: number): OnnxModel {
  const { graph } = model;
  const inputs = new Map(graph.inputs.map(({ name, shape }) => [name, shape as readonly number[]]));
  const blocked = new BlockedGraph(model, block, inferShapes(graph, inputs));
  const done = new Set<OnnxNode>();
  for (const node of graph.nodes) {
    if (done.has(node) || blocked.settle(node)) continue;
    const rule = traitsOf(node).inBlocks === true ? elementwise : node.domain === '' ? rules.get(node.op) : undefined;
    if (rule === undefined || !rule(node, blocked, done)) blocked.keep(node);
  }
  const result = blocked.finished();
  const outputs = graph.outputs.map(({ name }) => name);
  // Remove nodes that only replaced nodes needed.
  return { ...result, graph: { ...result.graph, nodes: ancestors(result.graph.nodes, outputs) } };
}

/** Elementwise operators on tensors of one shape, scalars, and planes [H, W] or [1, 1, H, W] that are the same for all channels. */
const elementwise: BlockedRule = (node, graph) => {
  const [output] = node.outputs;
  const dims = graph.mapDims(output);
  if (dims === undefined || !node.inputs.some((name) => graph.isBlocked(name))) return false;
  const [n, c, h, w] = dims;
  const kinds = node.inputs.map((name) => {
    const own = graph.dims(name);
    if (name === '') return 'none';
    if (own === undefined) return undefined;
    if (own.join() === dims.join()) return graph.canBeBlocked(name) ? 'whole' : undefined;
    if (sizeOf(own) === 1) return 'number';
    return own.slice(-2).join() === `${h},${w}` && sizeOf(own) === h * w ? 'plane' : undefined;
  });
  if (kinds.includes(undefined)) return false;
  const { builder: b, block } = graph;
  const rows = kinds.includes('plane') ? [n * c / block, h * w * block] : undefined;
  const inputs = node.inputs.map((name, i): Value => {
    if (kinds[i] === 'whole') return rows === undefined ? graph.blocked(name) : b.reshape(graph.blocked(name), rows);
    if (kinds[i] === 'plane') return b.reshape(b.expand(b.reshape(graph.plain(name), [h * w, 1]), b.ints([h * w, block])), [h * w * block]);
    return name === '' ? '' : graph.plain(name);
  });
  const made = b.node(node.op, inputs);
  b.nodes[b.nodes.length - 1] = { ...b.nodes[b.nodes.length - 1], attributes: node.attributes };
  // Booleans cannot be converted. If they are needed in the plain layout, they are computed again.
  graph.setBlocked(output, rows === undefined ? made : b.reshape(made, dims), isTruth(node) ? () => { graph.keep(node); } : undefined);
  return true;
};

function isTruth(node: OnnxNode): boolean {
  return traitsOf(node).result === 'bool' || intAttribute(node, 'to', 1) === DataType.bool;
}

/** A sum over images and positions, [N, C, H, W] -> [C], as for the gradient of a bias; or a sum over images only. */
const sum: BlockedRule = (node, graph) => {
  const [x, axesName] = node.inputs;
  const dims = graph.mapDims(x);
  if (dims === undefined || !graph.isBlocked(x)) return false;
  const axes = graph.values(axesName)?.join();
  const keeps = intAttribute(node, 'keepdims', 1) === 1;
  const { builder: b } = graph;
  const [n, c, h, w] = dims;
  if (axes === '0,2,3' && !keeps) {
    // In the runtime, means over positions are faster than sums. A single position has the plain layout.
    const means = b.reshape(graph.node('GlobalAveragePool', [graph.blocked(x)], {}), [n, c]);
    rename(graph, b.mul(b.reduceSum(means, [0], false), b.floats(h * w)), node.outputs[0]);
    return true;
  }
  if (axes !== '0' || !keeps) return false;
  graph.setBlocked(node.outputs[0], b.reduceSum(graph.blocked(x), [0]));
  return true;
};

function rename({ builder: { nodes } }: BlockedGraph, value: Value, name: string): void {
  const last = nodes[nodes.length - 1];
  if (last.outputs[0] !== value) throw new Error(`${value} was not made by the last node`);
  nodes[nodes.length - 1] = { ...last, outputs: [name] };
}

/** Joins or splits images and channels, [N, C, H, W] <-> [1, N C, H, W]. Their order in blocks is the same. */
const reshape: BlockedRule = (node, graph) => {
  const [x] = node.inputs;
  const [from, to] = [graph.mapDims(x), graph.mapDims(node.outputs[0])];
  if (from === undefined || to === undefined || !graph.isBlocked(x)) return false;
  if (from[2] !== to[2] || from[3] !== to[3]) return false;
  graph.setBlocked(node.outputs[0], graph.builder.reshape(graph.blocked(x), to), () => { graph.keep(node); });
  return true;
};

/** Repeats every element. */
const resize: BlockedRule = (node, graph) => {
  const [x, , scales] = node.inputs;
  const factors = graph.values(scales);
  if (factors === undefined || !graph.isBlocked(x) || !factors.every(Number.isInteger) || factors[0] !== 1 || factors[1] !== 1) return false;
  const nearest = stringAttribute(node, 'mode', 'nearest') === 'nearest' && stringAttribute(node, 'nearest_mode', '') === 'floor';
  if (!nearest || stringAttribute(node, 'coordinate_transformation_mode', '') !== 'asymmetric') return false;
  graph.setBlocked(node.outputs[0], graph.node('Upsample', [graph.blocked(x)], {
    scales: { kind: 'ints', value: factors }, mode: { kind: 'string', value: 'nearest' },
  }));
  return true;
};

/** Slices rows and columns. */
const slice: BlockedRule = (node, graph) => {
  const [x, starts, ends, axes, steps] = node.inputs;
  const dims = graph.mapDims(x);
  const to = graph.mapDims(node.outputs[0]);
  if (dims === undefined || to === undefined || !graph.isBlocked(x) || graph.values(axes)?.join() !== '2,3') return false;
  const { builder: b, block } = graph;
  const [n, c, h, w] = dims;
  const inputs = [b.reshape(graph.blocked(x), [n, c / block, h, w, block]), ...[starts, ends, axes, steps].filter((name) => name !== undefined)];
  for (const name of inputs.slice(1)) graph.plain(name);
  graph.setBlocked(node.outputs[0], b.reshape(b.node('Slice', inputs), to));
  return true;
};

/** Adds columns of zeros before and after every row. */
const pad: BlockedRule = (node, graph) => {
  const [x, sizes] = node.inputs;
  const to = graph.mapDims(node.outputs[0]);
  const pads = graph.values(sizes);
  if (to === undefined || pads?.length !== 8 || node.inputs.length > 2 || !graph.isBlocked(x)) return false;
  if (stringAttribute(node, 'mode', 'constant') !== 'constant' || pads.some((size, i) => size < 0 || (size > 0 && i % 4 !== 3))) return false;
  const { builder: b, block } = graph;
  const [n, c, h, w] = graph.mapDims(x)!;
  const rows = b.reshape(graph.blocked(x), [n * c / block * h, w * block]);
  graph.setBlocked(node.outputs[0], b.reshape(b.pad(rows, b.ints([0, pads[3] * block, 0, pads[7] * block])), to));
  return true;
};

/** The rules of operators that are not elementwise. */
const rules: ReadonlyMap<string, BlockedRule> = new Map([
  ['Conv', convolution], ['ReduceSum', sum], ['Reshape', reshape], ['Resize', resize], ['Slice', slice], ['Pad', pad],
]);
