import type * as Tf from '@tensorflow/tfjs-core';
import { broadcasting } from './helpers/broadcast.js';
import type { OperatorCall, OperatorTable, TfOperator } from './helpers/call.js';
import { clamped, folded, power, unary } from './helpers/elementwise.js';
import { DeviceValue } from '../value.js';

type Tfjs = OperatorCall['tf'];

/** The maximum or minimum of the inputs. With a scalar this is clipping, which is thirty times faster in WebAssembly. */
function extreme(bound: (tf: Tfjs, x: Tf.Tensor, limit: number) => Tf.Tensor, f: Parameters<typeof folded>[0]): TfOperator {
  const general = folded(f);
  return (call) => {
    if (call.count !== 2) return general(call);
    const numbers = [0, 1].map((i) => call.device(i).number);
    const constant = numbers.findIndex((number) => number !== undefined);
    const other = constant < 0 ? undefined : call.device(1 - constant);
    // A constant with more axes would add axes to the result.
    if (other === undefined || call.value(constant).dims.length > other.dims.length) return general(call);
    return call.resultLike(other, (x) => bound(call.tf, x, numbers[constant]!));
  };
}

const pow: TfOperator = (call) => {
  const exponent = call.value(1);
  const known = exponent instanceof DeviceValue ? exponent.number : exponent.data.length === 1 ? exponent.data[0] : undefined;
  if (known === undefined || exponent.dims.length > call.value(0).dims.length) return broadcasting(call, [0, 1], (a, b) => call.tf.pow(a, b));
  return call.resultLike(call.device(0), (x) => power(call.tf, x, known));
};

export const arithmetic: OperatorTable = {
  Add: folded((tf, a, b) => tf.add(a, b)),
  Sum: folded((tf, a, b) => tf.add(a, b)),
  Sub: folded((tf, a, b) => tf.sub(a, b)),
  Mul: folded((tf, a, b) => tf.mul(a, b)),
  Div: folded((tf, a, b) => tf.div(a, b)),
  Mod: folded((tf, a, b) => tf.mod(a, b)),
  Min: extreme((tf, x, limit) => clamped(tf, x, -Infinity, limit), (tf, a, b) => tf.minimum(a, b)),
  Max: extreme((tf, x, limit) => clamped(tf, x, limit, Infinity), (tf, a, b) => tf.maximum(a, b)),
  Pow: pow,
  Neg: unary((x, { tf }) => tf.neg(x)),
  Abs: unary((x, { tf }) => tf.abs(x)),
  Sign: unary((x, { tf }) => tf.sign(x)),
  Floor: unary((x, { tf }) => tf.floor(x)),
  Ceil: unary((x, { tf }) => tf.ceil(x)),
  Round: unary((x, { tf }) => tf.round(x)),
  Sqrt: unary((x, { tf }) => tf.sqrt(x)),
  Reciprocal: unary((x, { tf }) => tf.div(1, x)),
  Exp: unary((x, { tf }) => tf.exp(x)),
  Log: unary((x, { tf }) => tf.log(x)),
};
