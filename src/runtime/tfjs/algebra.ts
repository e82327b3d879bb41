import type * as Tf from '@tensorflow/tfjs-core';
import { floatAttribute, intAttribute, intsAttribute } from '../../onnx/model.js';
import { hostReduce } from './host-ops.js';
import type { OperatorCall, TfOperator } from './operator.js';
import { DeviceValue, lastAxis } from './value.js';

/** The axes of a reduction, all of them where none are given. */
function reductionAxes(call: OperatorCall, rank: number): number[] {
  const given = call.has(1) ? call.host(1).data : intsAttribute(call.node, 'axes') ?? [];
  if (given.length > 0) return given.map((axis) => (axis < 0 ? axis + rank : axis));
  return intAttribute(call.node, 'noop_with_empty_axes', 0) === 1 ? [] : Array.from({ length: rank }, (_, i) => i);
}

function reduction(
  onDevice: (tf: OperatorCall['tf'], x: Tf.Tensor, axes: number[], keepdims: boolean) => Tf.Tensor,
  onHost?: { readonly f: (a: number, b: number) => number; readonly initial: number },
): TfOperator {
  return (call) => {
    const value = call.value(0);
    const rank = value.dims.length;
    const axes = reductionAxes(call, rank);
    const keepdims = intAttribute(call.node, 'keepdims', 1) === 1;
    if (onHost !== undefined && call.onHost) return hostReduce(call.host(0), axes, keepdims, onHost.f, onHost.initial);
    const x = call.device(0);
    const dims = x.dims.flatMap((dim, i) => (axes.includes(i) ? (keepdims ? [1] : []) : [dim]));
    if (axes.length === 0) return new DeviceValue(call.tf, dims, call.tf.clone(x.asItLies()), x.channelsLast);
    // Without their axis, height and width would not come in the same order in both layouts.
    if (x.channelsLast && keepdims) return new DeviceValue(call.tf, dims, onDevice(call.tf, x.nhwc(), axes.map(lastAxis), true), true);
    return call.result(onDevice(call.tf, x.plain(), axes, keepdims), dims);
  };
}

/** Along the last axis, as TensorFlow.js has it, with the axis in question moved there and back. */
function alongAxis(call: OperatorCall, f: (x: Tf.Tensor) => Tf.Tensor): DeviceValue {
  const { tf, node } = call;
  const x = call.device(0);
  const rank = x.dims.length;
  const axis = intAttribute(node, 'axis', -1);
  const at = axis < 0 ? axis + rank : axis;
  if (at === rank - 1) return call.result(f(x.plain()), x.dims);
  const perm = Array.from({ length: rank }, (_, i) => (i === at ? rank - 1 : i === rank - 1 ? at : i));
  return call.result(tf.transpose(f(tf.transpose(x.plain(), perm)), perm), x.dims);
}

const gemm: TfOperator = (call) => {
  const { tf, node } = call;
  const flag = (name: string): boolean => intAttribute(node, name, 0) === 1;
  const product = tf.matMul(call.device(0).plain(), call.device(1).plain(), flag('transA'), flag('transB'));
  const [alpha, beta] = [floatAttribute(node, 'alpha', 1), floatAttribute(node, 'beta', 1)];
  const scaled = alpha === 1 ? product : tf.mul(product, alpha);
  if (!call.has(2)) return call.result(scaled);
  const bias = call.device(2).plain();
  return call.result(tf.add(scaled, beta === 1 ? bias : tf.mul(bias, beta)));
};

const matMul: TfOperator = (call) => {
  const { tf } = call;
  const [a, b] = [call.device(0), call.device(1)];
  // A vector is a row on the left, a column on the right, and its axis is gone in the end.
  const left = a.dims.length === 1 ? tf.reshape(a.plain(), [1, a.dims[0]]) : a.plain();
  const right = b.dims.length === 1 ? tf.reshape(b.plain(), [b.dims[0], 1]) : b.plain();
  const product = tf.matMul(left, right);
  const rank = product.shape.length;
  const dims = product.shape.filter((_, i) => !(a.dims.length === 1 && i === rank - 2) && !(b.dims.length === 1 && i === rank - 1));
  return call.result(tf.reshape(product, dims), dims);
};

