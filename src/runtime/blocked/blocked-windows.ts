import { intAttribute, stringAttribute } from '../../onnx/model.js';
import type { OnnxNode } from '../../onnx/model.js';
import { ceilMode } from '../../onnx/shapes/window.js';
import { DataType } from '../../onnx/tensor.js';
import type { BlockedGraph, BlockedRule } from './blocked-graph.js';

/**
 * A sum over images and positions, [N, C, H, W] -> [C], as for the gradient of a bias; over images only; over positions only; or
 * over channels, [N, C, H, W] -> [N, 1, H, W], as for a map.
 */
export const sum: BlockedRule = (node, graph) => {
  const [x, axesName] = node.inputs;
  const dims = graph.mapDims(x);
  if (dims === undefined || !graph.isBlocked(x)) return false;
  const axes = graph.values(axesName)?.join();
  const keeps = intAttribute(node, 'keepdims', 1) === 1;
  const { builder: b } = graph;
  const [n, c, h, w] = dims;
  const [output] = node.outputs;
  if (axes === '0,2,3' && !keeps && n !== null && h !== null && w !== null && graph.fills(c)) {
    // In the runtime, means over positions are faster than sums. A single position has the plain layout.
    const means = b.reshape(graph.node('GlobalAveragePool', [graph.blocked(x)], {}), [n, c]);
    graph.rename(b.mul(b.reduceSum(means, [0], false), b.floats(h * w)), output);
    return true;
  }
  if (!keeps) return false;
  if (axes === '1' && graph.fills(c)) {
    // Whole blocks first, and then the few numbers that are left in a block. With one image, the runtime's sum over the first axis is
    // slow, so blocks are summed in groups.
    const blocks = c / graph.block;
    const groups = [2, 3, 5, 7].find((count) => blocks % count === 0 && blocks > count) ?? 1;
    const parts = b.reduceSum(b.reshape(graph.split(graph.blocked(x), c), [-1, blocks / groups, 0, 0, 0]), [1]);
    const perPlace = groups === 1 ? parts : b.reduceSum(b.reshape(parts, [-1, groups, 0, 0, 0]), [1]);
    graph.rename(b.reduceSum(perPlace, [4], false), output);
    return true;
  }
  if (axes === '2,3') {
    const size = b.cast(b.node('ReduceProd', [b.shape(graph.blocked(x), 2, 4)], { keepdims: 1 }), DataType.float32);
    graph.setBlocked(output, b.mul(graph.node('GlobalAveragePool', [graph.blocked(x)], {}), size));
    return true;
  }
  if (axes !== '0') return false;
  graph.setBlocked(output, b.reduceSum(graph.blocked(x), [0]));
  return true;
};

/** A mean over all positions. */
export const mean: BlockedRule = (node, graph) => {
  const { inputs: [x, axes], outputs: [y] } = node;
  if (graph.values(axes)?.join() !== '2,3') return false;
  if (intAttribute(node, 'keepdims', 1) === 1) return globalPool(node, graph);
  const channels = graph.mapDims(x)?.[1];
  if (channels === undefined || !graph.isBlocked(x)) return false;
  const means = graph.node('GlobalAveragePool', [graph.blocked(x)], {});
  graph.rename(graph.builder.squeeze(graph.node('ReorderOutput', [means], { channels: { kind: 'int', value: channels } }), [2, 3]), y);
  return true;
};

export const globalAveragePool: BlockedRule = (node, graph) => globalPool(node, graph);

function globalPool({ inputs: [x], outputs: [y] }: OnnxNode, graph: BlockedGraph): boolean {
  if (graph.mapDims(x) === undefined || !graph.isBlocked(x)) return false;
  graph.setBlocked(y, graph.node('GlobalAveragePool', [graph.blocked(x)], {}));
  return true;
}

/** A pool without the positions of its maxima. */
export const pool: BlockedRule = (node, graph) => {
  const [x] = node.inputs;
  const [y, positions = ''] = node.outputs;
  if (positions !== '' || graph.mapDims(x) === undefined || !graph.isBlocked(x)) return false;
  // A mean over a window that reaches beyond the padding is defined in different ways.
  if (node.op === 'AveragePool' && ceilMode(node)) return false;
  graph.setBlocked(y, graph.node(node.op, [graph.blocked(x)], node.attributes));
  return true;
};

/** Repeats every element. */
export const resize: BlockedRule = (node, graph) => {
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
