import type * as Tf from '@tensorflow/tfjs-core';
import { broadcastDims } from '../../../onnx/shapes/tensor-info.js';
import { floatAttribute, intAttribute } from '../../../onnx/model.js';
import { sizeOf } from '../../../onnx/tensor.js';
import { repeated } from './helpers/broadcast.js';
import type { OperatorCall, OperatorTable, TfOperator } from './helpers/call.js';
import type { DeviceValue } from '../value.js';

/** A matrix, transposed first if needed: in WebAssembly, products are fast only without a transposition. */
function matrix({ tf }: OperatorCall, value: DeviceValue, turned: boolean): Tf.Tensor {
  return turned ? value.once('turned', (plain) => tf.transpose(plain)) : value.plain();
}

const gemm: TfOperator = (call) => {
  const { tf, node } = call;
  const flag = (name: string): boolean => intAttribute(node, name, 0) === 1;
  const product = tf.matMul(matrix(call, call.device(0), flag('transA')), matrix(call, call.device(1), flag('transB')));
  const [alpha, beta] = [floatAttribute(node, 'alpha', 1), floatAttribute(node, 'beta', 1)];
  const scaled = alpha === 1 ? product : tf.mul(product, alpha);
  if (!call.has(2)) return call.result(scaled);
  const bias = call.device(2).plain();
  return call.result(tf.add(scaled, beta === 1 ? bias : tf.mul(bias, beta)));
};

const matMul: TfOperator = (call) => {
  const { tf } = call;
  const [left, right] = [call.device(0), call.device(1)];
  // A vector is a row on the left or a column on the right. The added axis is removed from the result.
  const a = left.dims.length === 1 ? [1, ...left.dims] : left.dims;
  const b = right.dims.length === 1 ? [...right.dims, 1] : right.dims;
  const [batchA, batchB] = [a.slice(0, -2), b.slice(0, -2)];
  const [[rows, inner], columns] = [a.slice(-2), b[b.length - 1]];
  const batch = broadcastDims(batchA, batchB);
  const dims = [...batch, ...left.dims.length === 1 ? [] : [rows], ...right.dims.length === 1 ? [] : [columns]];
  if (sizeOf(batchB) === 1) {
    // All are multiplied with the same matrix: use one product.
    const all = tf.matMul(tf.reshape(left.plain(), [-1, inner]), tf.reshape(right.plain(), [inner, columns]));
    return call.result(tf.reshape(all, dims), dims);
  }
  // In WebAssembly, TensorFlow.js uses the wrong matrices if it has to broadcast along several axes.
  const full = (value: DeviceValue, own: readonly number[]): Tf.Tensor => (
    tf.reshape(repeated(tf, tf.reshape(value.plain(), [...own]), [...batch, ...own.slice(-2)]), [-1, ...own.slice(-2)]));
  return call.result(tf.reshape(tf.matMul(full(left, a), full(right, b)), dims), dims);
};

export const matrices: OperatorTable = { Gemm: gemm, MatMul: matMul };
