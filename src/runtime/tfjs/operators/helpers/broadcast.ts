import type * as Tf from '@tensorflow/tfjs-core';
import { broadcastDims } from '../../../../onnx/shapes/tensor-info.js';
import type { OperatorCall } from './call.js';
import { DeviceValue, inLastOrder } from '../../value.js';

/**
 * Combines inputs with broadcasting, which TensorFlow.js does if they have the same layout. If one has channels last, all are
 * converted to that.
 */
export function broadcasting(call: OperatorCall, inputs: readonly number[], combine: (...tensors: Tf.Tensor[]) => Tf.Tensor): DeviceValue {
  const values = inputs.map((i) => call.device(i));
  const dims = values.map((value) => value.dims).reduce(broadcastDims);
  const last = dims.length === 4 && values.some((value) => value.channelsLast);
  if (last) return DeviceValue.last(call.tf, dims, combine(...values.map((value) => value.againstLast())));
  return call.result(combine(...values.map((value) => value.plain())), dims);
}

/** A tensor repeated to the given shape. (TensorFlow.js's own broadcastTo is a thousand times slower in WebAssembly.) */
export function repeated(tf: OperatorCall['tf'], x: Tf.Tensor, dims: readonly number[]): Tf.Tensor {
  return x.shape.join() === dims.join() ? x : tf.add(x, tf.fill([...dims], 0));
}

/** A value repeated along its axes of size 1 and along new leading axes. */
export function expanded(call: OperatorCall, value: DeviceValue, shape: readonly number[]): DeviceValue {
  const dims = broadcastDims(value.dims, shape);
  if (value.channelsLast && dims.length === 4) return DeviceValue.last(call.tf, dims, repeated(call.tf, value.nhwc(), inLastOrder(dims)));
  return call.result(repeated(call.tf, value.plain(), dims), dims);
}
