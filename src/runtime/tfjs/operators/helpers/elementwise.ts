import type * as Tf from '@tensorflow/tfjs-core';
import { broadcasting } from './broadcast.js';
import type { OperatorCall, TfOperator } from './call.js';
import { counting } from './call.js';

type Tfjs = OperatorCall['tf'];

/** For one input, element by element. The layout is kept. */
export function unary(f: (x: Tf.Tensor, call: OperatorCall) => Tf.Tensor): TfOperator {
  return (call) => call.resultLike(call.device(0), (x) => f(x, call));
}

/** For any number of inputs, element by element with broadcasting. */
export function folded(f: (tf: Tfjs, a: Tf.Tensor, b: Tf.Tensor) => Tf.Tensor): TfOperator {
  return (call) => {
    if (call.count === 1) return call.value(0);
    return broadcasting(call, counting(call.count), (...tensors) => tensors.reduce((a, b) => f(call.tf, a, b)));
  };
}

/** Clamps x to limits, which may be infinite. */
export function clamped(tf: Tfjs, x: Tf.Tensor, low: number, high: number): Tf.Tensor {
  if (low === -Infinity && high === Infinity) return x;
  if (low === 0 && high === Infinity) return tf.relu(x);
  return tf.clipByValue(x, low, high);
}

/** The smaller of x and 0. */
export function negativePart(tf: Tfjs, x: Tf.Tensor): Tf.Tensor {
  return tf.neg(tf.relu(tf.neg(x)));
}

/** x ^ exponent. Multiples of 1/4 are computed as products of roots, which is ten times faster in WebAssembly. */
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
