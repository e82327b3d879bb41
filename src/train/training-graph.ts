import { backward } from '../autodiff/backward.js';
import type { ClassifierGraph } from '../cam/classifier.js';
import { GraphBuilder } from '../onnx/builder.js';
import type { Value } from '../onnx/builder.js';
import type { OnnxModel } from '../onnx/model.js';
import { DataType } from '../onnx/tensor.js';
import type { Parameter, ParameterGroup } from './parameters.js';

/** The names of the training program's inputs and outputs besides the image and the parameters. */
export const TARGETS = 'train/targets';
export const LOSS = 'train/loss';
export const gradientOutput = (index: number): string => `train/gradient_${index}`;

/**
 * One pass of training as one graph: the forward pass, the loss, and its gradient with respect to every parameter.
 *
 * The loss is the binary cross-entropy of the logits x [N, C] with targets t of 0 and 1, its mean over images and
 * classes: max(x, 0) - x t + log(1 + exp(-|x|)). PyTorch calls it BCEWithLogitsLoss and MultiLabelSoftMarginLoss: they
 * are one formula written in two ways.
 *
 * Inputs: the classifier's image [N, 3, H, W]; `train/targets` [N, C]; every parameter by its name. Outputs:
 * `train/loss` [], and for parameter i `train/gradient_i` in its shape.
 *
 * @param batch images per pass, and their size; fixed, so that a runtime can plan for it
 */
export function buildTrainingGraph(
  classifier: ClassifierGraph, parameters: readonly Parameter[], batch: readonly [n: number, size: number],
): OnnxModel {
  const { model, logits, shapes, input, classCount } = classifier;
  const b = new GraphBuilder(model.graph);
  const targets = b.reserve(TARGETS);
  const rank = shapes.dims(logits)!.length;
  const x = rank === 2 ? logits : b.reshape(logits, [0, classCount]);
  const zero = b.floats(0);
  const softened = b.node('Log', [b.add(b.floats(1), b.exp(b.neg(b.node('Abs', [x]))))]);
  const losses = b.add(b.sub(b.max(x, zero), b.mul(x, targets)), softened);
  b.alias(b.reduceMean(losses, [0, 1], false), LOSS);
  const difference = b.mul(b.sub(b.sigmoid(x), targets), b.floats(1 / (batch[0] * classCount)));
  const seed = rank === 2 ? difference : b.reshape(difference, b.shape(logits));
  const gradients = backward(b, {
    nodes: model.graph.nodes, shapes, output: { name: logits, gradient: seed }, targets: parameters.map(({ name }) => name),
  });
  parameters.forEach(({ name }, i) => b.alias(gradients.get(name)!, gradientOutput(i)));
  for (const { name } of parameters) b.initializers.delete(name);
  const float = (name: string, shape: readonly number[]) => ({ name, type: DataType.float32, shape });
  return {
    ...model, metadata: new Map(),
    graph: {
      name: 'training_pass', nodes: b.nodes, initializers: b.initializers,
      inputs: [
        float(input.name, [batch[0], input.channels, batch[1], batch[1]]), float(targets, [batch[0], classCount]),
        ...parameters.map(({ name, dims }) => float(name, dims)),
      ],
      outputs: [float(LOSS, []), ...parameters.map(({ dims }, i) => float(gradientOutput(i), dims))],
    },
  };
}

/** What the updates need beside weights and gradients. */
export interface UpdateSettings {
  /**
   * `sgd`: one learning rate for all. `lars`: the learning rate is relative to the size of each tensor, see
   * {@link buildUpdateGraph}; where normalisation was folded into convolutions, gradients are a thousand times larger in
   * some tensors than in others.
   */
  readonly optimiser: 'sgd' | 'lars';
  readonly momentum: number;
  readonly weightDecay: number;
  /** The learning rate of the head is that of the rest times this. */
  readonly headRate: number;
  /** Keep an exponential moving average of the weights. */
  readonly average: boolean;
}

