import type * as Tf from '@tensorflow/tfjs-core';
import { floatAttribute, intAttribute, stringAttribute } from '../../onnx/model.js';
import { DataType } from '../../onnx/tensor.js';
import { broadcastDims, hostMap } from './host-ops.js';
import type { OperatorCall, TfOperator } from './operator.js';
import { DeviceValue } from './value.js';

/** One input, element by element: the tensor stays as it lies. */
function unary(onDevice: (x: Tf.Tensor, call: OperatorCall) => Tf.Tensor, onHost?: (x: number) => number): TfOperator {
  return (call) => {
    const value = call.value(0);
    if (onHost !== undefined && call.onHost) return hostMap([call.host(0)], onHost);
    const x = value instanceof DeviceValue ? value : call.device(0);
    return new DeviceValue(call.tf, x.dims, onDevice(x.asItLies(), call), x.channelsLast);
  };
}

/** Several inputs with broadcasting. Where one of them lies with channels last, all are laid so. */
export function broadcasting(
  call: OperatorCall, inputs: readonly number[], combine: (...tensors: Tf.Tensor[]) => Tf.Tensor,
): DeviceValue {
  const { tf } = call;
  const values = inputs.map((i) => call.device(i));
  const dims = broadcastDims(...values.map((value) => value.dims));
  if (dims.length !== 4 || !values.some((value) => value.channelsLast)) return call.result(combine(...values.map((value) => value.plain())), dims);
  const laid = values.map((value) => {
    if (value.dims.length === 4) return value.nhwc();
    if (value.dims.every((dim) => dim === 1)) return tf.reshape(value.plain(), []);
    return tf.transpose(tf.reshape(value.plain(), [...Array<number>(4 - value.dims.length).fill(1), ...value.dims]), [0, 2, 3, 1]);
  });
  return new DeviceValue(tf, dims, combine(...laid), true);
}

function nary(onDevice: (tf: OperatorCall['tf'], a: Tf.Tensor, b: Tf.Tensor) => Tf.Tensor, onHost: (a: number, b: number) => number): TfOperator {
  return (call) => {
    const inputs = Array.from({ length: call.count }, (_, i) => i);
    if (call.onHost) return hostMap(inputs.map((i) => call.host(i)), (...numbers) => numbers.reduce((a, b) => onHost(a, b)));
    if (inputs.length === 1) return call.device(0);
    return broadcasting(call, inputs, (...tensors) => tensors.reduce((a, b) => onDevice(call.tf, a, b)));
  };
}

const asNumber = (truth: boolean): number => (truth ? 1 : 0);

