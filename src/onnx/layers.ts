import { UserError } from '../errors.js';
import type { OnnxGraph, OnnxNode } from './model.js';
import { ancestors } from './model.js';
import type { GraphShapes } from './shapes.js';

/** A feature map [N, C, h, w] of a network, at which a class activation map can be taken. */
export interface FeatureLayer {
  /** The tensor's name. */
  readonly name: string;
  /** The operator that makes it. */
  readonly op: string;
  readonly channels: number;
  /** Pixels of the image per cell of the map: the larger of the vertical and the horizontal one. */
  readonly stride: number;
  /** Whether its values cannot be negative (it comes out of a ReLU, or of operators that keep the sign). */
  readonly rectified: boolean;
  /** Whether every path from the image to the logits leads through it. */
  readonly cut: boolean;
}

/**
 * All feature maps on the way from the image to the logits, shallowest first.
 *
 * @param logits the tensor that the network's answer is read from
 */
export function featureLayers(graph: OnnxGraph, shapes: GraphShapes, input: string, logits: string): FeatureLayer[] {
  const path = imagePath(graph, input, logits);
  const rectified = new Set<string>();
  const layers: FeatureLayer[] = [];
  for (const node of path.nodes) {
    const [name] = node.outputs;
    if (keepsPositive(node, rectified, shapes)) rectified.add(name);
    const stride = shapes.stride(name);
    if (stride === undefined) continue;
    layers.push({
      name, op: node.op, channels: shapes.dims(name)![1]!, stride: Math.max(...stride),
      rectified: rectified.has(name), cut: path.cuts.has(name),
    });
  }
  return layers;
}

/** The nodes that carry the image towards the logits, and the tensors that all of its paths lead through. */
function imagePath(graph: OnnxGraph, input: string, logits: string): { nodes: OnnxNode[]; cuts: Set<string> } {
  const fromImage = new Set([input]);
  const nodes = ancestors(graph.nodes, [logits]).filter((node) => {
    // The size of a tensor is not its content.
    if (node.op === 'Shape' || !node.inputs.some((name) => fromImage.has(name))) return false;
    for (const output of node.outputs) fromImage.add(output);
    return true;
  });
  const readers = new Map<string, number>();
  for (const node of nodes) for (const name of node.inputs) if (fromImage.has(name)) readers.set(name, (readers.get(name) ?? 0) + 1);
  // A tensor is a cut when, right after it was made, nothing else that was made before will be read again.
  const cuts = new Set<string>();
  const open = new Set([input]);
  for (const node of nodes) {
    for (const name of node.inputs) {
      if (!fromImage.has(name)) continue;
      const left = readers.get(name)! - 1;
      readers.set(name, left);
      if (left === 0) open.delete(name);
    }
    for (const name of node.outputs) if ((readers.get(name) ?? 0) > 0 || name === logits) open.add(name);
    if (open.size === 1 && open.has(node.outputs[0])) cuts.add(node.outputs[0]);
  }
  return { nodes, cuts };
}

const positive = new Set(['Relu', 'Sigmoid', 'HardSigmoid', 'Softplus', 'Softmax', 'Exp', 'Abs']);
const keepSign = new Set([
  'MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool', 'Concat', 'Add', 'Sum', 'Mul', 'Identity', 'Dropout', 'LRN', 'Split', 'Slice',
  'Reshape', 'Transpose', 'Pad', 'Max',
]);

function keepsPositive(node: OnnxNode, rectified: ReadonlySet<string>, shapes: GraphShapes): boolean {
  if (positive.has(node.op)) return true;
  if (node.op === 'Clip') return (shapes.values(node.inputs[1] ?? '')?.[0] ?? -1) >= 0;
  if (!keepSign.has(node.op)) return false;
  const contents = node.op === 'Concat' || node.op === 'Add' || node.op === 'Sum' || node.op === 'Mul' || node.op === 'Max' ? node.inputs : node.inputs.slice(0, 1);
  return contents.every((name) => rectified.has(name) || (shapes.values(name)?.every((value) => value >= 0) ?? false));
}

/**
 * The layer that a name or an alias stands for. `/16` is the last feature map at stride 16 that is rectified and that
 * every path leads through (the output of a stage); where a network has none such, the last that every path leads
 * through, then the last rectified one, then the last.
 *
 * @throws UserError that lists what there is
 */
export function resolveLayer(layers: readonly FeatureLayer[], wanted: string): FeatureLayer {
  const alias = /^\/(\d+)$/.exec(wanted);
  if (alias === null) {
    const found = layers.find(({ name }) => name === wanted);
    if (found !== undefined) return found;
    throw new UserError(`the model has no feature layer called '${wanted}'`, `one of: ${[...strideAliases(layers).keys()].join(', ')}, or a tensor's name as 'voc-seeds model inspect --all-layers' lists them`);
  }
  const found = strideAliases(layers).get(wanted);
  if (found !== undefined) return found;
  throw new UserError(`the model has no feature layer at stride ${alias[1]}`, `it has ${[...strideAliases(layers).keys()].join(', ')}`);
}

/** The layer of each stride, `/2`, `/4`, ..., as {@link resolveLayer} picks it; shallowest first. */
export function strideAliases(layers: readonly FeatureLayer[]): Map<string, FeatureLayer> {
  const strides = [...new Set(layers.map(({ stride }) => stride))].filter(Number.isInteger).sort((a, b) => a - b);
  return new Map(strides.map((stride) => {
    const group = layers.filter((layer) => layer.stride === stride);
    const best = group.findLast(({ rectified, cut }) => rectified && cut) ?? group.findLast(({ cut }) => cut)
      ?? group.findLast(({ rectified }) => rectified) ?? group.at(-1)!;
    return [`/${stride}`, best];
  }));
}
