import { intAttribute, stringAttribute } from '../../onnx/model.js';
import { traitsOf } from '../../onnx/operators.js';
import type { BlockedRule } from './blocked-graph.js';

/** The same tensor under another name. */
export const identity: BlockedRule = ({ inputs: [x], outputs: [y] }, graph) => {
  if (!graph.isBlocked(x) || graph.mapDims(x) === undefined) return false;
  graph.setBlocked(y, graph.blocked(x));
  return true;
};

/** Joins or splits images and channels, [N, C, H, W] <-> [1, N C, H, W]. Their order in blocks is the same. */
export const reshape: BlockedRule = (node, graph) => {
  const [x] = node.inputs;
  const [output] = node.outputs;
  const [from, to] = [graph.fixedDims(x), graph.fixedDims(output)];
  if (from?.length !== 4 || to?.length !== 4 || !graph.fills(from[1]) || !graph.fills(to[1]) || !graph.isBlocked(x)) return false;
  if (from[2] !== to[2] || from[3] !== to[3]) return false;
  graph.setBlocked(output, graph.builder.reshape(graph.blocked(x), to), () => { graph.keep(node); });
  return true;
};

/** Slices rows and columns, or whole blocks of channels. */
export const slice: BlockedRule = (node, graph) => {
  const [x, starts, ends, axesName, steps] = node.inputs;
  const [output] = node.outputs;
  const dims = graph.mapDims(x);
  if (dims === undefined || graph.mapDims(output) === undefined || !graph.isBlocked(x)) return false;
  const axes = graph.values(axesName)?.join();
  const rows = axes === '2,3';
  const blocks = axes === '1' && steps === undefined && [starts, ends].every((name) => graph.fills(graph.values(name)?.[0] ?? NaN));
  if (!rows && !(blocks && graph.fills(dims[1]))) return false;
  for (const name of [starts, ends, axesName, steps]) if (name) graph.plain(name);
  const parts = [starts, ends, axesName, ...steps ? [steps] : []];
  const twin = graph.blocked(x);
  graph.setBlocked(output, blocks
    ? graph.builder.node('Slice', [twin, ...parts])
    : graph.joined(graph.builder.node('Slice', [graph.split(twin, dims[1]), ...parts]), dims[1]));
  return true;
};

/** Joins whole blocks of channels. */
export const concat: BlockedRule = (node, graph) => {
  const channels = node.inputs.map((name) => graph.mapDims(name)?.[1] ?? NaN);
  if (intAttribute(node, 'axis', 0) !== 1 || !channels.every((count) => graph.fills(count))) return false;
  if (!node.inputs.some((name) => graph.isBlocked(name)) || !node.inputs.every((name) => graph.canBeBlocked(name))) return false;
  graph.setBlocked(node.outputs[0], graph.builder.concat(node.inputs.map((name) => graph.blocked(name)), 1));
  return true;
};

/** Adds columns of zeros before and after every row. */
export const pad: BlockedRule = (node, graph) => {
  const [x, sizes] = node.inputs;
  const [from, to] = [graph.fixedDims(x), graph.fixedDims(node.outputs[0])];
  const pads = graph.values(sizes);
  if (from?.length !== 4 || to === undefined || !graph.fills(from[1]) || !graph.isBlocked(x)) return false;
  if (pads?.length !== 8 || node.inputs.length > 2) return false;
  if (stringAttribute(node, 'mode', 'constant') !== 'constant' || pads.some((size, i) => size < 0 || (size > 0 && i % 4 !== 3))) return false;
  const { builder: b, block } = graph;
  const [n, c, h, w] = from;
  const rows = b.reshape(graph.blocked(x), [n * c / block * h, w * block]);
  graph.setBlocked(node.outputs[0], b.reshape(b.pad(rows, b.ints([0, pads[3] * block, 0, pads[7] * block])), to));
  return true;
};

/** The shape of a tensor that is in blocks, without a conversion. */
export const shape: BlockedRule = (node, graph) => {
  const source = graph.shapeSource(node.inputs[0]);
  const dims = graph.mapDims(source);
  const withoutChannels = intAttribute(node, 'start', 0) >= 2 || intAttribute(node, 'end', 4) === 1;
  const known = dims !== undefined && graph.isBlocked(source) && (graph.fills(dims[1]) || withoutChannels);
  if (!known && source === node.inputs[0]) return false;
  graph.rename(graph.nodeLike(node, [known ? graph.blocked(source) : graph.plain(source)]), node.outputs[0]);
  return true;
};

/** Repeats one number per channel for all positions, as the gradient of a mean does. */
export const expand: BlockedRule = (node, graph) => {
  const [x, size] = node.inputs;
  const [output] = node.outputs;
  const [from, to] = [graph.mapDims(x), graph.mapDims(output)];
  if (from?.[2] !== 1 || from[3] !== 1 || to?.[1] !== from[1] || !graph.fills(to[1])) return false;
  if (!graph.readersOf(output).some((reader) => traitsOf(reader).inBlocks === true)) return false;
  const { builder: b, block } = graph;
  // On a map of 1x1, both layouts are the same.
  const perBlock = b.reshape(graph.plain(x), [0, to[1] / block, 1, 1, block]);
  const plain = graph.plain(size);
  const images = b.slice(plain, b.ints([0]), b.ints([1]), [0]);
  const positions = b.slice(plain, b.ints([2]), b.ints([4]), [0]);
  const repeated = b.expand(perBlock, b.concat([images, b.ints([1]), positions, b.ints([1])], 0));
  graph.setBlocked(output, graph.joined(repeated, to[1]));
  return true;
};
