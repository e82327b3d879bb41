import type * as Tf from '@tensorflow/tfjs-core';
import { floatAttribute, intAttribute } from '../../../onnx/model.js';
import type { OperatorCall, OperatorTable, TfOperator } from './helpers/call.js';
import { counting, fromFirst } from './helpers/call.js';
import { power } from './helpers/elementwise.js';
import type { DeviceValue } from '../value.js';

type Tfjs = OperatorCall['tf'];

const batchNormalization: TfOperator = (call) => {
  const { tf, node } = call;
  const x = call.device(0);
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map((i) => call.device(i).plain());
  const factor = tf.div(scale, tf.sqrt(tf.add(variance, floatAttribute(node, 'epsilon', 1e-5))));
  const shift = tf.sub(bias, tf.mul(mean, factor));
  if (x.dims.length === 4) return call.resultNhwc(tf.add(tf.mul(x.nhwc(), factor), shift));
  const shape = x.dims.map((dim, i) => (i === 1 ? dim : 1));
  return call.result(tf.add(tf.mul(x.plain(), tf.reshape(factor, shape)), tf.reshape(shift, shape)), x.dims);
};

/** (x - mean) / deviation over some axes. */
function standardised(tf: Tfjs, x: Tf.Tensor, axes: number[], epsilon: number): Tf.Tensor {
  const centred = tf.sub(x, tf.mean(x, axes, true));
  return tf.div(centred, tf.sqrt(tf.add(tf.mean(tf.square(centred), axes, true), epsilon)));
}

const layerNormalization: TfOperator = (call) => {
  const { tf, node } = call;
  const x = call.device(0);
  const rank = x.dims.length;
  const axes = counting(rank).slice(fromFirst(intAttribute(node, 'axis', -1), rank));
  const scaled = tf.mul(standardised(tf, x.plain(), axes, floatAttribute(node, 'epsilon', 1e-5)), call.device(1).plain());
  return call.result(call.has(2) ? tf.add(scaled, call.device(2).plain()) : scaled, x.dims);
};

const instanceNormalization: TfOperator = (call) => {
  const { tf, node } = call;
  const x = call.device(0);
  const axes = counting(x.dims.length).slice(2);
  const perChannel = x.dims.map((dim, i) => (i === 1 ? dim : 1)).slice(1);
  const [scale, bias] = [1, 2].map((i) => tf.reshape(call.device(i).plain(), perChannel));
  return call.result(tf.add(tf.mul(standardised(tf, x.plain(), axes, floatAttribute(node, 'epsilon', 1e-5)), scale), bias), x.dims);
};

/** x / (bias + alpha / size * the sum of squares over neighbouring channels) ^ beta. */
const lrn: TfOperator = (call) => {
  const { tf, node } = call;
  const size = intAttribute(node, 'size', 1);
  const x = call.device(0).nhwc();
  const [n, h, w, c] = x.shape;
  // Channels on both sides, one more after it if the size is even. A product is faster than slices along channels.
  const [before, after] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
  const near = Float32Array.from({ length: c * c }, (_, i) => {
    const distance = Math.floor(i / c) - (i % c);
    return distance >= -before && distance <= after ? 1 : 0;
  });
  const sums = tf.matMul(tf.reshape(tf.square(x), [n * h * w, c]), tf.tensor2d(near, [c, c]));
  const base = tf.add(tf.mul(tf.reshape(sums, x.shape), floatAttribute(node, 'alpha', 1e-4) / size), floatAttribute(node, 'bias', 1));
  return call.resultNhwc(tf.mul(x, power(tf, base, -floatAttribute(node, 'beta', 0.75))));
};

/** Applies a function of TensorFlow.js that works along the last axis. Another axis is swapped with the last one and back. */
function alongAxis(call: OperatorCall, f: (x: Tf.Tensor) => Tf.Tensor): DeviceValue {
  const { tf, node } = call;
  const x = call.device(0);
  const rank = x.dims.length;
  const axis = fromFirst(intAttribute(node, 'axis', -1), rank);
  if (x.channelsLast && axis === 1) return call.resultNhwc(f(x.nhwc()));
  if (axis === rank - 1) return call.result(f(x.plain()), x.dims);
  const swapped = counting(rank).map((i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i));
  return call.result(tf.transpose(f(tf.transpose(x.plain(), swapped)), swapped), x.dims);
}

export const normalisations: OperatorTable = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  InstanceNormalization: instanceNormalization,
  LRN: lrn,
  Softmax: (call) => alongAxis(call, (x) => call.tf.softmax(x)),
  LogSoftmax: (call) => alongAxis(call, (x) => call.tf.logSoftmax(x)),
};
