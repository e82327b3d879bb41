import type * as Tf from '@tensorflow/tfjs-core';
import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from '../../onnx/model.js';
import type { WindowAxis } from '../../onnx/window.js';
import { ceilMode, samePads, windowAxes, windowOutput } from '../../onnx/window.js';
import type { OperatorCall, TfOperator } from './operator.js';

/** Padding of one axis, before and after, for an input of the given size. */
function padsOf(axis: WindowAxis, size: number, output: number): readonly [number, number] {
  if (typeof axis.pads !== 'string') return axis.pads;
  return samePads(axis.pads, Math.max(0, (output - 1) * axis.stride + axis.span - size));
}

interface Window {
  readonly axes: readonly [WindowAxis, WindowAxis];
  readonly output: readonly [number, number];
  readonly pads: readonly (readonly [number, number])[];
}

function windowOf({ node }: OperatorCall, kernel: readonly number[], [height, width]: readonly number[]): Window {
  const axes = windowAxes(node, kernel);
  const output = [windowOutput(axes[0], height, ceilMode(node)), windowOutput(axes[1], width, ceilMode(node))] as const;
  return { axes, output, pads: [padsOf(axes[0], height, output[0]), padsOf(axes[1], width, output[1])] };
}

/** Pads or, where padding is negative, crops [N, H, W, C]. */
function padded(tf: OperatorCall['tf'], x: Tf.Tensor, pads: readonly (readonly [number, number])[], value: number): Tf.Tensor4D {
  let result = x as Tf.Tensor4D;
  if (pads.flat().some((pad) => pad < 0)) {
    const [n, h, w, c] = x.shape;
    const [[top, bottom], [left, right]] = pads.map(([before, after]) => [Math.min(before, 0), Math.min(after, 0)]);
    result = tf.slice(result, [0, -top, -left, 0], [n, h + top + bottom, w + left + right, c]);
  }
  const [[top, bottom], [left, right]] = pads.map(([before, after]) => [Math.max(before, 0), Math.max(after, 0)]);
  return top + bottom + left + right === 0 ? result : tf.pad(result, [[0, 0], [top, bottom], [left, right], [0, 0]], value);
}

const conv: TfOperator = (call) => {
  const { tf, node } = call;
  const [input, weight] = [call.device(0), call.device(1)];
  const group = intAttribute(node, 'group', 1);
  const [out, perGroup, ...kernel] = weight.dims;
  const { axes, pads } = windowOf(call, kernel, input.dims.slice(2));
  const strides: [number, number] = [axes[0].stride, axes[1].stride];
  const dilations: [number, number] = [axes[0].dilation, axes[1].dilation];
  const channels = input.dims[1];
  // TensorFlow.js has no convolution with both.
  if (Math.max(...strides) > 1 && Math.max(...dilations) > 1) return strided(call, input.nhwc(), weight, pads, strides, dilations, group);
  const x = padded(tf, input.nhwc(), pads, 0);
  return withBias(call, convolved(call, x, weight, { channels, out, perGroup, group, strides, dilations }));
};

interface Convolution {
  readonly channels: number;
  readonly out: number;
  readonly perGroup: number;
  readonly group: number;
  readonly strides: [number, number];
  readonly dilations: [number, number];
}

function convolved(
  { tf }: OperatorCall, x: Tf.Tensor4D, weight: ReturnType<OperatorCall['device']>, { channels, out, perGroup, group, strides, dilations }: Convolution,
): Tf.Tensor {
  if (group === 1) {
    const filter = weight.once('hwio', () => tf.transpose(weight.plain(), [2, 3, 1, 0])) as Tf.Tensor4D;
    return tf.conv2d(x, filter, strides, 'valid', 'NHWC', dilations);
  }
  if (perGroup === 1 && group === channels) {
    const filter = weight.once('depthwise', () => {
      const [, , kh, kw] = weight.dims;
      return tf.transpose(tf.reshape(weight.plain(), [channels, out / channels, kh, kw]), [2, 3, 0, 1]);
    }) as Tf.Tensor4D;
    return tf.depthwiseConv2d(x, filter, strides, 'valid', 'NHWC', dilations);
  }
  const filters = Array.from({ length: group }, (_, g) => weight.once(`group ${g}`, () => (
    tf.transpose(tf.slice(weight.plain(), [g * out / group], [out / group]), [2, 3, 1, 0]))) as Tf.Tensor4D);
  return tf.concat((tf.split(x, group, 3) as Tf.Tensor4D[]).map((part, g) => tf.conv2d(part, filters[g], strides, 'valid', 'NHWC', dilations)), 3);
}

