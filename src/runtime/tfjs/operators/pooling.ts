import type * as Tf from '@tensorflow/tfjs-core';
import { HostValue } from '../../../onnx/shapes/host-ops.js';
import { intAttribute, intsAttribute } from '../../../onnx/model.js';
import { sizeOf } from '../../../onnx/tensor.js';
import type { OperatorCall, OperatorTable, TfOperator } from './helpers/call.js';
import { counting } from './helpers/call.js';
import { spatialMean } from './reduction.js';
import { subsampled } from './helpers/slices.js';
import type { DeviceValue } from '../value.js';
import type { Windows } from './helpers/windows.js';
import { padded, padsToWindows, windowOf } from './helpers/windows.js';

type Tfjs = OperatorCall['tf'];
type Pair = [number, number];

/** The lowest float, which is only a maximum if there is no other value. */
const LOWEST = -3.4028234663852886e38;

function poolOf({ node }: OperatorCall, input: DeviceValue): { kernel: Pair; size: number[]; windows: Windows } {
  const kernel = [...intsAttribute(node, 'kernel_shape') ?? []] as Pair;
  const size = input.dims.slice(2);
  return { kernel, size, windows: windowOf(node, kernel, size) };
}

const strides = ({ axes }: Windows): Pair => [axes[0].stride, axes[1].stride];
const isDilated = ({ axes }: Windows): boolean => axes.some(({ dilation }) => dilation !== 1);

const maxPool: TfOperator = (call) => {
  const { tf, node } = call;
  const input = call.device(0);
  if (node.outputs.length > 1 && node.outputs[1] !== '') return maximaWithPlaces(call, input);
  const { kernel, size, windows } = poolOf(call, input);
  const x = padded(tf, input.nhwc(), padsToWindows(windows, size), LOWEST);
  // The backend does not support windows of one element.
  if (!isDilated(windows) && sizeOf(kernel) > 1) return call.resultNhwc(tf.maxPool(x, kernel, strides(windows), 'valid'));
  const [vertical, horizontal] = windows.axes;
  const cells = counting(sizeOf(kernel)).map((i) => {
    const [top, left] = [Math.floor(i / kernel[1]) * vertical.dilation, (i % kernel[1]) * horizontal.dilation];
    const [n, h, w, c] = x.shape;
    const moved = tf.slice(x, [0, top, left, 0], [n, h - top, w - left, c]);
    return subsampled(tf, subsampled(tf, moved, 1, vertical.stride, windows.output[0]), 2, horizontal.stride, windows.output[1]);
  });
  return call.resultNhwc(cells.reduce((most, cell) => tf.maximum(most, cell)));
};

/**
 * The maxima and their indices in the flattened input [N, C, H, W]; of equal ones, the first. No backend supports this for
 * padded windows, so it is done in JavaScript.
 */
function maximaWithPlaces(call: OperatorCall, input: DeviceValue): [DeviceValue, HostValue] {
  const { windows } = poolOf(call, input);
  if (intAttribute(call.node, 'storage_order', 0) !== 0) call.refuse('MaxPool with indices in column-major order');
  const [n, c, h, w] = input.dims;
  const dims = [n, c, ...windows.output];
  const maxima = new Float32Array(sizeOf(dims));
  const places = new Float64Array(maxima.length);
  const x = input.read();
  for (let plane = 0; plane < n * c; plane++) planeMaxima(x, plane, [h, w], windows, maxima, places);
  return [call.floats(dims, maxima), new HostValue(dims, places)];
}

function planeMaxima(
  x: Float32Array, plane: number, [h, w]: readonly [number, number], windows: Windows, maxima: Float32Array, places: Float64Array,
): void {
  const { axes: [vertical, horizontal], output: [oH, oW], pads: [[top], [left]] } = windows;
  const start = plane * h * w;
  let out = plane * oH * oW;
  for (let oy = 0; oy < oH; oy++) {
    const firstRow = oy * vertical.stride - top;
    for (let ox = 0; ox < oW; ox++, out++) {
      const firstColumn = ox * horizontal.stride - left;
      let most = -Infinity;
      let place = -1;
      for (let ky = 0; ky < vertical.kernel; ky++) {
        const row = firstRow + ky * vertical.dilation;
        if (row < 0 || row >= h) continue;
        for (let kx = 0; kx < horizontal.kernel; kx++) {
          const column = firstColumn + kx * horizontal.dilation;
          if (column < 0 || column >= w) continue;
          const at = start + row * w + column;
          const value = x[at];
          if (value > most || place < 0) {
            most = value;
            place = at;
          }
        }
      }
      maxima[out] = most;
      places[out] = place;
    }
  }
}

const averagePool: TfOperator = (call) => {
  const { tf, node } = call;
  const input = call.device(0);
  const { kernel, size, windows } = poolOf(call, input);
  if (isDilated(windows)) call.refuse('AveragePool with dilations');
  const around = padsToWindows(windows, size);
  // The backend does not support windows of one element.
  const mean = (x: Tf.Tensor4D): Tf.Tensor => (sizeOf(kernel) > 1
    ? tf.avgPool(x, kernel, strides(windows), 'valid')
    : subsampled(tf, subsampled(tf, x, 1, windows.axes[0].stride, windows.output[0]), 2, windows.axes[1].stride, windows.output[1]));
  const sums = mean(padded(tf, input.nhwc(), around, 0));
  // The image counts, or the image with its padding, but not what ceil_mode adds after it.
  const counted = intAttribute(node, 'count_include_pad', 0) === 1 ? windows.pads : windows.pads.map(() => [0, 0] as const);
  const uncounted = around.map(([before, after], i) => [before - counted[i][0], after - counted[i][1]] as const);
  if (uncounted.flat().every((pad) => pad <= 0)) return call.resultNhwc(sums);
  const ones = tf.fill([1, ...size.map((side, i) => side + counted[i][0] + counted[i][1]), 1], 1);
  return call.resultNhwc(tf.div(sums, mean(padded(tf, ones, uncounted, 0))));
};

/**
 * Pools all positions of [N, C, ...].
 *
 * @param planes for an image [N, H, W, C]
 * @param others for a tensor with any other number of axes
 */
function globalPool(planes: (tf: Tfjs, x: Tf.Tensor4D) => Tf.Tensor, others: (tf: Tfjs, x: Tf.Tensor, axes: number[]) => Tf.Tensor): TfOperator {
  return (call) => {
    const x = call.device(0);
    if (x.dims.length === 4) return call.resultNhwc(planes(call.tf, x.nhwc()));
    return call.result(others(call.tf, x.plain(), counting(x.dims.length).slice(2)));
  };
}

export const pooling: OperatorTable = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: globalPool((tf, x) => spatialMean(tf, x), (tf, x, axes) => tf.mean(x, axes, true)),
  GlobalMaxPool: globalPool((tf, x) => tf.max(x, [1, 2], true), (tf, x, axes) => tf.max(x, axes, true)),
};
