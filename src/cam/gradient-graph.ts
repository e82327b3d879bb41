import { backward } from '../autodiff/backward.js';
import { UserError } from '../errors.js';
import { GraphBuilder } from '../onnx/builder.js';
import type { Value } from '../onnx/builder.js';
import type { FeatureLayer } from '../classifier/layers.js';
import type { ClassVectors } from '../classifier/prototypes.js';
import type { OnnxModel } from '../onnx/model.js';
import { DataType, OnnxTensor } from '../onnx/tensor.js';
import type { ClassifierGraph } from '../classifier/classifier.js';
import { requireLinearHead } from './linear-head.js';
import type { GradientMethod, GraphMethod } from './methods/method.js';
import { asChannelsFirst } from './spatial.js';
import { requireTarget } from './target.js';
import type { CamTargetName, TargetOptions } from './target.js';

/** The names of a CAM program's inputs and outputs. */
export const CAM_CLASSES = 'cam/classes';
export const CAM_LOGITS = 'cam/logits';
/** The maps of the i-th request. */
export const camOutput = (i: number): string => `cam/map_${i}`;

/** A method that needs the network once, at a layer. */
export interface GraphRequest {
  readonly layer: FeatureLayer;
  readonly method: GraphMethod;
  /** For a method of the kind `vectors`: those of the classifier's classes at this layer. */
  readonly vectors?: ClassVectors;
}

/**
 * Builds the CAM program of a classifier as one graph: the forward pass, the gradient of the target of the chosen classes
 * back to the shallowest layer only, and the formula of each request. All methods share the gradient; if none needs it, it is not
 * computed.
 *
 * Inputs: the classifier's image [1, 3, H, W], and `cam/classes`, int64 [K], the indices of the logits.
 * Outputs: `cam/logits` [1, classes], and for the i-th request `cam/map_i` [K, h, w].
 *
 * @param requests at least one
 * @throws UserError if an operator above a layer has no gradient rule, or a method is not defined at a layer
 */
export function buildCamGraph(
  classifier: ClassifierGraph, requests: readonly GraphRequest[], target: CamTargetName = 'logit', targetOptions: TargetOptions = {},
): OnnxModel {
  if (requests.length === 0) throw new UserError('a CAM program needs at least one layer');
  const { model, logits, shapes } = classifier;
  const b = new GraphBuilder(model.graph);
  const classes = b.reserve(CAM_CLASSES);
  const rank = shapes.dims(logits)!.length;
  const scores = b.alias(rank === 2 ? logits : b.reshape(logits, [0, 0]), CAM_LOGITS);
  const oneHot = b.oneHot(classes, b.ints(classifier.classCount), b.floats([0, 1]));
  const layersOf = (some: (method: GradientMethod) => boolean): readonly FeatureLayer[] => (
    [...new Set(requests.flatMap(({ layer, method }) => (method.kind === 'gradient' && some(method) ? [layer] : [])))]
  );
  const gradientsOf = (outputGradient: () => Value, targets: readonly FeatureLayer[]): Map<string, Value> => {
    if (targets.length === 0) return new Map();
    const gradient = rank === 2 ? outputGradient() : b.reshape(outputGradient(), [0, 0, ...Array<number>(rank - 2).fill(1)]);
    return backward(b, { nodes: model.graph.nodes, shapes, targets: targets.map(({ name }) => name), output: { name: logits, gradient } });
  };
  const linear = layersOf(({ linearHead }) => linearHead === true);
  for (const layer of linear) requireLinearHead(classifier, layer);
  const { outputGradient } = requireTarget(target, classifier.classCount);
  const explained = layersOf(({ linearHead }) => target === 'logit' || linearHead !== true);
  const ofTarget = gradientsOf(() => outputGradient(scores, oneHot, b, targetOptions), explained);
  const ofLogit = target === 'logit' ? ofTarget : gradientsOf(() => oneHot, linear);
  const mapOf = ({ layer, method, vectors }: GraphRequest): Value => {
    const activation = asChannelsFirst(b, layer.name, layer);
    if (method.kind === 'activation') {
      const map = b.squeeze(method.map(activation, b, layer.channels), [1]);
      return b.expand(map, b.concat([b.shape(classes), b.ints([1, 1])], 0));
    }
    if (method.kind === 'vectors') {
      if (vectors === undefined) throw new TypeError(`no class vectors are given for the layer ${layer.name}`);
      const all = b.constant(OnnxTensor.float32([classifier.classCount, vectors.channels], vectors.data));
      return b.squeeze(method.map(activation, b.gather(all, classes, 0), b), [1]);
    }
    const gradient = asChannelsFirst(b, (method.linearHead ? ofLogit : ofTarget).get(layer.name)!, layer);
    return b.squeeze(method.map(activation, gradient, b, layer.channels), [1]);
  };
  const outputs = requests.map((request, i) => b.alias(mapOf(request), camOutput(i)));
  return {
    ...model,
    metadata: new Map(),
    graph: {
      name: 'cam_program',
      nodes: b.nodes,
      initializers: b.initializers,
      inputs: [
        ...model.graph.inputs,
        { name: classes, type: DataType.int64, shape: ['K'] },
      ],
      outputs: [
        { name: CAM_LOGITS, type: DataType.float32, shape: [null, classifier.classCount] },
        ...outputs.map((name) => ({ name, type: DataType.float32, shape: ['K', null, null] })),
      ],
    },
  };
}
