import { buildCamGraph } from '../cam/gradient-graph.js';
import type { GraphRequest } from '../cam/gradient-graph.js';
import { asChannelsFirst } from '../cam/spatial.js';
import type { ClassifierGraph } from '../classifier/classifier.js';
import type { FeatureLayer } from '../classifier/layers.js';
import { GraphBuilder } from '../onnx/builder.js';
import type { OnnxModel } from '../onnx/model.js';
import { DataType } from '../onnx/tensor.js';

/** The output with the features of the i-th layer. */
export const featureOutput = (i: number): string => `cam/features_${i}`;

/**
 * A CAM program that also outputs layers: the image and `cam/classes` in, the map of the guide, `cam/map_0` [K, h, w], and
 * `cam/features_i` [1, C, h, w] for each layer out.
 *
 * @throws UserError if the guide does not work with the classifier
 */
export function buildSampleGraph(classifier: ClassifierGraph, layers: readonly FeatureLayer[], guide: GraphRequest): OnnxModel {
  const model = buildCamGraph(classifier, [guide]);
  const b = new GraphBuilder(model.graph);
  const features = layers.map((layer, i) => b.alias(asChannelsFirst(b, layer.name, layer), featureOutput(i)));
  return {
    ...model,
    graph: {
      ...model.graph, nodes: b.nodes, initializers: b.initializers,
      outputs: [...model.graph.outputs, ...features.map((name, i) => ({ name, type: DataType.float32, shape: [1, layers[i].channels, null, null] }))],
    },
  };
}