/** Dilated and strided at once: every position is computed, and those between are left out. */
function strided(
  call: OperatorCall, x: Tf.Tensor, weight: ReturnType<OperatorCall['device']>, pads: Window['pads'], strides: [number, number], dilations: [number, number],
  group: number,
): ReturnType<TfOperator> {
  const { tf } = call;
  const [out, perGroup] = weight.dims;
  const all = convolved(call, padded(tf, x, pads, 0), weight, { channels: x.shape[3]!, out, perGroup, group, strides: [1, 1], dilations });
  return withBias(call, tf.stridedSlice(all, [0, 0, 0, 0], all.shape, [1, strides[0], strides[1], 1]));
}

function withBias(call: OperatorCall, y: Tf.Tensor): ReturnType<TfOperator> {
  return call.resultNhwc(call.has(2) ? call.tf.add(y, call.device(2).plain()) : y);
}

/** So far below every activation that it never is a maximum. */
const LOWEST = -3.4e38;

/** Padding up to the end of the last window, which ceil_mode may hang over the end. */
function wholePads({ axes, output, pads }: Window, size: readonly number[]): (readonly [number, number])[] {
  return axes.map(({ stride, span }, i) => {
    const [before] = pads[i];
    return [before, (output[i] - 1) * stride + span - size[i] - before] as const;
  });
}

const maxPool: TfOperator = (call) => {
  const { tf, node } = call;
  const input = call.device(0);
  const size = input.dims.slice(2);
  const kernel = intsAttribute(node, 'kernel_shape')!;
  const window = windowOf(call, kernel, size);
  const x = padded(tf, input.nhwc(), wholePads(window, size), LOWEST);
  const [a, b] = window.axes;
  if (a.dilation === 1 && b.dilation === 1) return call.resultNhwc(tf.maxPool(x, kernel as [number, number], [a.stride, b.stride], 'valid'));
  // Dilated windows: the maximum over one shifted copy for each of their cells.
  const cells = Array.from({ length: kernel[0] * kernel[1] }, (_, i) => {
    const [top, left] = [Math.floor(i / kernel[1]) * a.dilation, (i % kernel[1]) * b.dilation];
    const end = [top + (window.output[0] - 1) * a.stride + 1, left + (window.output[1] - 1) * b.stride + 1];
    return tf.stridedSlice(x, [0, top, left, 0], [x.shape[0], ...end, x.shape[3]], [1, a.stride, b.stride, 1]);
  });
  return call.resultNhwc(cells.reduce((most, cell) => tf.maximum(most, cell)));
};

const averagePool: TfOperator = (call) => {
  const { tf, node } = call;
  const input = call.device(0);
  const size = input.dims.slice(2);
  const kernel = intsAttribute(node, 'kernel_shape') as [number, number];
  const window = windowOf(call, kernel, size);
  const [a, b] = window.axes;
  if (a.dilation !== 1 || b.dilation !== 1) call.refuse('a dilated average');
  const strides: [number, number] = [a.stride, b.stride];
  const whole = wholePads(window, size);
  const sums = tf.avgPool(padded(tf, input.nhwc(), whole, 0), kernel, strides, 'valid');
  const counted = intAttribute(node, 'count_include_pad', 0) === 1;
  // What counts: the image, or the image with its padding, but never what ceil_mode adds behind it.
  const ones = tf.ones([1, ...size.map((side, i) => side + (counted ? window.pads[i][0] + window.pads[i][1] : 0)), 1]);
  const around = counted ? whole.map(([, after], i) => [0, after - window.pads[i][1]] as const) : whole;
  const share = tf.avgPool(padded(tf, ones, around, 0), kernel, strides, 'valid');
  return call.resultNhwc(tf.div(sums, share));
};

