import type * as Tf from '@tensorflow/tfjs-core';
import type { OnnxNode } from '../../../../onnx/model.js';
import type { WindowAxis } from '../../../../onnx/shapes/window.js';
import { ceilMode, samePads, windowAxes, windowOutput } from '../../../../onnx/shapes/window.js';
import type { TfModule } from '../../value.js';

/** The windows of a convolution or a pool on an image of known size. */
export interface Windows {
  readonly axes: readonly [WindowAxis, WindowAxis];
  readonly output: readonly [height: number, width: number];
  readonly pads: readonly (readonly [before: number, after: number])[];
}

/**
 * @param kernel [kH, kW]
 * @param size [H, W] of the input
 */
export function windowOf(node: OnnxNode, kernel: readonly number[], size: readonly number[]): Windows {
  const axes = windowAxes(node, kernel);
  const output = [windowOutput(axes[0], size[0], ceilMode(node)), windowOutput(axes[1], size[1], ceilMode(node))] as const;
  const pads = axes.map(({ pads: own, stride, span }, i) => (
    typeof own === 'string' ? samePads(own, Math.max(0, (output[i] - 1) * stride + span - size[i])) : own));
  return { axes, output, pads };
}

/** Padding up to the end of the last window. With ceil_mode it may extend beyond the end. Rows that no window covers are cut off. */
export function padsToWindows({ axes, output, pads }: Windows, size: readonly number[]): (readonly [before: number, after: number])[] {
  return axes.map(({ stride, span }, i) => [pads[i][0], (output[i] - 1) * stride + span - size[i] - pads[i][0]] as const);
}

/** Pads rows and columns of [N, H, W, C] with a value. Negative padding crops. */
export function padded(tf: TfModule, x: Tf.Tensor, pads: readonly (readonly [before: number, after: number])[], value: number): Tf.Tensor4D {
  const [n, h, w, c] = x.shape as [number, number, number, number];
  const [[cutTop, cutBottom], [cutLeft, cutRight]] = pads.map((pair) => pair.map((pad) => Math.max(0, -pad)));
  const cut = cutTop + cutBottom + cutLeft + cutRight > 0;
  const kept = cut ? tf.slice(x as Tf.Tensor4D, [0, cutTop, cutLeft, 0], [n, h - cutTop - cutBottom, w - cutLeft - cutRight, c]) : x as Tf.Tensor4D;
  const around = pads.map((pair) => pair.map((pad) => Math.max(0, pad)) as [number, number]);
  return around.flat().every((pad) => pad === 0) ? kept : tf.pad(kept, [[0, 0], ...around, [0, 0]], value);
}
