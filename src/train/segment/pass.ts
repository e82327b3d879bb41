import { backward } from '../../autodiff/backward.js';
import type { NetworkGraph } from '../../classifier/network.js';
import { UserError } from '../../errors.js';
import type { Value } from '../../onnx/builder.js';
import { GraphBuilder } from '../../onnx/builder.js';
import type { OnnxModel } from '../../onnx/model.js';
import { ancestors } from '../../onnx/model.js';
import { inferShapes } from '../../onnx/shapes/infer.js';
import { DataType } from '../../onnx/tensor.js';
import { blockedLayout } from '../../runtime/blocked/blocked-layout.js';
import type { Size } from '../../size.js';
import { STUDENT_LOGITS } from '../../student/spec.js';
import type { Parameter } from '../parameters.js';
import type { BatchKind } from '../trainer.js';
import { gradientOutput, LOSS, TARGETS } from '../training-graph.js';

/** The name of the input that says which labels an image may have, [N, labels, 1, 1]: 0 for its own, {@link ABSENT} for others. */
export const PRESENT = 'train/present';

/** Added to the logits of labels that an image does not have: their probability is 0. */
export const ABSENT = -1e4;

/** A tensor of the frozen part that the trained part reads. */
export interface CachedTensor {
  readonly name: string;
  /** Without the batch. */
  readonly dims: readonly [channels: number, height: number, width: number];
}

/**
 * The loss of a batch, and its gradient with respect to the logits x [N, labels, h, w]: the cross-entropy of the softmax over the
 * labels of each image, -sum t log p. The gradient is p sum(t) - t.
 *
 * @param targets t, as the logits: the share of each label in a cell, divided by the sum of all shares of the whole batch. 0 in cells
 *   without labels. So the loss is the mean over all pixels with a label
 * @param present see {@link PRESENT}
 */
export function pixelLoss(b: GraphBuilder, logits: Value, targets: Value, present: Value): { readonly loss: Value; readonly gradient: Value } {
  const logs = b.node('LogSoftmax', [b.add(logits, present)], { axis: 1 });
  const loss = b.neg(b.reduceSum(b.mul(targets, logs), [0, 1, 2, 3], false));
  const gradient = b.sub(b.mul(b.exp(logs), b.reduceSum(targets, [1])), targets);
  return { loss, gradient };
}

/**
 * The tensors of the frozen part that the rest of the student reads.
 *
 * @param student at `size`
 * @param frozen the last layer that is not trained
 */
export function cachedTensors({ model: { graph }, input }: NetworkGraph, frozen: string, size: Size): CachedTensor[] {
  const below = new Set(ancestors(graph.nodes, [frozen]));
  const made = new Set([...below].flatMap(({ outputs }) => outputs));
  const known = inferShapes(graph, new Map([[input.name, [1, input.channels, ...size]]]));
  const read = new Set(graph.nodes.flatMap((node) => (below.has(node) ? [] : node.inputs.filter((name) => made.has(name) || name === input.name))));
  return [...read].map((name) => {
    const { dims } = known.get(name)!;
    if (dims.length !== 4 || name === input.name) throw new UserError(`the layers above ${frozen} also read '${name}', which is not a feature map`, 'choose another layer: --train-from LAYER');
    return { name, dims: [dims[1], dims[2], dims[3]] };
  });
}

/**
 * The passes for photographs of one size. Their graph begins at the cached tensors.
 *
 * Inputs: the cached tensors; `train/targets` and `train/present`, see {@link pixelLoss}. Outputs as for `buildTrainingGraph`.
 *
 * @param student at the photographs' size
 * @param labels the number of labels, background included
 * @param size of the logits
 * @throws UserError if an operator between the logits and a parameter has no gradient rule
 */
export function segmentBatches(
  student: NetworkGraph, parameters: readonly Parameter[], cached: readonly CachedTensor[], labels: number, [h, w]: Size,
): BatchKind {
  const { model, shapes } = student;
  const { graph } = model;
  const frozen = new Set(ancestors(graph.nodes, cached.map(({ name }) => name)));
  const nodes = graph.nodes.filter((node) => !frozen.has(node));
  const inputs = [
    ...cached.map(({ name, dims }) => ({ name, dims })), { name: TARGETS, dims: [labels, h, w] }, { name: PRESENT, dims: [labels, 1, 1] },
  ];
  return {
    inputs,
    build: ({ images, block }): OnnxModel => {
      const float = (name: string, shape: readonly number[]) => ({ name, type: DataType.float32, shape });
      const used = new Set(nodes.flatMap((node) => node.inputs));
      const initializers = new Map([...graph.initializers].filter(([name]) => used.has(name)));
      const b = new GraphBuilder({ nodes, initializers, inputs: cached.map(({ name }) => float(name, [])) });
      const { loss, gradient } = pixelLoss(b, STUDENT_LOGITS, b.reserve(TARGETS), b.reserve(PRESENT));
      b.alias(loss, LOSS);
      const gradients = backward(b, {
        nodes, shapes, output: { name: STUDENT_LOGITS, gradient }, targets: parameters.map(({ name }) => name), blockedBatch: block && images,
      });
      parameters.forEach(({ name }, i) => b.alias(gradients.get(name)!, gradientOutput(i)));
      for (const { name } of parameters) b.initializers.delete(name);
      const pass: OnnxModel = {
        ...model, metadata: new Map(),
        graph: {
          name: 'training_pass', nodes: b.nodes, initializers: b.initializers,
          inputs: [...inputs.map(({ name, dims }) => float(name, [images, ...dims])), ...parameters.map(({ name, dims }) => float(name, dims))],
          outputs: [float(LOSS, []), ...parameters.map(({ dims }, i) => float(gradientOutput(i), dims))],
        },
      };
      return block === undefined ? pass : blockedLayout(pass, block);
    },
  };
}
