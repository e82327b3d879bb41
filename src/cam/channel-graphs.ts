import { UserError } from '../errors.js';
import type { Value } from '../onnx/builder.js';
import { GraphBuilder } from '../onnx/builder.js';
import { inferShapes } from '../onnx/shapes/infer.js';
import type { FeatureLayer } from '../classifier/layers.js';
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxValueInfo } from '../onnx/model.js';
import { reachedFrom } from '../onnx/model.js';
import type { Size } from '../size.js';
import { DataType } from '../onnx/tensor.js';
import type { ClassifierGraph } from '../classifier/classifier.js';
import { CAM_LOGITS } from './gradient-graph.js';

/** Inputs of the graphs in this file, in addition to the image and tensors of the network. `cam/logits` is an output of each. */
export const CAM_MASKS = 'cam/masks';
export const CAM_CHANNELS = 'cam/channels';

const floatValue = (name: string, shape: OnnxValueInfo['shape']): OnnxValueInfo => ({ name, type: DataType.float32, shape });

/**
 * The forward pass, which also outputs some of its tensors under their own names: image in, `cam/logits` [1, classes] and the
 * tensors out.
 */
export function buildActivationGraph(classifier: ClassifierGraph, tensors: readonly string[]): OnnxModel {
  const { graph } = classifier.model;
  const b = new GraphBuilder(graph);
  const logits = scoresOf(classifier, b);
  return modelOf(classifier, {
    ...graph, nodes: b.nodes, initializers: b.initializers,
    outputs: [logits, ...tensors.map((name) => floatValue(name, undefined))],
  });
}

/**
 * The classifier of masked images, for Score-CAM: the image [1, 3, H, W] and `cam/masks` [B, 1, h, w] in, `cam/logits`
 * [B, classes] out. Each mask is upsampled bilinearly (half-pixel centres) to H x W, scaled to [0, 1] by its minimum and
 * maximum, and multiplied by the image. A constant mask becomes 0.
 */
export function buildMaskedGraph(classifier: ClassifierGraph): OnnxModel {
  const { model: { graph }, input } = classifier;
  const b = new GraphBuilder(graph);
  b.reserve(CAM_MASKS);
  const size = b.concat([b.shape(CAM_MASKS, 0, 2), b.shape(input.name, 2, 4)], 0);
  const large = b.node('Resize', [CAM_MASKS, '', '', size], { mode: 'linear', coordinate_transformation_mode: 'half_pixel' });
  const least = b.node('ReduceMin', [large, b.ints([2, 3])], { keepdims: 1 });
  const range = b.max(b.sub(b.node('ReduceMax', [large, b.ints([2, 3])], { keepdims: 1 }), least), b.floats(1e-8));
  const masked = b.mul(input.name, b.div(b.sub(large, least), range));
  const before = b.nodes.slice(graph.nodes.length);
  const logits = scoresOf(classifier, b);
  return modelOf(classifier, {
    ...graph, initializers: b.initializers,
    nodes: [...before, ...renamed(graph.nodes, new Map([[input.name, masked]])), ...b.nodes.slice(graph.nodes.length + before.length)],
    inputs: [...graph.inputs, floatValue(CAM_MASKS, ['B', 1, null, null])],
    outputs: [logits],
  });
}

/** The part of a network above a layer. */
export interface AblatedGraph {
  readonly model: OnnxModel;
  /** Other tensors from below the layer that it reads: the image input, or outputs of {@link buildActivationGraph}. */
  readonly carried: readonly string[];
}

/**
 * The network from a layer on, for Ablation-CAM: the layer [1, C, h, w], `cam/channels` int64 [B] and the carried tensors in,
 * `cam/logits` [B, classes] out, each row with one of the channels set to zero.
 *
 * @throws UserError if the network cannot be cut there
 */
