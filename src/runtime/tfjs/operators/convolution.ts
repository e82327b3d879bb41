import type * as Tf from '@tensorflow/tfjs-core';
import { intAttribute, intsAttribute, stringAttribute } from '../../../onnx/model.js';
import type { OperatorCall, OperatorTable, TfOperator } from './helpers/call.js';
import { counting } from './helpers/call.js';
import { subsampled } from './helpers/slices.js';
import type { DeviceValue } from '../value.js';
import { padded, windowOf } from './helpers/windows.js';

type Pair = [number, number];

/** A convolution without padding. */
interface Convolution {
  /** [N, H, W, C] */
  readonly x: Tf.Tensor4D;
  /** [M, C / group, kH, kW] */
  readonly weight: DeviceValue;
  /** [M] */
  readonly bias: Tf.Tensor | undefined;
  readonly group: number;
  readonly strides: Pair;
  readonly dilations: Pair;
}

const conv: TfOperator = (call) => {
  const { tf, node } = call;
  const [input, weight] = [call.device(0), call.device(1)];
  const { axes, pads, output } = windowOf(node, weight.dims.slice(2), input.dims.slice(2));
  const strides = axes.map(({ stride }) => stride) as Pair;
  const dilations = axes.map(({ dilation }) => dilation) as Pair;
  // In WebAssembly, padding first is three times faster than a convolution with padding.
  const group = intAttribute(node, 'group', 1);
  const convolution = { x: padded(tf, input.nhwc(), pads, 0), weight, bias: call.has(2) ? call.device(2).plain() : undefined, group, dilations };
  // No backend supports strides and dilations together, and native TensorFlow supports depthwise convolutions only with equal
  // strides. In these cases, compute every position and subsample.
  const both = Math.max(...strides) > 1 && Math.max(...dilations) > 1;
  const uneven = isTensorFlow(tf) && group > 1 && strides[0] !== strides[1];
  if (!both && !uneven) return call.resultNhwc(convolved(call, { ...convolution, strides }));
  const all = convolved(call, { ...convolution, strides: [1, 1] });
  return call.resultNhwc(subsampled(tf, subsampled(tf, all, 1, strides[0], output[0]), 2, strides[1], output[1]));
};

function convolved({ tf }: OperatorCall, { x, weight, bias, group, strides, dilations }: Convolution): Tf.Tensor {
  const [out, perGroup, kH, kW] = weight.dims;
  const window = { strides, pad: 'valid', dataFormat: 'NHWC' } as const;
  if (group === 1) {
    const filter = weight.once('hwio', (plain) => tf.transpose(plain, [2, 3, 1, 0])) as Tf.Tensor4D;
    return tf.fused.conv2d({ x, filter, bias, ...window, dilations });
  }
  if (perGroup === 1) {
    // Native TensorFlow has no dilated depthwise convolution. Spread the kernel out with zeros instead.
    const spread = isTensorFlow(tf) && Math.max(...dilations) > 1;
    const filter = weight.once(spread ? `depthwise, spread by ${dilations.join()}` : 'depthwise', (plain) => {
      const kernels = spread ? spreadOut(tf, plain, dilations) : tf.reshape(plain, [out, kH, kW]);
      return tf.transpose(tf.reshape(kernels, [group, out / group, ...kernels.shape.slice(1)]), [2, 3, 0, 1]);
    }) as Tf.Tensor4D;
    return tf.fused.depthwiseConv2d({ x, filter, bias, ...window, dilations: spread ? [1, 1] : dilations });
  }
  const size = out / group;
  const parts = tf.split<Tf.Tensor4D>(x, group, 3).map((part, g) => {
    const filter = weight.once(`group ${g}`, (plain) => tf.transpose(tf.slice(plain, [g * size], [size]), [2, 3, 1, 0])) as Tf.Tensor4D;
    return tf.conv2d(part, filter, strides, 'valid', 'NHWC', dilations);
  });
  return withBias(tf, tf.concat(parts, 3), bias);
}

/** Kernels [M, 1, kH, kW] with zeros between their taps, [M, spanH, spanW]. */
function spreadOut(tf: OperatorCall['tf'], kernels: Tf.Tensor, [dH, dW]: Pair): Tf.Tensor3D {
  const [m, , kH, kW] = kernels.shape as [number, number, number, number];
  const spread = tf.pad(tf.reshape(kernels, [m, kH, 1, kW, 1]), [[0, 0], [0, 0], [0, dH - 1], [0, 0], [0, dW - 1]]);
  return tf.slice(tf.reshape(spread, [m, kH * dH, kW * dW]), [0, 0, 0], [m, (kH - 1) * dH + 1, (kW - 1) * dW + 1]) as Tf.Tensor3D;
}

/** Whether this is native TensorFlow (tfjs-node or tfjs-node-gpu). */
function isTensorFlow(tf: OperatorCall['tf']): boolean {
  return tf.getBackend() === 'tensorflow';
}

function withBias(tf: OperatorCall['tf'], y: Tf.Tensor, bias: Tf.Tensor | undefined): Tf.Tensor {
  return bias === undefined ? y : tf.add(y, bias);
}

const convTranspose: TfOperator = (call) => {
  const { tf, node } = call;
  const [input, weight] = [call.device(0), call.device(1)];
  if ((intsAttribute(node, 'dilations') ?? [1, 1]).some((dilation) => dilation !== 1)) call.refuse('ConvTranspose with dilations');
  if (intsAttribute(node, 'output_shape') !== undefined || !['NOTSET', 'VALID'].includes(stringAttribute(node, 'auto_pad', 'NOTSET'))) {
    call.refuse('ConvTranspose without explicit pads');
  }
  const group = intAttribute(node, 'group', 1);
  const [channels, perGroup, kH, kW] = weight.dims;
  const strides = [...intsAttribute(node, 'strides') ?? [1, 1]] as Pair;
  const [top, left, bottom, right] = intsAttribute(node, 'pads') ?? [0, 0, 0, 0];
  const extra = intsAttribute(node, 'output_padding') ?? [0, 0];
  const [n, , h, w] = input.dims;
  const full: Pair = [(h - 1) * strides[0] + kH + extra[0], (w - 1) * strides[1] + kW + extra[1]];
  const size = channels / group;
  const x = input.nhwc();
  const parts = counting(group).map((g) => {
    const filter = weight.once(`group ${g}`, (plain) => tf.transpose(tf.slice(plain, [g * size], [size]), [2, 3, 1, 0])) as Tf.Tensor4D;
    const part = group === 1 ? x : tf.slice(x, [0, 0, 0, g * size], [n, h, w, size]) as Tf.Tensor4D;
    return tf.conv2dTranspose(part, filter, [n, ...full, perGroup], strides, 'valid');
  });
  const spread = withBias(tf, group === 1 ? parts[0] : tf.concat(parts, 3), call.has(2) ? call.device(2).plain() : undefined);
  return call.resultNhwc(padded(tf, spread, [[-top, -bottom], [-left, -right]], 0));
};

export const convolutions: OperatorTable = { Conv: conv, ConvTranspose: convTranspose };
