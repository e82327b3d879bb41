import type * as Tf from '@tensorflow/tfjs-core';
import { isInteger } from '../../../onnx/shapes/element-types.js';
import { HostValue } from '../../../onnx/shapes/host-ops.js';
import { intAttribute } from '../../../onnx/model.js';
import { broadcastDims } from '../../../onnx/shapes/tensor-info.js';
import { DataType } from '../../../onnx/tensor.js';
import { broadcasting, repeated } from './helpers/broadcast.js';
import type { OperatorCall, OperatorTable, TfOperator } from './helpers/call.js';
import { folded, unary } from './helpers/elementwise.js';
import { DeviceValue } from '../value.js';

// Booleans on the backend are the floats 0 and 1. In WebAssembly, sums and steps of floats are twenty times faster than
// comparisons, and most booleans are used as factors.

type Tfjs = OperatorCall['tf'];

/** 1 where a > b, else 0. */
const above = (tf: Tfjs, a: Tf.Tensor, b: Tf.Tensor): Tf.Tensor => tf.step(tf.sub(a, b));
const not = (tf: Tfjs, truth: Tf.Tensor): Tf.Tensor => tf.sub(1, truth);

const where: TfOperator = (call) => {
  const choices = [call.value(1), call.value(2)];
  if (choices.every((value) => value instanceof HostValue)) return call.evaluated();
  const { tf } = call;
  const numbers = choices.map((value) => (value instanceof DeviceValue ? value.number : undefined));
  const finite = numbers.every((number) => number !== undefined && Number.isFinite(number));
  return broadcasting(call, [0, 1, 2], (condition, a, b) => {
    if (finite) return tf.add(tf.mul(condition, a), tf.mul(not(tf, condition), b));
    // TensorFlow.js's own select does not broadcast on every backend.
    const shape = [condition, a, b].map((tensor) => tensor.shape as readonly number[]).reduce(broadcastDims);
    return tf.where(tf.cast(repeated(tf, condition, shape), 'bool'), repeated(tf, a, shape), repeated(tf, b, shape));
  });
};

const cast: TfOperator = (call) => {
  const to = intAttribute(call.node, 'to', DataType.float32);
  if (isInteger(to)) return call.evaluated();
  const x = call.device(0);
  return to === DataType.bool ? call.resultLike(x, (tensor) => call.tf.step(call.tf.abs(tensor))) : x;
};

/** Comparisons and boolean operators. */
export const logic: OperatorTable = {
  Greater: folded(above),
  GreaterOrEqual: folded((tf, a, b) => not(tf, above(tf, b, a))),
  Less: folded((tf, a, b) => above(tf, b, a)),
  LessOrEqual: folded((tf, a, b) => not(tf, above(tf, a, b))),
  Equal: folded((tf, a, b) => tf.cast(tf.equal(a, b), 'float32')),
  And: folded((tf, a, b) => tf.mul(a, b)),
  Or: folded((tf, a, b) => tf.clipByValue(tf.add(a, b), 0, 1)),
  Not: unary((x, { tf }) => not(tf, x)),
  Where: where,
  Cast: cast,
};
