import type { GraphBuilder, Value } from '../../onnx/builder.js';
import { DataType } from '../../onnx/tensor.js';
import { randomSequence } from '../../random.js';

/** The dimension of the Krylov space in which the component is looked for. */
const DIMENSIONS = 24;
/** The small matrix is raised to the power 2^SQUARINGS. */
const SQUARINGS = 12;
/** A step of the Krylov space that is shorter than this, relative to its length before, is rounding noise. */
const NOISE = 1e-6;
/** In place of a zero denominator. */
const TINY = 1e-30;

/**
 * The first principal component of features, as a map. With X the [hw, C] matrix of the features, less the mean of each column,
 * and v its first right singular vector (the first eigenvector of X^T X),
 *
 *     M = ReLU(X v),   with the sign of v for which sum_k v_k >= 0.
 *
 * So M and the sum of the features over channels are not negatively correlated. (The sign of a singular vector is arbitrary.)
 *
 * Computed by the method of Lanczos: an orthonormal basis Q of the space spanned by s, (X^T X) s, (X^T X)^2 s, ..., and then the first
 * eigenvector of the small matrix Q X^T X Q^T, by squaring it repeatedly. X^T X itself is never formed.
 *
 * @param features [K, C, h, w]
 * @param channels C
 * @returns [K, 1, h, w]; 0 where all positions are alike
 */
export function principalMap(features: Value, b: GraphBuilder, channels: number): Value {
  const flat = b.reshape(features, [0, 0, -1]);
  const centred = b.sub(flat, b.reduceMean(flat, [2]));
  // Gradients may be so small that their squares would be 0 in single precision.
  const scale = b.max(b.node('ReduceMax', [b.node('Abs', [centred]), b.ints([1, 2])], { keepdims: 1 }), b.floats(TINY));
  const x = b.div(centred, scale);
  const turned = turn(x, b);
  const multiply = (v: Value): Value => b.matmul(b.matmul(v, x), turned);

  let basis = unit(multiply(randomRow(channels, b)), b.floats(0), b);
  let last = basis;
  for (let i = 1; i < DIMENSIONS; i++) {
    const next = multiply(last);
    // Twice, as once leaves rounding errors of the size of what is taken away.
    const rest = without(without(next, basis, b), basis, b);
    last = unit(rest, b.mul(lengthOf(next, b), b.floats(NOISE)), b);
    basis = b.concat([basis, last], 1);
  }
  const seen = b.matmul(basis, x);
  const y = firstEigenvector(b.matmul(seen, turn(seen, b)), b);
  const v = unit(b.matmul(y, basis), b.floats(0), b);

  const component = b.mul(b.matmul(v, x), scale);
  const signed = b.where(b.less(b.reduceSum(v, [2]), b.floats(0)), b.neg(component), component);
  return b.relu(b.reshape(signed, b.concat([b.shape(features, 0, 1), b.ints([1]), b.shape(features, 2, 4)], 0)));
}

/** The first eigenvector of symmetric matrices without negative eigenvalues, [K, D, D] -> [K, 1, D] of length 1. */
function firstEigenvector(matrix: Value, b: GraphBuilder): Value {
  let power = matrix;
  for (let i = 0; i < SQUARINGS; i++) {
    // The largest element is on the diagonal.
    const scaled = b.div(power, b.max(b.node('ReduceMax', [power, b.ints([1, 2])], { keepdims: 1 }), b.floats(TINY)));
    power = b.matmul(scaled, scaled);
  }
  // A row times the power may be short, if the two vectors are almost at right angles. The second product takes the rounding errors away.
  const multiply = (v: Value): Value => unit(b.matmul(v, power), b.floats(0), b);
  return multiply(multiply(randomRow(DIMENSIONS, b)));
}

/** [1, 1, size] */
function randomRow(size: number, b: GraphBuilder): Value {
  const random = randomSequence(1);
  return b.floats(Float32Array.from({ length: size }, () => random() - 0.5), [1, 1, size]);
}

const turn = (x: Value, b: GraphBuilder): Value => b.transpose(x, [0, 2, 1]);

/** The lengths of rows, [K, 1, C] -> [K, 1, 1]. */
const lengthOf = (rows: Value, b: GraphBuilder): Value => b.sqrt(b.reduceSum(b.mul(rows, rows), [2]));

/** Rows scaled to length 1; those that are not longer than `least` become 0. */
function unit(rows: Value, least: Value, b: GraphBuilder): Value {
  const length = lengthOf(rows, b);
  const kept = b.cast(b.greater(length, least), DataType.float32);
  return b.mul(rows, b.div(kept, b.max(length, b.floats(TINY))));
}

/** Rows less their parts in the space of an orthonormal basis, [K, 1, C] and [K, D, C] -> [K, 1, C]. */
function without(rows: Value, basis: Value, b: GraphBuilder): Value {
  return b.sub(rows, b.matmul(b.matmul(rows, turn(basis, b)), basis));
}
