import { DataType } from '../../onnx/tensor.js';
import type { GraphBuilder, Value } from '../../onnx/builder.js';
import { floatAttribute, stringAttribute } from '../../onnx/model.js';
import { simpleRules } from '../rule.js';

/** g if the condition is true, else 0. The condition has one image and g may have many seeds, so it is cast only once. */
function keepWhere(b: GraphBuilder, condition: Value, g: Value): Value {
  return b.mul(g, b.cast(condition, DataType.float32));
}

/** Whether y >= 0 is positive. A cast to bool is much faster than a comparison or a sign. */
function positive(b: GraphBuilder, y: Value): Value {
  return b.cast(y, DataType.bool);
}

export const activations = simpleRules({
  /** y = max(x, 0). The output shows where the input was positive, so the input does not have to be kept. */
  Relu: ({ outputs: [y] }, g, b) => [keepWhere(b, positive(b, y), g)],

  /** y = min(max(x, lo), hi). At and beyond the limits of y the gradient is 0, as in PyTorch's relu6 (hardtanh). */
  Clip: ({ inputs: [, lo, hi], outputs: [y] }, g, b, context) => {
    const above = lo ? (context.values(lo)?.[0] === 0 ? positive(b, y) : b.greater(y, lo)) : undefined;
    const below = hi ? b.less(y, hi) : undefined;
    const inside = above && below ? b.and(above, below) : above ?? below;
    return [inside === undefined ? g : keepWhere(b, inside, g)];
  },

  /** y = x for x >= 0, alpha x below. */
  LeakyRelu: (node, g, b) => {
    const alpha = floatAttribute(node, 'alpha', 0.01);
    return [b.mul(g, b.where(b.greater(node.inputs[0], b.floats(0)), b.floats(1), b.floats(alpha)))];
  },

  /** y = x for x >= 0, slope x below. The slope is a tensor, usually a weight [C, 1, 1]. */
  PRelu: (node, g, b, context) => {
    const [x, slope] = node.inputs;
    return [
      context.wants(x) ? b.mul(g, b.where(b.greater(x, b.floats(0)), b.floats(1), slope)) : undefined,
      context.wants(slope) ? context.unbroadcast(node, b.mul(g, b.min(x, b.floats(0))), slope) : undefined,
    ];
  },

  /** y' = y (1 - y). */
  Sigmoid: ({ outputs: [y] }, g, b) => [b.mul(g, b.mul(y, b.sub(b.floats(1), y)))],
  /** y' = 1 - y^2. */
  Tanh: ({ outputs: [y] }, g, b) => [b.mul(g, b.sub(b.floats(1), b.mul(y, y)))],

  /** y = max(0, min(1, alpha x + beta)). */
  HardSigmoid: (node, g, b) => {
    const [y] = node.outputs;
    const inside = b.and(b.greater(y, b.floats(0)), b.less(y, b.floats(1)));
    return [b.mul(keepWhere(b, inside, g), b.floats(floatAttribute(node, 'alpha', 0.2)))];
  },

  /** y = x max(0, min(1, x / 6 + 1/2)): y' is 0 below -3, 1 above 3, x / 3 + 1/2 between. */
  HardSwish: ({ inputs: [x] }, g, b) => {
    const slope = b.add(b.mul(x, b.floats(1 / 3)), b.floats(0.5));
    const above = b.where(b.less(x, b.floats(3)), slope, b.floats(1));
    return [b.mul(g, b.where(b.greater(x, b.floats(-3)), above, b.floats(0)))];
  },

  /** y = x for x > 0, alpha (exp(x) - 1) below, where y' = y + alpha. */
  Elu: (node, g, b) => {
    const [x] = node.inputs;
    const [y] = node.outputs;
    const below = b.add(y, b.floats(floatAttribute(node, 'alpha', 1)));
    return [b.mul(g, b.where(b.greater(x, b.floats(0)), b.floats(1), below))];
  },

  /** y = x for x > 0, alpha (exp(x / alpha) - 1) below, where y' = y / alpha + 1. */
  Celu: (node, g, b) => {
    const below = b.add(b.mul(node.outputs[0], b.floats(1 / floatAttribute(node, 'alpha', 1))), b.floats(1));
    return [b.mul(g, b.where(b.greater(node.inputs[0], b.floats(0)), b.floats(1), below))];
  },

  /** y = gamma x for x > 0, gamma alpha (exp(x) - 1) below, where y' = y + gamma alpha. */
  Selu: (node, g, b) => {
    const [x] = node.inputs;
    const [y] = node.outputs;
    const gamma = floatAttribute(node, 'gamma', 1.0507009873554805);
    const alpha = floatAttribute(node, 'alpha', 1.6732632423543772);
    return [b.mul(g, b.where(b.greater(x, b.floats(0)), b.floats(gamma), b.add(y, b.floats(gamma * alpha))))];
  },

  /** y = log(1 + exp(x)): y' = sigmoid(x). */
  Softplus: ({ inputs: [x] }, g, b) => [b.mul(g, b.sigmoid(x))],

  /** y = x tanh(s) with s = softplus(x): y' = tanh(s) + x (1 - tanh(s)^2) sigmoid(x). */
  Mish: ({ inputs: [x] }, g, b) => {
    const t = b.node('Tanh', [b.node('Softplus', [x])]);
    return [b.mul(g, b.add(t, b.mul(b.mul(x, b.sigmoid(x)), b.sub(b.floats(1), b.mul(t, t)))))];
  },

  /**
   * y = x P(x) with P the normal distribution: y' = P(x) + x exp(-x^2 / 2) / sqrt(2 pi). With the approximation `tanh`,
   * y = x (1 + t) / 2 with t = tanh(u), u = sqrt(2 / pi) (x + 0.044715 x^3): y' = (1 + t) / 2 + x (1 - t^2) u' / 2.
   */
  Gelu: (node, g, b) => {
    const [x] = node.inputs;
    const [one, half] = [b.floats(1), b.floats(0.5)];
    const square = b.mul(x, x);
    if (stringAttribute(node, 'approximate', 'none') === 'tanh') {
      const slope = Math.sqrt(2 / Math.PI);
      const t = b.node('Tanh', [b.mul(x, b.add(b.floats(slope), b.mul(b.floats(slope * 0.044715), square)))]);
      const inner = b.add(b.floats(slope), b.mul(b.floats(3 * slope * 0.044715), square));
      return [b.mul(g, b.mul(half, b.add(b.add(one, t), b.mul(b.mul(x, b.sub(one, b.mul(t, t))), inner))))];
    }
    const distribution = b.mul(half, b.add(one, b.node('Erf', [b.mul(x, b.floats(Math.SQRT1_2))])));
    const density = b.mul(b.floats(1 / Math.sqrt(2 * Math.PI)), b.exp(b.mul(square, b.floats(-0.5))));
    return [b.mul(g, b.add(distribution, b.mul(x, density)))];
  },

  /** y' = 2 / sqrt(pi) exp(-x^2). */
  Erf: ({ inputs: [x] }, g, b) => [b.mul(g, b.mul(b.floats(2 / Math.sqrt(Math.PI)), b.exp(b.neg(b.mul(x, x)))))],
});
