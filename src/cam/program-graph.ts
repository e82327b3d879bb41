import { backward } from '../autodiff/backward.js';
import { UserError } from '../errors.js';
import { GraphBuilder } from '../onnx/builder.js';
import type { FeatureLayer } from '../onnx/layers.js';
import type { OnnxModel } from '../onnx/model.js';
import { DataType } from '../onnx/tensor.js';
import type { ClassifierGraph } from './classifier.js';
import type { CamMethod } from './methods/method.js';

/** The names of a CAM program's inputs and outputs. */
export const CAM_CLASSES = 'cam/classes';
export const CAM_LOGITS = 'cam/logits';
export const camOutput = (index: number): string => `cam/map_${index}`;

/**
 * Builds the CAM program of a classifier as one graph: the forward pass, the gradient of the chosen logits down to the
 * shallowest layer and no deeper, and the method's formula at each layer.
 *
 * Inputs: the classifier's image [1, 3, H, W], and `cam/classes`, int64 [K], the indices of the logits.
 * Outputs: `cam/logits` [1, classes], and for layer i `cam/map_i` [K, h, w].
 *
 * @throws UserError where an operator on the way has no gradient rule
 */
export function buildCamGraph(classifier: ClassifierGraph, layers: readonly FeatureLayer[], method: CamMethod): OnnxModel {
  if (layers.length === 0) throw new UserError('a CAM program needs at least one layer');
  const { model, logits, shapes } = classifier;
  const b = new GraphBuilder(model.graph);
  const classes = b.reserve(CAM_CLASSES);
  const oneHot = b.oneHot(classes, b.ints(classifier.classCount), b.floats([0, 1]));
  const rank = shapes.dims(logits)!.length;
  const seeds = rank === 2 ? oneHot : b.reshape(oneHot, [0, 0, ...Array<number>(rank - 2).fill(1)]);
  const gradients = backward(b, {
    nodes: model.graph.nodes, shapes, output: { name: logits, gradient: seeds }, targets: layers.map(({ name }) => name),
  });
  layers.forEach(({ name }, i) => b.alias(b.squeeze(method(name, gradients.get(name)!, b), [1]), camOutput(i)));
  b.alias(rank === 2 ? logits : b.reshape(logits, [0, 0]), CAM_LOGITS);
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
        ...layers.map((_, i) => ({ name: camOutput(i), type: DataType.float32, shape: ['K', null, null] })),
      ],
    },
  };
}
