import type * as Tf from '@tensorflow/tfjs-core';
import { broadcasting } from './broadcast.js';
import { hostMap } from '../../../onnx/shapes/host-ops.js';
import type { OperatorCall, OperatorTable, TfOperator } from './operator.js';
import { counting } from './operator.js';
import { DeviceValue } from '../value.js';

type Tfjs = OperatorCall['tf'];

/** One input, element by element: the tensor stays as it lies. */
export function unary(onDevice: (x: Tf.Tensor, call: OperatorCall) => Tf.Tensor, onHost?: (x: number) => number): TfOperator {
  return (call) => {
    if (onHost !== undefined && call.onHost) return hostMap([call.host(0)], onHost);
    return call.resultLike(call.device(0), (x) => onDevice(x, call));
  };
}

/** Any number of inputs, one after the other, with broadcasting. */
export function folded(onDevice: (tf: Tfjs, a: Tf.Tensor, b: Tf.Tensor) => Tf.Tensor, onHost: (a: number, b: number) => number): TfOperator {
  return (call) => {
    const inputs = counting(call.count);
    if (call.count === 1) return call.value(0);
    if (call.onHost) return inputs.map((i) => call.host(i)).reduce((a, b) => hostMap([a, b], onHost));
    return broadcasting(call, inputs, (...tensors) => tensors.reduce((a, b) => onDevice(call.tf, a, b)));
  };
}

/** The larger or the smaller of the inputs. Against one number this is clipping, which is thirty times faster in WebAssembly. */
function extreme(
  bound: (tf: Tfjs, x: Tf.Tensor, limit: number) => Tf.Tensor, onDevice: Parameters<typeof folded>[0], onHost: (a: number, b: number) => number,
): TfOperator {
  const general = folded(onDevice, onHost);
  return (call) => {
    if (call.count !== 2 || call.onHost) return general(call);
    const numbers = [0, 1].map((i) => call.device(i).number);
    const constant = numbers.findIndex((number) => number !== undefined);
    const other = constant < 0 ? undefined : call.device(1 - constant);
    // A constant of more axes would give the result its own.
    if (other === undefined || call.value(constant).dims.length > other.dims.length) return general(call);
    return call.resultLike(other, (x) => bound(call.tf, x, numbers[constant]!));
  };
}

/** x within limits, which may be infinite. */
export function clamped(tf: Tfjs, x: Tf.Tensor, low: number, high: number): Tf.Tensor {
  if (low === -Infinity && high === Infinity) return x;
  if (low === 0 && high === Infinity) return tf.relu(x);
  return tf.clipByValue(x, low, high);
}

/** The smaller of x and 0. */
export function negativePart(tf: Tfjs, x: Tf.Tensor): Tf.Tensor {
  return tf.neg(tf.relu(tf.neg(x)));
}

/** x ^ exponent. Quarters are products of roots, which are ten times faster in WebAssembly. */
export function power(tf: Tfjs, x: Tf.Tensor, exponent: number): Tf.Tensor {
  const quarters = Math.abs(exponent) * 4;
  if (!Number.isInteger(quarters) || quarters === 0 || quarters > 16) return tf.pow(x, exponent);
  const factors = Array<Tf.Tensor>(quarters >> 2).fill(x);
  if (quarters % 4 !== 0) {
    const root = tf.sqrt(x);
    if (quarters & 2) factors.push(root);
    if (quarters & 1) factors.push(tf.sqrt(root));
  }
  const product = factors.reduce((a, b) => tf.mul(a, b));
  return exponent < 0 ? tf.div(1, product) : product;
}

const pow: TfOperator = (call) => {
  if (call.onHost) return hostMap([call.host(0), call.host(1)], (a, b) => a ** b);
  const exponent = call.value(1);
  const known = exponent instanceof DeviceValue ? exponent.number : exponent.data.length === 1 ? exponent.data[0] : undefined;
  if (known === undefined || exponent.dims.length > call.value(0).dims.length) return broadcasting(call, [0, 1], (a, b) => call.tf.pow(a, b));
  return call.resultLike(call.device(0), (x) => power(call.tf, x, known));
};

export const arithmetic: OperatorTable = {
  Add: folded((tf, a, b) => tf.add(a, b), (a, b) => a + b),
  Sum: folded((tf, a, b) => tf.add(a, b), (a, b) => a + b),
  Sub: folded((tf, a, b) => tf.sub(a, b), (a, b) => a - b),
  Mul: folded((tf, a, b) => tf.mul(a, b), (a, b) => a * b),
  // Numbers in JavaScript are whole: they divide as ONNX's integers do.
  Div: folded((tf, a, b) => tf.div(a, b), (a, b) => Math.trunc(a / b)),
  // The sign is the divisor's.
  Mod: folded((tf, a, b) => tf.mod(a, b), (a, b) => a - b * Math.floor(a / b)),
  Min: extreme((tf, x, limit) => clamped(tf, x, -Infinity, limit), (tf, a, b) => tf.minimum(a, b), Math.min),
  Max: extreme((tf, x, limit) => clamped(tf, x, limit, Infinity), (tf, a, b) => tf.maximum(a, b), Math.max),
  Pow: pow,
  Neg: unary((x, { tf }) => tf.neg(x), (x) => -x),
  Abs: unary((x, { tf }) => tf.abs(x), Math.abs),
  Sign: unary((x, { tf }) => tf.sign(x), Math.sign),
  Floor: unary((x, { tf }) => tf.floor(x), Math.floor),
  Ceil: unary((x, { tf }) => tf.ceil(x), Math.ceil),
  Round: unary((x, { tf }) => tf.round(x), (x) => x),
  Sqrt: unary((x, { tf }) => tf.sqrt(x)),
  Reciprocal: unary((x, { tf }) => tf.div(1, x)),
  Exp: unary((x, { tf }) => tf.exp(x)),
  Log: unary((x, { tf }) => tf.log(x)),
};
