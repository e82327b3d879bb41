import { DataType } from '../../onnx/tensor.js';
import type { GraphBuilder, Value } from '../../onnx/builder.js';
import type { OnnxNode } from '../../onnx/model.js';
import { intAttribute } from '../../onnx/model.js';
import type { RuleContext, SimpleRule } from '../rule.js';

/** How many elements of x are reduced into one, as a float scalar. */
function elementCount(b: GraphBuilder, x: Value, axes: readonly number[]): Value {
  const sizes = b.cast(b.gather(b.shape(x), b.ints(axes), 0), DataType.float32);
  return b.node('ReduceProd', [sizes], { keepdims: 0 });
}

/** A gradient [K, ...] with ones along the reduced axes, repeated over x. */
function spread(b: GraphBuilder, context: RuleContext, x: Value, g: Value): Value {
  return b.expand(g, context.gradientShape(x, g));
}

const spatial = [2, 3];

/** y [N, C, 1, 1] = the mean of x over its positions. */
export const globalAveragePool: SimpleRule = ({ inputs: [x] }, g, b, context) => [
  spread(b, context, x, b.div(g, elementCount(b, x, spatial))),
];

/** y [N, C, 1, 1] = the maximum of x over its positions; the first maximum takes the gradient. */
export const globalMaxPool: SimpleRule = ({ inputs: [x] }, g, b, context) => {
  const [batchAndChannels, size] = [b.shape(x, 0, 2), b.shape(x, 2, 4)];
  const positions = b.node('ReduceProd', [size], { keepdims: 1 });
  const flat = b.reshape(x, b.concat([batchAndChannels, positions], 0));
  const where = b.equal(b.range(b.ints(0), b.squeeze(positions, [0]), b.ints(1)), b.argMax(flat, 2));
  const mask = b.reshape(b.cast(where, DataType.float32), b.shape(x));
  return [spread(b, context, x, b.mul(g, mask))];
};

/** The axes of a reduction (none given: all), and the gradient with those axes put back as ones. */
function reduced(node: OnnxNode, g: Value, b: GraphBuilder, context: RuleContext): { axes: readonly number[]; grad: Value } {
  const [x, axesName] = node.inputs;
  const rank = context.rank(node, x);
  const axes = (context.values(axesName) ?? Array.from({ length: rank }, (_, i) => i)).map((axis) => (axis < 0 ? axis + rank : axis));
  context.requireLeadingBatch(node, x, node.outputs[0]);
  return { axes, grad: intAttribute(node, 'keepdims', 1) === 1 ? g : b.unsqueeze(g, axes) };
}

export const reduceMean: SimpleRule = (node, g, b, context) => {
  const [x] = node.inputs;
  const { axes, grad } = reduced(node, g, b, context);
  return [spread(b, context, x, b.div(grad, elementCount(b, x, axes)))];
};

export const reduceSum: SimpleRule = (node, g, b, context) => [spread(b, context, node.inputs[0], reduced(node, g, b, context).grad)];
