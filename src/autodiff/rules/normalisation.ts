import type { GraphBuilder, Value } from '../../onnx/builder.js';
import { floatAttribute, intAttribute } from '../../onnx/model.js';
import type { SimpleRule } from '../rule.js';

/** y = scale (x - mean) / sqrt(variance + epsilon) + bias per channel, with fixed statistics; scale and bias are weights. */
export const batchNormalization: SimpleRule = (node, g, b, context) => {
  const [x, scale, bias, mean, variance] = node.inputs;
  const inverse = context.weight(node, variance).toFloat32().map((value) => 1 / Math.sqrt(value + floatAttribute(node, 'epsilon', 1e-5)));
  const perChannel = [inverse.length, 1, 1];
  const slope = context.wants(scale)
    ? b.mul(b.reshape(scale, perChannel), b.floats(inverse, perChannel))
    : b.floats(context.weight(node, scale).toFloat32().map((value, i) => value * inverse[i]), perChannel);
  const standardised = (): Value => b.mul(b.sub(x, b.floats(context.weight(node, mean).toFloat32(), perChannel)), b.floats(inverse, perChannel));
  return [
    context.wants(x) ? b.mul(g, slope) : undefined,
    context.wants(scale) ? b.reduceSum(b.mul(g, standardised()), [0, 2, 3], false) : undefined,
    context.wants(bias) ? b.reduceSum(g, [0, 2, 3], false) : undefined,
  ];
};

/**
 * y = x / d^beta with d = bias + alpha / size * (the sum of x^2 over a window of channels), so that
 * dx = g / d^beta - 2 alpha beta / size * x * (the sum of g y / d over the mirrored window).
 */
export const lrn: SimpleRule = (node, g, b, context) => {
  const [x] = node.inputs;
  const [y] = node.outputs;
  const size = intAttribute(node, 'size', 1);
  const alpha = floatAttribute(node, 'alpha', 1e-4);
  const beta = floatAttribute(node, 'beta', 0.75);
  const bias = floatAttribute(node, 'bias', 1);
  const [before, after] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
  const d = b.add(b.floats(bias), b.mul(b.floats(alpha / size), channelSum(b, b.mul(x, x), before, after)));
  const spread = channelSum(b, b.div(b.mul(g, y), d), after, before);
  context.requireLeadingBatch(node, x);
  return [b.sub(b.mul(g, b.pow(d, b.floats(-beta))), b.mul(b.floats(2 * alpha * beta / size), b.mul(x, spread)))];
};

/** For each channel the sum over itself, `before` channels before it and `after` behind. x [N, C, H, W]. */
function channelSum(b: GraphBuilder, x: Value, before: number, after: number): Value {
  // [N, C, H, W] -> [N, 1, C, H W], where a window over channels is a window over rows.
  const rows = b.reshape(x, b.concat([b.shape(x, 0, 1), b.ints([1]), b.shape(x, 1, 2), b.ints([-1])], 0));
  const size = before + after + 1;
  const mean = b.averagePool(rows, { kernel_shape: [size, 1], pads: [before, 0, after, 0], count_include_pad: 1 });
  return b.reshape(b.mul(mean, b.floats(size)), b.shape(x));
}
