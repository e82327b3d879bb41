import type { BlockedRule } from './blocked-graph.js';
import { inferShapes } from '../../onnx/shapes/infer.js';
import type { TensorInfo } from '../../onnx/shapes/tensor-info.js';
import type { OnnxModel } from '../../onnx/model.js';
import { ancestors } from '../../onnx/model.js';
import { traitsOf } from '../../onnx/operators.js';
import { concat, expand, identity, pad, reshape, shape, slice } from './blocked-arranging.js';
import { BlockedGraph } from './blocked-graph.js';
import { convolution } from './blocked-convolution.js';
import { batchNormalization, elementwise } from './blocked-elementwise.js';
import { globalAveragePool, mean, pool, resize, sum } from './blocked-windows.js';

/**
 * Rewrites a graph for ONNX Runtime's blocked layout, [N, C / block, H, W, block], in which the values of `block` channels are
 * adjacent. Convolutions, especially depthwise ones, are several times faster there than in the plain layout. The runtime does this
 * by itself if weights are constants, but then converts every feature map that another operator reads. Here such operators are
 * computed in blocks too, and weights may be inputs, which the graph rearranges.
 *
 * Convolutions, elementwise operators, pools, sums, channels that are joined or cut, and nearest-neighbour upsampling are computed in
 * blocks. Tensors are converted if other operators read them. The graph computes the same function, except for rounding.
 *
 * @param model its inputs must have declared shapes without free dimensions, unless `known` is given
 * @param block the number of channels in a block, which depends on the processor, see `channelBlock`
 * @param known the shapes of its tensors for two or more sizes of its inputs, in which every free dimension differs. A dimension that is
 *   the same for all of them is taken to be fixed, and two tensors whose shapes are the same for all to have the same shape
 */
export function blockedLayout(model: OnnxModel, block: number, known?: readonly ReadonlyMap<string, TensorInfo>[]): OnnxModel {
  const { graph } = model;
  const declared = (): ReadonlyMap<string, TensorInfo> => (
    inferShapes(graph, new Map(graph.inputs.map((input) => [input.name, input.shape as readonly number[]]))));
  const blocked = new BlockedGraph(model, block, known ?? [declared()]);
  const done = new Set<typeof graph.nodes[number]>();
  for (const node of graph.nodes) {
    if (done.has(node)) continue;
    const rule = traitsOf(node).inBlocks === true ? elementwise : node.domain === '' ? rules.get(node.op) : undefined;
    if (!blocked.settle(node) && (rule === undefined || !rule(node, blocked, done))) blocked.keep(node);
    blocked.finish(node);
  }
  const result = blocked.finished();
  const outputs = graph.outputs.map(({ name }) => name);
  // Remove nodes that only replaced nodes needed, and weights that were arranged.
  const nodes = ancestors(result.graph.nodes, outputs);
  const read = new Set([...outputs, ...nodes.flatMap(({ inputs }) => inputs)]);
  return { ...result, graph: { ...result.graph, nodes, initializers: new Map([...result.graph.initializers].filter(([name]) => read.has(name))) } };
}

/** The rules of operators that are not elementwise. */
const rules: ReadonlyMap<string, BlockedRule> = new Map([
  ['Conv', convolution], ['BatchNormalization', batchNormalization],
  ['MaxPool', pool], ['AveragePool', pool], ['GlobalAveragePool', globalAveragePool], ['Resize', resize],
  ['ReduceSum', sum], ['ReduceMean', mean],
  ['Reshape', reshape], ['Slice', slice], ['Concat', concat], ['Pad', pad], ['Shape', shape], ['Expand', expand], ['Identity', identity],
]);
