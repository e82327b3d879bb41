import { DataType } from '../../onnx/tensor.js';
import type { GraphBuilder, Value } from '../../onnx/builder.js';
import type { OnnxNode } from '../../onnx/model.js';
import { intAttribute } from '../../onnx/model.js';
import type { RuleContext } from '../rule.js';
import { simpleRules } from '../rule.js';

/** The number of elements of x that are reduced to one, as a float scalar. */
export function elementCount(b: GraphBuilder, x: Value, axes: readonly number[]): Value {
  const sizes = b.cast(b.gather(b.shape(x), b.ints(axes), 0), DataType.float32);
  return b.node('ReduceProd', [sizes], { keepdims: 0 });
}

/** Expands a gradient [K, ...] with size 1 along the reduced axes to the shape of x. */
export function spread(node: OnnxNode, g: Value, b: GraphBuilder, context: RuleContext): Value {
  return b.expand(g, context.gradientShape(node, node.inputs[0], g));
}

interface Reduced {
  /** The reduced axes of x. */
  readonly axes: readonly number[];
  /** The gradient with these axes restored with size 1, stacked if the gradient of x is. */
  readonly grad: Value;
  /** The result with these axes restored with size 1. */
  readonly kept: () => Value;
}

function reduced(node: OnnxNode, g: Value, b: GraphBuilder, context: RuleContext): Reduced {
  const [x, axesName] = node.inputs;
  const [y] = node.outputs;
  const rank = context.rank(node, x);
  const given = context.values(axesName) ?? [];
  const none = given.length === 0 && intAttribute(node, 'noop_with_empty_axes', 0) === 0;
  const axes = (none ? Array.from({ length: rank }, (_, i) => i) : given).map((axis) => (axis < 0 ? axis + rank : axis));
  const keep = intAttribute(node, 'keepdims', 1) === 1;
  const kept = (): Value => (keep ? y : b.unsqueeze(y, axes));
  if (!axes.includes(0) && !context.isStacked(node, x) && !context.isStacked(node, y)) return { axes, grad: keep ? g : b.unsqueeze(g, axes), kept };
  const stacked = context.stack(node, g, y);
  const full = keep ? stacked : b.unsqueeze(stacked, axes.map((axis) => axis + 1));
  // If the batch was reduced, this axis has size 1.
  return { axes, grad: context.isStacked(node, x) ? full : b.squeeze(full, [1]), kept };
}

export const reductions = simpleRules({
  ReduceMean: (node, g, b, context) => {
    const { axes, grad } = reduced(node, g, b, context);
    return [spread(node, b.div(grad, elementCount(b, node.inputs[0], axes)), b, context)];
  },

  ReduceSum: (node, g, b, context) => [spread(node, reduced(node, g, b, context).grad, b, context)],

  /** y = the maximum. If several are equal, they share the gradient, as in PyTorch's amax. */
  ReduceMax: (node, g, b, context) => {
    const [x] = node.inputs;
    const { axes, grad, kept } = reduced(node, g, b, context);
    const mask = b.cast(b.equal(x, kept()), DataType.float32);
    return [b.mul(grad, b.div(mask, b.reduceSum(mask, axes)))];
  },

  /** y = the square root of the sum of x^2: y' = x / y. */
  ReduceL2: (node, g, b, context) => {
    const [x] = node.inputs;
    const { grad, kept } = reduced(node, g, b, context);
    return [b.mul(grad, b.div(x, kept()))];
  },

  /** y = the sum of x^2: y' = 2 x. */
  ReduceSumSquare: (node, g, b, context) => [
    b.mul(reduced(node, g, b, context).grad, b.mul(node.inputs[0], b.floats(2))),
  ],
});
