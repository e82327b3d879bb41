import { describe, expect, it } from 'vitest';
import { backward } from '../../src/autodiff/backward.js';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import { UserError } from '../../src/errors.js';
import type { Value } from '../../src/onnx/builder.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { GraphShapes, imageInput } from '../../src/onnx/shapes/shapes.js';
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
    ['a convolution with weights computed from constants by an operator that is not folded', /Conv '.*': its weight '.*' is computed/, (b, x) => b.conv(x, b.node('Erf', [b.floats(noise(2, 1), [1, 2, 1, 1])]))],
    ['Gemm of weights by features', /Gemm '.*' has a gradient rule only for features/, (b, x) => b.gemm(matrix(b, 4, 2), b.reshape(x, [-1, 2]), { transB: 1 })],
    ['Concat along the batch', /Concat '.*' joins or cuts along the batch/, (b, x) => b.reshape(b.concat([x, x], 0), [-1, 96])],
    ['Slice backwards', /Slice '.*' has a gradient rule only for constant starts and positive steps/, (b, x) => b.node('Slice', [x, b.ints([3]), b.ints([-100]), b.ints([2]), b.ints([-1])])],
    ['Pad in mode reflect', /Pad '.*' has a gradient rule only in mode 'constant'/, (b, x) => b.node('Pad', [x, b.ints([0, 0, 1, 1, 0, 0, 1, 1])], { mode: 'reflect' })],
    ['Gather by computed indices', /Gather '.*' has a gradient rule only for constant indices/, (b, x) => b.gather(x, b.argMax(b.reduceSum(x, [0, 1, 2], false), 0), 3)],
    ['Max of three', /Max '.*' has a gradient rule only for two operands/, (b, x) => b.node('Max', [x, b.neg(x), b.floats(1)])],
    ['DepthToSpace in mode CRD', /DepthToSpace '.*' has a gradient rule only in mode DCR/, (b, x) => b.node('DepthToSpace', [b.concat([x, x], 1)], { blocksize: 2, mode: 'CRD' })],
    ['a convolution of images folded into the batch', /Conv '.*' moves the batch away from the first dimension/, (b, x) => b.conv(b.reshape(x, [-1, 1, 4, 6]), b.floats([1], [1, 1, 1, 1]))],
    ['a second output', /MaxPool '.*': there is a gradient rule for its first output only/, (b, x) => b.neg(b.nodeWithOutputs('MaxPool', [x], 2, { kernel_shape: [2, 2] })[1])],
  ];
  for (const [name, message, build] of cases) {
    it(name, () => {
      expect(differentiate(build)).toThrow(UserError);
      expect(differentiate(build)).toThrow(message);
    });
  }

  it('a batch that is moved away, while weights are trained', () => {
    const inputs = [{ name: 'x', type: DataType.float32, shape: ['N', 2, 4, 6] }];
    const b = new GraphBuilder({ nodes: [], initializers: new Map(), inputs });
    const weight = matrix(b, 6, 3);
    b.alias(b.reshape(b.transpose(b.matmul(b.transpose(b.reshape(b.relu('x'), [0, 8, 6]), [1, 0, 2]), weight), [1, 0, 2]), [0, 24]), 'logits');
    const graph = { name: 'g', nodes: b.nodes, initializers: b.initializers, inputs, outputs: [] };
    const shapes = GraphShapes.of(graph, imageInput(graph));
    const gradients = (targets: readonly string[]) => (
      backward(new GraphBuilder(graph), { nodes: graph.nodes, shapes, output: { name: 'logits', gradient: 'seeds' }, targets })
    );
    expect(() => gradients([weight])).toThrow(/moves the batch away from the first dimension/);
    expect(() => gradients([graph.nodes[0].outputs[0]])).not.toThrow();
  });

  it('the frame of these cases has one', () => {
    expect(differentiate((b, x) => b.neg(x))).not.toThrow();
  });
});
