import type * as Tf from '@tensorflow/tfjs-core';
import { floatAttribute, stringAttribute } from '../../../onnx/model.js';
import { broadcasting } from './helpers/broadcast.js';
import type { OperatorCall, OperatorTable, TfOperator } from './helpers/call.js';
import { clamped, negativePart, unary } from './helpers/elementwise.js';
import { DeviceValue } from '../value.js';

type Tfjs = OperatorCall['tf'];

/** In WebAssembly, TensorFlow.js computes these functions in scalar code, ten times slower than as a series of vector operators. */
const inSteps = (tf: Tfjs): boolean => tf.getBackend() === 'wasm';

/** tanh x = 2 sigmoid(2 x) - 1. */
function tanh(tf: Tfjs, x: Tf.Tensor): Tf.Tensor {
  return inSteps(tf) ? tf.sub(tf.mul(2, tf.sigmoid(tf.mul(2, x))), 1) : tf.tanh(x);
}

/**
 * The error function. In steps it is 1 - p(t) exp(-x^2) with t = 1 / (1 + 0.3275911 |x|) and a polynomial p, with an error below
 * 1.5e-7 (Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26). TensorFlow.js uses the same formula.
 */
function erf(tf: Tfjs, x: Tf.Tensor): Tf.Tensor {
  if (!inSteps(tf)) return tf.erf(x);
  const t = tf.div(1, tf.add(1, tf.mul(0.3275911, tf.abs(x))));
  const terms = [-1.453152027, 1.421413741, -0.284496736, 0.254829592];
  const p = terms.reduce<Tf.Tensor>((sum, term) => tf.add(tf.mul(sum, t), term), tf.scalar(1.061405429));
  const magnitude = tf.sub(1, tf.mul(tf.mul(p, t), tf.exp(tf.neg(tf.square(x)))));
  // The sign of x, and 0 at 0.
  return tf.mul(magnitude, tf.clipByValue(tf.mul(x, 1e30), -1, 1));
}

/** alpha (exp(x) - 1) below 0, and x above. */
function elu(tf: Tfjs, x: Tf.Tensor, alpha: number): Tf.Tensor {
  return tf.add(tf.relu(x), tf.mul(alpha, tf.sub(tf.exp(negativePart(tf, x)), 1)));
}

/** x share(x). */
const gated = (share: (tf: Tfjs, x: Tf.Tensor) => Tf.Tensor): TfOperator => unary((x, { tf }) => tf.mul(x, share(tf, x)));

const gelu: TfOperator = (call) => {
  if (stringAttribute(call.node, 'approximate', 'none') !== 'tanh') return gated((tf, x) => tf.mul(0.5, tf.add(1, erf(tf, tf.mul(x, Math.SQRT1_2)))))(call);
  const inner = (tf: Tfjs, x: Tf.Tensor): Tf.Tensor => tf.mul(tf.mul(Math.sqrt(2 / Math.PI), x), tf.add(1, tf.mul(0.044715, tf.square(x))));
  return gated((tf, x) => tf.mul(0.5, tf.add(1, tanh(tf, inner(tf, x)))))(call);
};

const clip: TfOperator = (call) => {
  const limit = (i: number, otherwise: number): number => {
    if (!call.has(i)) return otherwise;
    const value = call.value(i);
    return (value instanceof DeviceValue ? value.number : undefined) ?? call.host(i).data[0];
  };
  const [low, high] = [limit(1, -Infinity), limit(2, Infinity)];
  return call.resultLike(call.device(0), (x) => clamped(call.tf, x, low, high));
};

export const activations: OperatorTable = {
  Relu: unary((x, { tf }) => tf.relu(x)),
  LeakyRelu: unary((x, { tf, node }) => tf.add(tf.relu(x), tf.mul(floatAttribute(node, 'alpha', 0.01), negativePart(tf, x)))),
  PRelu: (call) => broadcasting(call, [0, 1], (x, slope) => call.tf.add(call.tf.relu(x), call.tf.mul(slope, negativePart(call.tf, x)))),
  ThresholdedRelu: unary((x, { tf, node }) => tf.mul(x, tf.step(tf.sub(x, floatAttribute(node, 'alpha', 1))))),
  Clip: clip,
  Sigmoid: unary((x, { tf }) => tf.sigmoid(x)),
  Tanh: unary((x, { tf }) => tanh(tf, x)),
  Erf: unary((x, { tf }) => erf(tf, x)),
  Softplus: unary((x, { tf }) => tf.softplus(x)),
  Softsign: unary((x, { tf }) => tf.div(x, tf.add(1, tf.abs(x)))),
  Elu: unary((x, { tf, node }) => elu(tf, x, floatAttribute(node, 'alpha', 1))),
  // The exponential is of x / alpha.
  Celu: unary((x, { tf, node }) => {
    const alpha = floatAttribute(node, 'alpha', 1);
    return tf.mul(alpha, elu(tf, tf.div(x, alpha), 1));
  }),
  Selu: unary((x, { tf, node }) => tf.mul(floatAttribute(node, 'gamma', 1.0507009873554805), elu(tf, x, floatAttribute(node, 'alpha', 1.6732632423543772)))),
  Mish: gated((tf, x) => tanh(tf, tf.softplus(x))),
  Gelu: gelu,
  HardSigmoid: unary((x, { tf, node }) => (
    tf.clipByValue(tf.add(tf.mul(x, floatAttribute(node, 'alpha', 0.2)), floatAttribute(node, 'beta', 0.5)), 0, 1))),
  HardSwish: gated((tf, x) => tf.clipByValue(tf.add(tf.mul(x, 1 / 6), 0.5), 0, 1)),
};
