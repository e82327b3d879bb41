import { UserError } from '../../errors.js';
import type { GraphBuilder, Value } from '../../onnx/builder.js';
import { describeNode, floatAttribute, intAttribute } from '../../onnx/model.js';
import { simpleRules } from '../rule.js';

/** For each channel of x [N, C, H, W], the sum over itself, `before` channels before it and `after` channels after it. */
function channelSum(b: GraphBuilder, x: Value, before: number, after: number): Value {
  // [N, C, H, W] -> [N, 1, C, H W]: a window over channels becomes a window over rows.
  const rows = b.reshape(x, b.concat([b.shape(x, 0, 1), b.ints([1]), b.shape(x, 1, 2), b.ints([-1])], 0));
  const size = before + after + 1;
  const mean = b.averagePool(rows, { kernel_shape: [size, 1], pads: [before, 0, after, 0], count_include_pad: 1 });
  return b.reshape(b.mul(mean, b.floats(size)), b.shape(x));
}

/** z = (x - mean) / deviation over some axes. */
function standardised(b: GraphBuilder, x: Value, axes: readonly number[], epsilon: number): { readonly z: Value; readonly deviation: Value } {
  const centred = b.sub(x, b.reduceMean(x, axes));
  const deviation = b.sqrt(b.add(b.reduceMean(b.mul(centred, centred), axes), b.floats(epsilon)));
  return { z: b.div(centred, deviation), deviation };
}

/**
 * z = (x - mean) / sqrt(variance + epsilon) over some axes, y = scale z + bias: with h = g scale,
 * dx = (h - mean(h) - z mean(h z)) / sqrt(variance + epsilon).
 *
 * @param axes the axes of x that are normalised, counted from the last
 */
function standardisedGradient(b: GraphBuilder, x: Value, h: Value, axes: readonly number[], epsilon: number): Value {
  const { z, deviation } = standardised(b, x, axes, epsilon);
  const along = b.mul(z, b.reduceMean(b.mul(h, z), axes));
  return b.div(b.sub(b.sub(h, b.reduceMean(h, axes)), along), deviation);
}

export const normalisations = simpleRules({
  /** y = scale (x - mean) / sqrt(variance + epsilon) + bias per channel of x [N, C, ...], with fixed statistics; scale and bias are weights. */
  BatchNormalization: (node, g, b, context) => {
    const [x, scale, bias, mean, variance] = node.inputs;
    context.requireLeadingBatch(node, x);
    const inverse = context.weight(node, variance).toFloat32().map((value) => 1 / Math.sqrt(value + floatAttribute(node, 'epsilon', 1e-5)));
    const spatial = Array.from({ length: context.rank(node, x) - 2 }, (_, i) => i + 2);
    const perChannel = [inverse.length, ...spatial.map(() => 1)];
    const slope = context.wants(scale)
      ? b.mul(b.reshape(scale, perChannel), b.floats(inverse, perChannel))
      : b.floats(context.weight(node, scale).toFloat32().map((value, i) => value * inverse[i]), perChannel);
    const standardised = (): Value => b.mul(b.sub(x, b.floats(context.weight(node, mean).toFloat32(), perChannel)), b.floats(inverse, perChannel));
    return [
      context.wants(x) ? b.mul(g, slope) : undefined,
      context.wants(scale) ? b.reduceSum(b.mul(g, standardised()), [0, ...spatial], false) : undefined,
      context.wants(bias) ? b.reduceSum(g, [0, ...spatial], false) : undefined,
    ];
  },

  /**
   * y = x / d^beta with d = bias + alpha / size * (the sum of x^2 over a window of channels), so that
   * dx = g / d^beta - 2 alpha beta / size * x * (the sum of g y / d over the mirrored window).
   */
  LRN: (node, g, b, context) => {
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
  },

  /** Normalises every position over the axes from `axis` on. Scale and bias have the shape of these axes. */
  LayerNormalization: (node, g, b, context) => {
    const [x, scale, bias] = node.inputs;
    const rank = context.rank(node, x);
    const axis = intAttribute(node, 'axis', -1);
    const first = axis < 0 ? axis : axis - rank;
    const axes = Array.from({ length: -first }, (_, i) => first + i);
    const epsilon = floatAttribute(node, 'epsilon', 1e-5);
    return [
      context.wants(x) ? standardisedGradient(b, x, b.mul(g, scale), axes, epsilon) : undefined,
      context.operand(node, 1, () => b.mul(g, standardised(b, x, axes, epsilon).z)),
      bias && context.wants(bias) ? context.unbroadcast(node, g, bias) : undefined,
    ];
  },

  /** Normalises every channel of x [N, C, H, W] over its positions; scale and bias [C]. Exporters use it for group normalisation. */
  InstanceNormalization: (node, g, b, context) => {
    const [x, scale] = node.inputs;
    context.requireLeadingBatch(node, x);
    if (context.wants(scale) || context.wants(node.inputs[2])) throw new UserError(`${describeNode(node)} has no gradient rule for its weights`);
    const axes = Array.from({ length: context.rank(node, x) - 2 }, (_, i) => -1 - i);
    const perChannel = b.reshape(scale, [-1, ...axes.map(() => 1)]);
    return [standardisedGradient(b, x, b.mul(g, perChannel), axes, floatAttribute(node, 'epsilon', 1e-5))];
  },

  /** dx = y (g - sum(g y)), with the sum along the axis. */
  Softmax: (node, g, b, context) => {
    const [y] = node.outputs;
    const rank = context.rank(node, y);
    const axis = (intAttribute(node, 'axis', -1) + rank) % rank;
    return [b.mul(y, b.sub(g, b.reduceSum(b.mul(g, y), [context.gradientAxis(node, y, axis)])))];
  },
});