const lrn: TfOperator = (call) => {
  const { tf, node } = call;
  const size = intAttribute(node, 'size', 1);
  const x = call.device(0).nhwc();
  // Channels on both sides, one more behind where the number is even.
  const [before, after] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
  const squares = tf.pad(tf.square(x), [[0, 0], [0, 0], [0, 0], [before, after]]);
  const [n, h, w, c] = x.shape as [number, number, number, number];
  const sums = Array.from({ length: size }, (_, i) => tf.slice(squares, [0, 0, 0, i], [n, h, w, c])).reduce((a, b) => tf.add(a, b));
  const base = tf.add(tf.mul(sums, floatAttribute(node, 'alpha', 1e-4) / size), floatAttribute(node, 'bias', 1));
  return call.resultNhwc(tf.mul(x, tf.pow(base, -floatAttribute(node, 'beta', 0.75))));
};

const resize: TfOperator = (call) => {
  const { tf, node } = call;
  const input = call.device(0);
  const sizes = call.has(3) && call.host(3).data.length > 0 ? call.host(3).data : input.dims.map((dim, i) => Math.floor(dim * call.host(2).data[i]));
  if (sizes[0] !== input.dims[0] || sizes[1] !== input.dims[1]) call.refuse('a Resize of batch or channels');
  const size: [number, number] = [sizes[2], sizes[3]];
  const where = stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel');
  const x = input.nhwc() as Tf.Tensor4D;
  if (stringAttribute(node, 'mode', 'nearest') === 'linear') {
    if (where !== 'half_pixel' && where !== 'align_corners' && where !== 'pytorch_half_pixel') call.refuse(`a linear Resize by ${where}`);
    return call.resultNhwc(tf.image.resizeBilinear(x, size, where === 'align_corners', where !== 'align_corners'));
  }
  const whole = size.every((side, i) => side % input.dims[i + 2] === 0);
  if (where !== 'asymmetric' && !(where === 'half_pixel' && whole)) call.refuse(`a Resize to the nearest by ${where}`);
  return call.resultNhwc(tf.image.resizeNearestNeighbor(x, size, false, where === 'half_pixel'));
};

const convTranspose: TfOperator = (call) => {
  const { tf, node } = call;
  const [input, weight] = [call.device(0), call.device(1)];
  if (intAttribute(node, 'group', 1) !== 1 || (intsAttribute(node, 'dilations') ?? [1, 1]).some((d) => d !== 1)) call.refuse('a grouped or dilated ConvTranspose');
  const [, out, kh, kw] = weight.dims;
  const strides = (intsAttribute(node, 'strides') ?? [1, 1]) as [number, number];
  const pads = intsAttribute(node, 'pads') ?? [0, 0, 0, 0];
  const extra = intsAttribute(node, 'output_padding') ?? [0, 0];
  const [n, , h, w] = input.dims;
  const full: [number, number] = [(h - 1) * strides[0] + kh + extra[0], (w - 1) * strides[1] + kw + extra[1]];
  const filter = weight.once('hwoi', () => tf.transpose(weight.plain(), [2, 3, 1, 0])) as Tf.Tensor4D;
  const spread = tf.conv2dTranspose(input.nhwc() as Tf.Tensor4D, filter, [n, ...full, out], strides, 'valid');
  return withBias(call, padded(tf, spread, [[-pads[0], -pads[2]], [-pads[1], -pads[3]]], 0));
};

export const windows: Readonly<Record<string, TfOperator>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: (call) => call.resultNhwc(call.tf.mean(call.device(0).nhwc(), [1, 2], true)),
  GlobalMaxPool: (call) => call.resultNhwc(call.tf.max(call.device(0).nhwc(), [1, 2], true)),
  LRN: lrn,
  Resize: resize,
};
