import type * as Tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../../../../onnx/tensor.js';
import type { TfModule } from '../../value.js';

/**
 * The first `count` of every step-th element along an axis. (TensorFlow.js's own strided slice is a hundred times slower in
 * WebAssembly.)
 */
export function subsampled(tf: TfModule, x: Tf.Tensor, axis: number, step: number, count: number): Tf.Tensor {
  if (step === 1 && x.shape[axis] === count) return x;
  const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const [outer, inner] = [sizeOf(before), sizeOf(after)];
  const rows = tf.reshape(x, [outer, x.shape[axis], inner]);
  const missing = count * step - x.shape[axis];
  const missed = missing > 0 ? tf.pad(rows, [[0, 0], [0, missing], [0, 0]]) : rows;
  const whole = missing < 0 ? tf.slice(rows, [0, 0, 0], [outer, count * step, inner]) : missed;
  const chosen = tf.slice(tf.reshape(whole, [outer, count, step, inner]), [0, 0, 0, 0], [outer, count, 1, inner]);
  return tf.reshape(chosen, [...before, count, ...after]);
}
