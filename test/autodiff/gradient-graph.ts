import { backward } from '../../src/autodiff/backward.js';
import type { ClassifierGraph } from '../../src/classifier/classifier.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import type { OnnxModel } from '../../src/onnx/model.js';
import { DataType } from '../../src/onnx/tensor.js';

/** The prefix of the outputs of {@link gradientGraph}. */
export const GRADIENT = 'gradient/';

/** A graph that hands out plain gradients of logits: input `cam/classes` int64 [K], outputs `gradient/<tensor>` [K, ...]. */
export function gradientGraph(classifier: ClassifierGraph, tensors: readonly string[]): OnnxModel {
  const { model, shapes, logits } = classifier;
  const b = new GraphBuilder(model.graph);
  const classes = b.reserve('cam/classes');
  const oneHot = b.oneHot(classes, b.ints(classifier.classCount), b.floats([0, 1]));
  const rank = shapes.dims(logits)!.length;
  const seeds = rank === 2 ? oneHot : b.reshape(oneHot, [0, 0, ...Array<number>(rank - 2).fill(1)]);
  const gradients = backward(b, { nodes: model.graph.nodes, shapes, output: { name: logits, gradient: seeds }, targets: tensors });
  for (const name of tensors) b.alias(gradients.get(name)!, `${GRADIENT}${name}`);
  return {
    ...model,
    graph: {
      ...model.graph, nodes: b.nodes, initializers: b.initializers,
      inputs: [...model.graph.inputs, { name: classes, type: DataType.int64, shape: ['K'] }],
      outputs: tensors.map((name) => ({ name: `${GRADIENT}${name}`, type: DataType.float32, shape: undefined })),
    },
  };
}
