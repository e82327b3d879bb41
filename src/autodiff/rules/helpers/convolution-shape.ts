import type { GraphBuilder, Value } from '../../../onnx/builder.js';
import type { WindowAxis } from '../../../onnx/shapes/window.js';
import type { OnnxTensor } from '../../../onnx/tensor.js';
import type { Size } from '../../../size.js';

/** The weights [M, C / group, kH, kW] of a convolution. */
export interface ConvolutionWeights {
  readonly dims: readonly number[];
  readonly name: Value;
  /** Their values; `undefined` if the weights are trained, so that the values are only known at run time. */
  readonly values: OnnxTensor | undefined;
}

/** A convolution y [N, M, oH, oW] of x [N, C, H, W] with weights [M, C / group, kH, kW]. */
export interface Convolution {
  readonly x: Value;
  readonly y: Value;
  /** The gradient of y, [K, M, oH, oW]. */
  readonly g: Value;
  readonly weights: ConvolutionWeights;
  readonly group: number;
  readonly axes: readonly [WindowAxis, WindowAxis];
  /** H and W of x and y, if they are known when the graph is built. */
  readonly inputSize?: Size;
  readonly outputSize?: Size;
}

/** The padding before the first row or column, an int64 vector of length 1. With SAME it depends on the input size. */
export function paddingBefore(b: GraphBuilder, { pads, span, stride }: WindowAxis, axis: number, x: Value, y: Value): Value {
  if (typeof pads !== 'string') return b.ints([pads[0]]);
  const [inputs, outputs] = [x, y].map((value) => b.shape(value, 2 + axis, 3 + axis));
  const covered = b.add(b.mul(b.sub(outputs, b.ints([1])), b.ints([stride])), b.ints([span]));
  const total = b.max(b.sub(covered, inputs), b.ints([0]));
  const smaller = b.div(total, b.ints([2]));
  return pads === 'SAME_UPPER' ? smaller : b.sub(total, smaller);
}
