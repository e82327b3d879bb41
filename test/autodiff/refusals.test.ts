import { describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../src/cam/classifier.js';
import { UserError } from '../../src/errors.js';
import type { Value } from '../../src/onnx/builder.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { DataType } from '../../src/onnx/tensor.js';
import { noise } from '../random.js';
import { gradientGraph } from './gradient-graph.js';

/** x [N, 2, 4, 6] -> the operator -> the sum of each image's numbers, as [N, 1]. */
function differentiate(build: (b: GraphBuilder, x: Value) => Value): () => unknown {
  const inputs = [{ name: 'x', type: DataType.float32, shape: ['N', 2, 4, 6] }];
  const b = new GraphBuilder({ nodes: [], initializers: new Map(), inputs });
  b.alias(b.reduceSum(b.reshape(build(b, 'x'), [0, -1]), [1]), 'logits');
  const graph = { name: 'g', nodes: b.nodes, initializers: b.initializers, inputs, outputs: [{ name: 'logits', type: DataType.float32, shape: ['N', 1] }] };
  const model = { irVersion: 8, opset: 18, otherOpsets: new Map<string, number>(), producer: '', metadata: new Map<string, string>(), graph };
  return () => gradientGraph(new ClassifierGraph(model, 'logits'), ['x']);
}

const matrix = (b: GraphBuilder, rows: number, columns: number): Value => b.floats(noise(rows * columns, 1), [rows, columns]);

/** What has no gradient rule is refused with the node's name; it never gives a wrong gradient. */
describe('operators in a form that has no gradient rule', () => {
  const cases: [string, RegExp, (b: GraphBuilder, x: Value) => Value][] = [
    ['a convolution with computed weights', /Conv '.*': its weight '.*' is computed/, (b, x) => b.conv(x, b.reduceMean(x, [0]))],
    ['a convolution with weights computed from constants', /Conv '.*': its weight '.*' is computed/, (b, x) => b.conv(x, b.neg(b.floats(noise(2, 1), [1, 2, 1, 1])))],
    ['Gemm with transposed features', /Gemm '.*' has a gradient rule only for features/, (b, x) => b.gemm(b.transpose(b.reshape(x, [0, -1]), [1, 0]), matrix(b, 48, 2), { transA: 1 })],
    ['MatMul of features by features', /MatMul '.*': its weight '.*' is computed/, (b, x) => b.matmul(x, b.transpose(x, [0, 1, 3, 2]))],
    ['MatMul with a stack of matrices', /MatMul '.*' has a gradient rule only for features/, (b, x) => b.matmul(x, b.floats(noise(36, 1), [1, 6, 6]))],
    ['Concat along the batch', /moves the batch away from the first dimension \(in 'Concat_0'\)/, (b, x) => b.reshape(b.concat([x, x], 0), [-1, 96])],
    ['Slice backwards', /Slice '.*' has a gradient rule only for constant starts and positive steps/, (b, x) => b.node('Slice', [x, b.ints([3]), b.ints([-100]), b.ints([2]), b.ints([-1])])],
    ['Pad in mode reflect', /Pad '.*' has a gradient rule only for constant paddings in mode 'constant'/, (b, x) => b.node('Pad', [x, b.ints([0, 0, 1, 1, 0, 0, 1, 1])], { mode: 'reflect' })],
    ['Reshape that folds channels into the batch', /Reshape '.*' moves the batch away/, (b, x) => b.reshape(b.reshape(x, [-1, 4, 6]), [-1, 48])],
    ['ReduceMean over the batch', /Add '.*' .*fewer axes|ReduceMean '.*' moves the batch away/, (b, x) => b.add(x, b.reduceMean(x, [0]))],
    ['an operand with fewer axes', /Add '.*' .*fewer axes/, (b, x) => b.add(b.unsqueeze(x, [1]), x)],
    ['a second output', /MaxPool '.*': there is a gradient rule for its first output only/, (b, x) => b.neg(b.nodeWithOutputs('MaxPool', [x], 2, { kernel_shape: [2, 2] })[1])],
  ];
  for (const [name, message, build] of cases) {
    it(name, () => {
      expect(differentiate(build)).toThrow(UserError);
      expect(differentiate(build)).toThrow(message);
    });
  }

  it('the frame of these cases has one', () => {
    expect(differentiate((b, x) => b.neg(x))).not.toThrow();
  });
});