/** |p| / (|g| + decay |p|), and 1 where either is 0. */
function trust(b: GraphBuilder, weights: Value, gradient: Value, decay: number): Value {
  const norm = (value: Value): Value => b.node('ReduceL2', [value, b.ints([0])], { keepdims: 1 });
  const [p, g] = [norm(weights), norm(gradient)];
  const some = b.greater(b.mul(p, g), b.floats(0));
  return b.where(some, b.div(p, b.add(b.where(some, g, b.floats(1)), b.mul(p, b.floats(decay)))), b.floats(1));
}

/** The inputs of the update that all groups share, each a vector of one number. */
export const RATE = 'update/rate';
export const GRADIENT_SCALE = 'update/gradient_scale';
export const AVERAGE_DECAY = 'update/average_decay';
/** A vector of a group: as an input its old numbers, and with `/new` behind its name as an output its new ones. */
export const updateVector = (kind: 'weights' | 'gradient' | 'velocity' | 'average', group: number): string => `update/${kind}_${group}`;
export const updated = (name: string): string => `${name}/new`;

/**
 * One update of all weights p as one graph: stochastic gradient descent with momentum and weight decay as PyTorch
 * defines it, v <- momentum v + (g + decay p), p <- p - rate v, and the moving average a <- d a + (1 - d) p.
 *
 * With `lars` the direction g + decay p of every tensor but those of the head is scaled by |p| / (|g| + decay |p|), so that
 * one update moves it by about `rate` times its own size (You, Gitman and Ginsburg, "Large Batch Training of Convolutional
 * Networks", 2017, equation 6). The head may be new, and too small to be a measure. Each tensor must be a group then.
 */
export function buildUpdateGraph(groups: readonly ParameterGroup[], settings: UpdateSettings): OnnxModel {
  const b = new GraphBuilder();
  const inputs: { name: string; size: number }[] = [];
  const outputs: { name: string; size: number }[] = [];
  const input = (name: string, size: number): Value => {
    inputs.push({ name, size });
    return b.reserve(name);
  };
  const output = (value: Value, name: string, size: number): void => {
    outputs.push({ name: b.alias(value, updated(name)), size });
  };
  const rate = input(RATE, 1);
  const scale = input(GRADIENT_SCALE, 1);
  const averageDecay = settings.average ? input(AVERAGE_DECAY, 1) : undefined;
  groups.forEach(({ head, decays, size }, i) => {
    const vector = (kind: Parameters<typeof updateVector>[0]): Value => input(updateVector(kind, i), size);
    const [weights, gradient, velocity] = [vector('weights'), vector('gradient'), vector('velocity')];
    const mean = b.mul(gradient, scale);
    const direction = decays && settings.weightDecay !== 0 ? b.add(mean, b.mul(weights, b.floats(settings.weightDecay))) : mean;
    const local = settings.optimiser === 'lars' && !head ? b.mul(direction, trust(b, weights, mean, decays ? settings.weightDecay : 0)) : direction;
    const speed = b.add(b.mul(velocity, b.floats(settings.momentum)), local);
    const step = b.mul(speed, head && settings.headRate !== 1 ? b.mul(rate, b.floats(settings.headRate)) : rate);
    const moved = b.sub(weights, step);
    output(speed, velocity, size);
    output(moved, weights, size);
    if (averageDecay === undefined) return;
    const average = vector('average');
    output(b.add(b.mul(average, averageDecay), b.mul(moved, b.sub(b.floats(1), averageDecay))), average, size);
  });
  const vectorInfo = ({ name, size }: { name: string; size: number }) => ({ name, type: DataType.float32, shape: [size] });
  return {
    irVersion: 8, opset: 18, otherOpsets: new Map(), producer: 'voc-seeds', metadata: new Map(),
    graph: { name: 'update', nodes: b.nodes, initializers: b.initializers, inputs: inputs.map(vectorInfo), outputs: outputs.map(vectorInfo) },
  };
}
