import type * as Tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../../onnx/tensor.js';
import type { TfModule } from './value.js';

/** One axis of a Slice: where it begins, how many elements it has, and its step. */
export interface SliceAxis {
  readonly start: number;
  readonly size: number;
  readonly step: number;
}

/**
 * What ONNX's Slice takes of each axis.
 *
 * @param dims of the data
 * @param axes the axes that `starts`, `ends` and `steps` are for
 */
export function sliceAxes(
  dims: readonly number[], starts: readonly number[], ends: readonly number[], axes: readonly number[], steps: readonly number[],
): SliceAxis[] {
  return dims.map((dim, axis) => {
    const i = axes.findIndex((each) => (each < 0 ? each + dims.length : each) === axis);
    if (i < 0) return { start: 0, size: dim, step: 1 };
    const step = steps[i] ?? 1;
    const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value < 0 ? value + dim : value, low), high);
    const start = step > 0 ? clamp(starts[i], 0, dim) : clamp(starts[i], 0, dim - 1);
    const end = step > 0 ? clamp(ends[i], 0, dim) : clamp(ends[i], -1, dim - 1);
    return { start, size: Math.max(0, Math.ceil((end - start) / step)), step };
  });
}

/**
 * Every step-th element along an axis, `count` of them. (TensorFlow.js's own strided slice is a hundred times slower in
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