export const elementwise: Readonly<Record<string, TfOperator>> = {
  Add: nary((tf, a, b) => tf.add(a, b), (a, b) => a + b),
  Sum: nary((tf, a, b) => tf.add(a, b), (a, b) => a + b),
  Sub: nary((tf, a, b) => tf.sub(a, b), (a, b) => a - b),
  Mul: nary((tf, a, b) => tf.mul(a, b), (a, b) => a * b),
  // Numbers in JavaScript are whole: they divide as ONNX's integers do.
  Div: nary((tf, a, b) => tf.div(a, b), (a, b) => Math.trunc(a / b)),
  Pow: nary((tf, a, b) => tf.pow(a, b), (a, b) => a ** b),
  Mod: nary((tf, a, b) => tf.mod(a, b), (a, b) => ((a % b) + b) % b),
  Min: nary((tf, a, b) => tf.minimum(a, b), Math.min),
  Max: nary((tf, a, b) => tf.maximum(a, b), Math.max),
  Greater: nary((tf, a, b) => tf.greater(a, b), (a, b) => asNumber(a > b)),
  GreaterOrEqual: nary((tf, a, b) => tf.greaterEqual(a, b), (a, b) => asNumber(a >= b)),
  Less: nary((tf, a, b) => tf.less(a, b), (a, b) => asNumber(a < b)),
  LessOrEqual: nary((tf, a, b) => tf.lessEqual(a, b), (a, b) => asNumber(a <= b)),
  Equal: nary((tf, a, b) => tf.equal(a, b), (a, b) => asNumber(a === b)),
  And: nary((tf, a, b) => tf.logicalAnd(tf.cast(a, 'bool'), tf.cast(b, 'bool')), (a, b) => asNumber(a !== 0 && b !== 0)),
  Or: nary((tf, a, b) => tf.logicalOr(tf.cast(a, 'bool'), tf.cast(b, 'bool')), (a, b) => asNumber(a !== 0 || b !== 0)),
  Not: unary((x, { tf }) => tf.logicalNot(tf.cast(x, 'bool')), (x) => asNumber(x === 0)),
  Where: (call) => {
    if (call.onHost) return hostMap([0, 1, 2].map((i) => call.host(i)), (condition, a, b) => (condition !== 0 ? a : b));
    // TensorFlow.js's own select does not broadcast on every backend.
    return broadcasting(call, [0, 1, 2], (condition, a, b) => {
      const { tf } = call;
      const shape = broadcastDims(condition.shape, a.shape, b.shape);
      const spread = (x: Tf.Tensor): Tf.Tensor => (x.shape.join() === shape.join() ? x : tf.broadcastTo(x, shape as [number]));
      return tf.where(tf.cast(spread(tf.cast(condition, 'float32')), 'bool'), spread(a), spread(b));
    });
  },
  Neg: unary((x, { tf }) => tf.neg(x), (x) => -x),
  Abs: unary((x, { tf }) => tf.abs(x), Math.abs),
  Sign: unary((x, { tf }) => tf.sign(x), Math.sign),
  Floor: unary((x, { tf }) => tf.floor(x), Math.floor),
  Ceil: unary((x, { tf }) => tf.ceil(x), Math.ceil),
  Sqrt: unary((x, { tf }) => tf.sqrt(x)),
  Reciprocal: unary((x, { tf }) => tf.reciprocal(x)),
  Exp: unary((x, { tf }) => tf.exp(x)),
  Log: unary((x, { tf }) => tf.log(x)),
  Erf: unary((x, { tf }) => tf.erf(x)),
  Tanh: unary((x, { tf }) => tf.tanh(x)),
  Relu: unary((x, { tf }) => tf.relu(x)),
  Sigmoid: unary((x, { tf }) => tf.sigmoid(x)),
  Softplus: unary((x, { tf }) => tf.softplus(x)),
  LeakyRelu: unary((x, { tf, node }) => tf.leakyRelu(x, floatAttribute(node, 'alpha', 0.01))),
  Elu: unary((x, { tf, node }) => {
    const alpha = floatAttribute(node, 'alpha', 1);
    return tf.add(tf.relu(x), tf.mul(alpha, tf.sub(tf.exp(tf.minimum(x, 0)), 1)));
  }),
  Selu: unary((x, { tf, node }) => {
    const [alpha, gamma] = [floatAttribute(node, 'alpha', 1.6732632), floatAttribute(node, 'gamma', 1.0507010)];
    return tf.mul(gamma, tf.add(tf.relu(x), tf.mul(alpha, tf.sub(tf.exp(tf.minimum(x, 0)), 1))));
  }),
  Mish: unary((x, { tf }) => tf.mul(x, tf.tanh(tf.softplus(x)))),
  HardSigmoid: unary((x, { tf, node }) => (
    tf.clipByValue(tf.add(tf.mul(x, floatAttribute(node, 'alpha', 0.2)), floatAttribute(node, 'beta', 0.5)), 0, 1))),
  HardSwish: unary((x, { tf }) => tf.mul(x, tf.clipByValue(tf.add(tf.mul(x, 1 / 6), 0.5), 0, 1))),
  Gelu: unary((x, { tf, node }) => {
    if (stringAttribute(node, 'approximate', 'none') === 'tanh') {
      return tf.mul(tf.mul(0.5, x), tf.add(1, tf.tanh(tf.mul(Math.sqrt(2 / Math.PI), tf.add(x, tf.mul(0.044715, tf.mul(x, tf.mul(x, x))))))));
    }
    return tf.mul(tf.mul(0.5, x), tf.add(1, tf.erf(tf.mul(x, Math.SQRT1_2))));
  }),
  PRelu: (call) => broadcasting(call, [0, 1], (x, slope) => call.tf.add(call.tf.relu(x), call.tf.mul(slope, call.tf.minimum(x, 0)))),
  Clip: (call) => {
    const bound = (i: number, otherwise: number): number => (call.has(i) ? call.host(i).data[0] : otherwise);
    const [low, high] = [bound(1, -Infinity), bound(2, Infinity)];
    if (call.onHost) return hostMap([call.host(0)], (x) => Math.min(Math.max(x, low), high));
    const { tf } = call;
    return unary((x) => {
      if (low === 0 && high === Infinity) return tf.relu(x);
      if (Number.isFinite(low) && Number.isFinite(high)) return tf.clipByValue(x, low, high);
      const above = low === -Infinity ? x : tf.maximum(x, low);
      return high === Infinity ? above : tf.minimum(above, high);
    })(call);
  },
  Cast: (call) => {
    const to = intAttribute(call.node, 'to', DataType.float32);
    const whole = [DataType.int64, DataType.int32, DataType.uint8, DataType.int8].includes(to as never);
    if (call.onHost && (whole || to === DataType.bool)) return hostMap([call.host(0)], to === DataType.bool ? (x) => asNumber(x !== 0) : Math.trunc);
    const type = to === DataType.bool ? 'bool' : whole ? 'int32' : 'float32';
    return unary((x, { tf }) => {
      if (x.dtype === type) return tf.clone(x);
      // The wasm backend's own cast makes 0.3 false.
      return type === 'bool' ? tf.notEqual(x, tf.scalar(0, x.dtype as 'float32')) : tf.cast(x, type);
    })(call);
  },
  Identity: (call) => (call.onHost ? call.host(0) : unary((x, { tf }) => tf.clone(x))(call)),
  Dropout: (call) => unary((x, { tf }) => tf.clone(x))(call),
};
