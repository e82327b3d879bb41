import type { FeatureLayer } from '../../classifier/layers.js';
import { resolveLayer, strideAliases } from '../../classifier/layers.js';
import type { NetworkGraph } from '../../classifier/network.js';
import { UserError } from '../../errors.js';
import type { OnnxNode } from '../../onnx/model.js';
import { ancestors, intAttribute } from '../../onnx/model.js';

/** The strides of the feature maps that the decoder reads. */
const STRIDES = [4, 8, 16, 32];

/** The parts of a backbone that a student is built on. */
export interface Stages {
  /** The feature maps that the decoder reads, shallowest first, at strides 4, 8, ... */
  readonly laterals: readonly FeatureLayer[];
  /** The last layer that is not trained. */
  readonly frozen: FeatureLayer;
}

/**
 * The last feature map of each stage. If it was expanded from a narrower one by a 1x1 convolution, as at the end of the stages of
 * MobileNetV2 and EfficientNet, the narrower one is taken: it holds the same, and is a sixth as large.
 *
 * @param trainFrom the last layer that is not trained. Default: the first one at the deepest stride, on every path, that leaves at
 *   most half of the weights to train
 * @throws UserError if there is no feature map at stride 4, or none deeper
 */
export function stagesOf(network: NetworkGraph, trainFrom?: string): Stages {
  const maps = network.layers.filter(({ arrangement }) => arrangement.kind === 'channels-first');
  const aliases = strideAliases(maps);
  const laterals = STRIDES.flatMap((stride) => {
    const layer = aliases.get(`/${stride}`);
    return layer === undefined ? [] : [narrowest(layer, maps, network)];
  });
  if (laterals[0]?.stride !== STRIDES[0] || laterals.length < 2) {
    throw new UserError(
      `the network has feature maps [N, C, h, w] at the strides ${[...aliases.keys()].join(', ') || 'none'}; a student needs /4 and a deeper one`,
      'use a convolutional network, such as MobileNet, EfficientNet or ResNet',
    );
  }
  const [deepest] = laterals.slice(-1);
  const frozen = trainFrom === undefined ? middle(network, maps, deepest) : resolveLayer(maps, trainFrom);
  if (!ancestors(network.model.graph.nodes, [deepest.name]).some(({ outputs }) => outputs[0] === frozen.name)) {
    throw new UserError(`--train-from ${frozen.name} is above '${deepest.name}', the deepest feature map that the student reads`, 'name that one, or one before it');
  }
  return { laterals, frozen };
}

/** The layer that a layer was expanded from, or the layer itself. */
function narrowest(layer: FeatureLayer, layers: readonly FeatureLayer[], { model: { graph: { nodes } }, shapes }: NetworkGraph): FeatureLayer {
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const convolutions = new Set<OnnxNode>();
  const visit = (name: string): void => {
    const node = makers.get(name);
    if (node?.op === 'Conv') convolutions.add(node);
    else if (node?.op !== 'Add' && node?.op !== 'Concat') node?.inputs.forEach(visit);
  };
  visit(layer.name);
  const [convolution] = convolutions;
  const kernel = convolution && shapes.dims(convolution.inputs[1])?.slice(2);
  if (convolutions.size !== 1 || intAttribute(convolution, 'group', 1) !== 1 || kernel?.some((size) => size !== 1) !== false) return layer;
  const source = layers.find(({ name }) => name === convolution.inputs[0]);
  const narrower = source !== undefined && source.cut && source.stride === layer.stride && source.channels < layer.channels;
  return narrower ? source : layer;
}

function middle({ model: { graph } }: NetworkGraph, layers: readonly FeatureLayer[], deepest: FeatureLayer): FeatureLayer {
  const weightsOf = (nodes: readonly OnnxNode[]): number => {
    const names = new Set(nodes.flatMap(({ inputs }) => inputs));
    return [...names].reduce((sum, name) => sum + (graph.initializers.get(name)?.size ?? 0), 0);
  };
  const below = ancestors(graph.nodes, [deepest.name]);
  const whole = weightsOf(below);
  const candidates = layers.filter(({ name, stride, cut }) => cut && stride === deepest.stride && below.some(({ outputs }) => outputs[0] === name));
  return candidates.find(({ name }) => 2 * (whole - weightsOf(ancestors(graph.nodes, [name]))) <= whole) ?? deepest;
}