export function buildAblatedGraph(classifier: ClassifierGraph, layer: FeatureLayer): AblatedGraph {
  const { model: { graph }, shapes, input } = classifier;
  const { nodes, carried } = restOf(graph, input.name, layer.name);
  const inverted = carried.find((name) => name !== input.name && !shapes.batchLeads(name));
  if (inverted !== undefined) {
    throw new UserError(
      `Ablation-CAM does not work at '${layer.name}': the layers above also read '${inverted}', whose first axis is not the batch`,
      'name another layer with --layers',
    );
  }
  const b = new GraphBuilder({ ...graph, nodes });
  b.reserve(CAM_CHANNELS);
  const gone = b.oneHot(CAM_CHANNELS, b.ints(layer.channels), b.floats([1, 0]));
  const fed = new Map<string, Value>([[layer.name, b.mul(layer.name, b.unsqueeze(gone, [2, 3]))]]);
  for (const name of carried) fed.set(name, b.expand(name, b.concat([b.shape(CAM_CHANNELS), b.shape(name, 1)], 0)));
  const before = b.nodes.slice(nodes.length);
  const logits = scoresOf(classifier, b);
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  const model = modelOf(classifier, {
    ...graph,
    nodes: [...before, ...renamed(nodes, fed), ...b.nodes.slice(nodes.length + before.length)],
    initializers: new Map([...b.initializers].filter(([name]) => used.has(name) || !graph.initializers.has(name))),
    inputs: [
      floatValue(layer.name, [1, layer.channels, null, null]),
      ...carried.map((name) => floatValue(name, undefined)),
      { name: CAM_CHANNELS, type: DataType.int64, shape: ['B'] },
    ],
    outputs: [logits],
  });
  return { model, carried };
}

/** Whether the network works on several images at once, whatever batch size it declares. */
export function takesBatches({ model: { graph }, input, logits, classCount }: ClassifierGraph): boolean {
  const size: Size = input.fixedSize ?? [256, 320];
  try {
    const known = inferShapes(graph, new Map([[input.name, [2, input.channels, ...size]]])).get(logits);
    return known?.dims[0] === 2 && known.dims[1] === classCount;
  } catch {
    return false;
  }
}

/** The nodes that depend on a layer, and those that compute the constants and sizes that they read, in the graph's order. */
function restOf({ nodes, initializers }: OnnxGraph, image: string, layer: string): { nodes: OnnxNode[]; carried: string[] } {
  const contents = reachedFrom(nodes, image, false);
  const dependent = reachedFrom(nodes, layer, true);
  const wanted = new Set<string>();
  const carried = new Set<string>();
  const kept: OnnxNode[] = [];
  for (const node of [...nodes].reverse()) {
    if (node.outputs.includes(layer)) continue;
    if (!node.outputs.some((name) => dependent.has(name) || wanted.has(name))) continue;
    kept.push(node);
    for (const name of node.inputs) {
      if (name === '' || initializers.has(name) || dependent.has(name)) continue;
      (contents.has(name) ? carried : wanted).add(name);
    }
  }
  return { nodes: kept.reverse(), carried: [...carried] };
}

/** The nodes, with some of their inputs replaced. */
function renamed(nodes: readonly OnnxNode[], names: ReadonlyMap<string, Value>): OnnxNode[] {
  return nodes.map((node) => ({ ...node, inputs: node.inputs.map((name) => names.get(name) ?? name) }));
}

/** Adds `cam/logits`, [N, classes]. */
function scoresOf({ logits, shapes, classCount }: ClassifierGraph, b: GraphBuilder): OnnxValueInfo {
  b.alias(shapes.dims(logits)!.length === 2 ? logits : b.reshape(logits, [0, 0]), CAM_LOGITS);
  return floatValue(CAM_LOGITS, [null, classCount]);
}

function modelOf({ model }: ClassifierGraph, graph: OnnxGraph): OnnxModel {
  return { ...model, metadata: new Map(), graph: { ...graph, name: 'cam_channels' } };
}