const batchNormalization: TfOperator = (call) => {
  const { tf, node } = call;
  const x = call.device(0);
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map((i) => call.device(i).plain());
  const factor = tf.div(scale, tf.sqrt(tf.add(variance, floatAttribute(node, 'epsilon', 1e-5))));
  const shift = tf.sub(bias, tf.mul(mean, factor));
  if (x.dims.length === 4) return call.resultNhwc(tf.add(tf.mul(x.nhwc(), factor), shift));
  const shape = x.dims.map((_, i) => (i === 1 ? -1 : 1));
  return call.result(tf.add(tf.mul(x.plain(), tf.reshape(factor, shape)), tf.reshape(shift, shape)), x.dims);
};

/** Centred and divided by the deviation over some axes. */
function standardised(tf: OperatorCall['tf'], x: Tf.Tensor, axes: number[], epsilon: number): Tf.Tensor {
  const centred = tf.sub(x, tf.mean(x, axes, true));
  return tf.div(centred, tf.sqrt(tf.add(tf.mean(tf.square(centred), axes, true), epsilon)));
}

export const algebra: Readonly<Record<string, TfOperator>> = {
  Gemm: gemm,
  MatMul: matMul,
  BatchNormalization: batchNormalization,
  LayerNormalization: (call) => {
    const { tf, node } = call;
    const x = call.device(0);
    const axis = intAttribute(node, 'axis', -1);
    const from = axis < 0 ? axis + x.dims.length : axis;
    const axes = Array.from({ length: x.dims.length - from }, (_, i) => from + i);
    const scaled = tf.mul(standardised(tf, x.plain(), axes, floatAttribute(node, 'epsilon', 1e-5)), call.device(1).plain());
    return call.result(call.has(2) ? tf.add(scaled, call.device(2).plain()) : scaled, x.dims);
  },
  InstanceNormalization: (call) => {
    const { tf, node } = call;
    const x = standardised(tf, call.device(0).nhwc(), [1, 2], floatAttribute(node, 'epsilon', 1e-5));
    return call.resultNhwc(tf.add(tf.mul(x, call.device(1).plain()), call.device(2).plain()));
  },
  Softmax: (call) => alongAxis(call, (x) => call.tf.softmax(x)),
  LogSoftmax: (call) => alongAxis(call, (x) => call.tf.logSoftmax(x)),
  ReduceSum: reduction((tf, x, axes, keep) => tf.sum(x, axes, keep), { f: (a, b) => a + b, initial: 0 }),
  ReduceMean: reduction((tf, x, axes, keep) => tf.mean(x, axes, keep)),
  ReduceMax: reduction((tf, x, axes, keep) => tf.max(x, axes, keep), { f: Math.max, initial: -Infinity }),
  ReduceMin: reduction((tf, x, axes, keep) => tf.min(x, axes, keep), { f: Math.min, initial: Infinity }),
  ReduceProd: reduction((tf, x, axes, keep) => tf.prod(x, axes, keep), { f: (a, b) => a * b, initial: 1 }),
  ReduceL2: reduction((tf, x, axes, keep) => tf.sqrt(tf.sum(tf.square(x), axes, keep))),
  ReduceSumSquare: reduction((tf, x, axes, keep) => tf.sum(tf.square(x), axes, keep)),
  ArgMax: (call) => {
    const { tf, node } = call;
    const x = call.device(0);
    const axis = intAttribute(node, 'axis', 0);
    const at = axis < 0 ? axis + x.dims.length : axis;
    const found = tf.argMax(x.plain(), at);
    return call.result(intAttribute(node, 'keepdims', 1) === 1 ? tf.expandDims(found, at) : found);
  },
};
