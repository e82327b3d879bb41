import type * as Tf from '@tensorflow/tfjs-core';
import { hostMap, HostValue } from '../../../onnx/shapes/host-ops.js';
import { intAttribute } from '../../../onnx/model.js';
import { broadcastDims } from '../../../onnx/shapes/tensor-info.js';
import { DataType } from '../../../onnx/tensor.js';
import { broadcasting, repeated } from './broadcast.js';
import { folded, unary } from './arithmetic.js';
import type { OperatorCall, OperatorTable, TfOperator } from './operator.js';
import { DeviceValue } from '../value.js';

// Truths on the backend are the floats 0 and 1: sums and steps of floats are twenty times faster in WebAssembly than
// comparisons, and most truths become factors of a product next.

type Tfjs = OperatorCall['tf'];

const asNumber = (truth: boolean): number => (truth ? 1 : 0);
/** 1 where a > b, else 0. */
const above = (tf: Tfjs, a: Tf.Tensor, b: Tf.Tensor): Tf.Tensor => tf.step(tf.sub(a, b));
const not = (tf: Tfjs, truth: Tf.Tensor): Tf.Tensor => tf.sub(1, truth);

const where: TfOperator = (call) => {
  const choices = [call.value(1), call.value(2)];
  if (call.onHost || choices.every((value) => value instanceof HostValue)) {
    return hostMap([0, 1, 2].map((i) => call.host(i)), (condition, a, b) => (condition === 0 ? b : a));
  }
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
  const value = call.value(0);
  const whole = [DataType.int64, DataType.int32, DataType.int16, DataType.int8, DataType.uint8].includes(to as never);
  if (whole) return hostMap([call.host(0)], Math.trunc);
  if (to === DataType.bool && value instanceof HostValue) return hostMap([value], (x) => asNumber(x !== 0));
  const x = call.device(0);
  return to === DataType.bool ? call.resultLike(x, (tensor) => call.tf.step(call.tf.abs(tensor))) : x;
};

/** What compares numbers, and what joins truths. */
export const logic: OperatorTable = {
  Greater: folded((tf, a, b) => above(tf, a, b), (a, b) => asNumber(a > b)),
  GreaterOrEqual: folded((tf, a, b) => not(tf, above(tf, b, a)), (a, b) => asNumber(a >= b)),
  Less: folded((tf, a, b) => above(tf, b, a), (a, b) => asNumber(a < b)),
  LessOrEqual: folded((tf, a, b) => not(tf, above(tf, a, b)), (a, b) => asNumber(a <= b)),
  Equal: folded((tf, a, b) => tf.cast(tf.equal(a, b), 'float32'), (a, b) => asNumber(a === b)),
  And: folded((tf, a, b) => tf.mul(a, b), (a, b) => asNumber(a !== 0 && b !== 0)),
  Or: folded((tf, a, b) => tf.clipByValue(tf.add(a, b), 0, 1), (a, b) => asNumber(a !== 0 || b !== 0)),
  Not: unary((x, { tf }) => not(tf, x), (x) => asNumber(x === 0)),
  Where: where,
  Cast: cast,
};
