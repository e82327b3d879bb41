import { backward } from '../autodiff/backward.js';
import type { ClassifierGraph } from '../classifier/classifier.js';
import { GraphBuilder } from '../onnx/builder.js';
import type { OnnxModel } from '../onnx/model.js';
import { DataType } from '../onnx/tensor.js';
import { blockedLayout } from '../runtime/blocked/blocked-layout.js';
import type { Parameter } from './parameters.js';

/** The names of the inputs and outputs of the training graph, in addition to the image and the parameters. */
export const TARGETS = 'train/targets';
export const LOSS = 'train/loss';
export const gradientOutput = (index: number): string => `train/gradient_${index}`;

/** The shape of a pass. It is fixed, so that a runtime can plan for it. */
export interface PassShape {
  /** Images in the pass. */
  readonly images: number;
  /** Images in the whole batch. The loss and gradients of the pass are its share of those of the batch. */
  readonly batch: number;
  /** The side of an image, in pixels. */
  readonly size: number;
  /** Build the graph for the runtime's blocked layout, with blocks of this number of channels, see `blockedLayout`. */
  readonly block?: number;
}

/**
 * One training pass as one graph: the forward pass, the loss, and its gradient with respect to every parameter.
 *
 * The loss is the binary cross-entropy of the logits x [N, C] with targets t of 0 and 1, averaged over images and
 * classes: max(x, 0) - x t + log(1 + exp(-|x|)). It is the same as BCEWithLogitsLoss and MultiLabelSoftMarginLoss in PyTorch.
 *
 * Inputs: the classifier's image [N, 3, H, W]; `train/targets` [N, C]; every parameter by its name. Outputs:
 * `train/loss` [], and `train/gradient_i` with the shape of parameter i.
 */
export function buildTrainingGraph(
  classifier: ClassifierGraph, parameters: readonly Parameter[], { images, batch, size, block }: PassShape,
): OnnxModel {
  const { model, logits, shapes, input, classCount } = classifier;
  const b = new GraphBuilder(model.graph);
  const targets = b.reserve(TARGETS);
  const rank = shapes.dims(logits)!.length;
  const x = rank === 2 ? logits : b.reshape(logits, [0, classCount]);
  const zero = b.floats(0);
  const softened = b.node('Log', [b.add(b.floats(1), b.exp(b.neg(b.node('Abs', [x]))))]);
  const losses = b.add(b.sub(b.max(x, zero), b.mul(x, targets)), softened);
  b.alias(b.mul(b.reduceSum(losses, [0, 1], false), b.floats(1 / (batch * classCount))), LOSS);
  const difference = b.mul(b.sub(b.sigmoid(x), targets), b.floats(1 / (batch * classCount)));
  const seed = rank === 2 ? difference : b.reshape(difference, b.shape(logits));
  const gradients = backward(b, {
    nodes: model.graph.nodes, shapes, output: { name: logits, gradient: seed }, targets: parameters.map(({ name }) => name),
    blockedBatch: block && images,
  });
  parameters.forEach(({ name }, i) => b.alias(gradients.get(name)!, gradientOutput(i)));
  for (const { name } of parameters) b.initializers.delete(name);
  const float = (name: string, shape: readonly number[]) => ({ name, type: DataType.float32, shape });
  const pass: OnnxModel = {
    ...model, metadata: new Map(),
    graph: {
      name: 'training_pass', nodes: b.nodes, initializers: b.initializers,
      inputs: [
        float(input.name, [images, input.channels, size, size]), float(targets, [images, classCount]),
        ...parameters.map(({ name, dims }) => float(name, dims)),
      ],
      outputs: [float(LOSS, []), ...parameters.map(({ dims }, i) => float(gradientOutput(i), dims))],
    },
  };
  return block === undefined ? pass : blockedLayout(pass, block);
}
