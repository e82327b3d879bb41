import { GraphBuilder } from '../onnx/builder.js';
import type { FeatureLayer } from '../classifier/layers.js';
import type { OnnxGraph, OnnxModel } from '../onnx/model.js';
import { neededFor } from '../onnx/model.js';
import type { NetworkGraph } from '../classifier/network.js';
import { DataType, OnnxTensor } from '../onnx/tensor.js';

/** The output name of {@link buildFeatureGraph}. */
export const FEATURES = 'features';
/** The output name of {@link buildClassifier}. */
export const LOGITS = 'logits';

/** The weights of a linear head. */
export interface HeadWeights {
  /** [features, classes] */
  readonly weights: Float32Array;
  /** [classes]; optional. */
  readonly bias?: Float32Array;
}

/** A backbone up to a layer, averaged over all positions: image [N, 3, H, W] in, `features` [N, C] out. */
export function buildFeatureGraph(backbone: NetworkGraph, layer: FeatureLayer): OnnxModel {
  const base = neededFor(backbone.model.graph, layer.name);
  const b = new GraphBuilder(base);
  b.alias(b.node('Flatten', [b.node('GlobalAveragePool', [layer.name])]), FEATURES);
  return {
    ...backbone.model, metadata: new Map(),
    graph: {
      ...base, nodes: b.nodes, initializers: b.initializers,
      outputs: [{ name: FEATURES, type: DataType.float32, shape: ['N', layer.channels] }],
    },
  };
}

/**
 * A complete classifier: the backbone up to a layer, global average pooling, and the head as a 1x1 convolution.
 *
 * @param metadata of the new model
 */
export function buildClassifier(backbone: NetworkGraph, layer: FeatureLayer, head: HeadWeights, metadata: ReadonlyMap<string, string>): OnnxModel {
  const base = neededFor(backbone.model.graph, layer.name);
  const classes = head.weights.length / layer.channels;
  const weights = new Float32Array(head.weights.length);
  for (let f = 0; f < layer.channels; f++) for (let c = 0; c < classes; c++) weights[c * layer.channels + f] = head.weights[f * classes + c];
  const b = new GraphBuilder(base);
  const w = b.constant(OnnxTensor.float32([classes, layer.channels, 1, 1], weights), 'head_weight');
  const bias = head.bias === undefined ? [] : [b.constant(OnnxTensor.float32([classes], head.bias), 'head_bias')];
  const scores = b.node('Conv', [b.node('GlobalAveragePool', [layer.name]), w, ...bias]);
  const logits = b.node('Flatten', [scores]);
  return {
    ...backbone.model, producer: 'voc-seeds', metadata,
    graph: {
      ...base, name: 'classifier', nodes: renamed(b, logits), initializers: b.initializers,
      outputs: [{ name: LOGITS, type: DataType.float32, shape: ['N', classes] }],
    },
  };
}

/** Renames the logits in place, without an extra node. */
function renamed(b: GraphBuilder, logits: string): OnnxGraph['nodes'] {
  b.reserve(LOGITS);
  return b.nodes.map((node) => (node.outputs[0] === logits ? { ...node, outputs: [LOGITS] } : node));
}
