import { backward } from '../autodiff/backward.js';
import type { CamTargetName } from './names.js';
import { UserError } from '../errors.js';
import { GraphBuilder } from '../onnx/builder.js';
import type { Value } from '../onnx/builder.js';
import type { FeatureLayer } from '../classifier/layers.js';
import type { OnnxModel } from '../onnx/model.js';
import { DataType } from '../onnx/tensor.js';
import type { ClassifierGraph } from '../classifier/classifier.js';
import { requireLinearHead } from './linear-head.js';
import type { GradientMethod } from './methods/method.js';
import { asChannelsFirst } from './spatial.js';
import { requireTarget } from './target.js';

/** The names of a CAM program's inputs and outputs. */
export const CAM_CLASSES = 'cam/classes';
export const CAM_LOGITS = 'cam/logits';
/** The maps of the m-th method at the l-th layer. */
export const camOutput = (method: number, layer: number): string => `cam/map_${method}_${layer}`;

/**
 * Builds the CAM program of a classifier as one graph: the forward pass, the gradient of the chosen classes' target down to
 * the shallowest layer and no deeper, and the formula of each method at each layer. All methods share the gradient.
 *
 * Inputs: the classifier's image [1, 3, H, W], and `cam/classes`, int64 [K], the indices of the logits.
 * Outputs: `cam/logits` [1, classes], and for method m and layer l `cam/map_m_l` [K, h, w].
 *
 * @param wanted which methods at which layers, by their indices; all at all unless given
 * @throws UserError where an operator on the way has no gradient rule, or a method is not defined at a layer
 */
export function buildCamGraph(
  classifier: ClassifierGraph, layers: readonly FeatureLayer[], methods: readonly GradientMethod[], target: CamTargetName = 'logit',
  wanted: (method: number, layer: number) => boolean = () => true,
): OnnxModel {
  if (layers.length === 0) throw new UserError('a CAM program needs at least one layer');
  const { model, logits, shapes } = classifier;
  const b = new GraphBuilder(model.graph);
  const classes = b.reserve(CAM_CLASSES);
  const rank = shapes.dims(logits)!.length;
  const scores = b.alias(rank === 2 ? logits : b.reshape(logits, [0, 0]), CAM_LOGITS);
  const oneHot = b.oneHot(classes, b.ints(classifier.classCount), b.floats([0, 1]));
  const layersOf = (some: (method: GradientMethod) => boolean): readonly FeatureLayer[] => (
    layers.filter((_, l) => methods.some((method, m) => some(method) && wanted(m, l)))
  );
  const gradientsOf = (outputGradient: Value, targets: readonly FeatureLayer[]): Map<string, Value> => (targets.length === 0
    ? new Map()
    : backward(b, {
        nodes: model.graph.nodes, shapes, targets: targets.map(({ name }) => name),
        output: { name: logits, gradient: rank === 2 ? outputGradient : b.reshape(outputGradient, [0, 0, ...Array<number>(rank - 2).fill(1)]) },
      }));
  const linear = layersOf(({ linearHead }) => linearHead === true);
  for (const layer of linear) requireLinearHead(classifier, layer);
  const { outputGradient } = requireTarget(target, classifier.classCount);
  const ofTarget = gradientsOf(outputGradient(scores, oneHot, b), layersOf(({ linearHead }) => target === 'logit' || linearHead !== true));
  const ofLogit = target === 'logit' ? ofTarget : gradientsOf(oneHot, linear);
  const outputs = methods.flatMap(({ map, linearHead }, m) => layers.flatMap((layer, l) => {
    if (!wanted(m, l)) return [];
    const gradients = linearHead ? ofLogit : ofTarget;
    const [activation, gradient] = [layer.name, gradients.get(layer.name)!].map((value) => asChannelsFirst(b, value, layer));
    return [b.alias(b.squeeze(map(activation, gradient, b), [1]), camOutput(m, l))];
  }));
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
