import { UserError } from '../../errors.js';
import type { GraphBuilder, Value } from '../../onnx/builder.js';
import { describeNode, intAttribute } from '../../onnx/model.js';
import { OnnxTensor } from '../../onnx/tensor.js';
import type { WindowAxis } from '../../onnx/window.js';
import { windowAxes } from '../../onnx/window.js';
import type { SimpleRule } from '../rule.js';

/** y = x * w: the gradient of x is a convolution of the gradient with the mirrored, transposed weights. */
export const conv: SimpleRule = (node, g, b, context) => {
  const [x, w, bias] = node.inputs;
  if (context.wants(w) || (bias && context.wants(bias))) throw new UserError(`${describeNode(node)} has no gradient rule for its weights`);
  const weights = context.weight(node, w);
  const group = intAttribute(node, 'group', 1);
  const axes = windowAxes(node, weights.dims.slice(2));
  return [convolutionInputGradient(b, { x, y: node.outputs[0], g, weights, group, axes })];
};

/** A convolution y [N, M, oH, oW] of x [N, C, H, W] with weights [M, C / group, kH, kW]. */
export interface Convolution {
  readonly x: Value;
  readonly y: Value;
  /** The gradient of y, [K, M, oH, oW]. */
  readonly g: Value;
  readonly weights: OnnxTensor;
  readonly group: number;
  readonly axes: readonly [WindowAxis, WindowAxis];
}

/**
 * The gradient of a convolution's input, [K, C, H, W]. It is again a convolution, which every runtime does fast:
 * - stride 1: with the mirrored weights;
 * - stride s: row s q + r of the input meets only every s-th row of the kernel, so each of the s x s phases r is a small
 *   convolution of its own; all phases are computed as channels of one and then interleaved. No zeros are multiplied,
 *   as they would be after spreading the gradient out;
 * - kernel 1x1 with a stride: a 1x1 convolution, whose result is spread out with zeros.
 * H and W may be free; a result that covers the padding, or not all rows, is cropped to the size of x in the graph.
 */
export function convolutionInputGradient(b: GraphBuilder, convolution: Convolution): Value {
  const [vertical, horizontal] = convolution.axes;
  if (vertical.stride === 1 && horizontal.stride === 1) return unitStride(b, convolution);
  const pointwise = vertical.kernel === 1 && horizontal.kernel === 1;
  const whole = pointwise ? spreadOut(b, convolution) : phases(b, convolution);
  return crop(b, convolution, whole);
}

function unitStride(b: GraphBuilder, { g, weights, group, axes }: Convolution): Value {
  const mirrored = b.constant(phaseWeights(weights, group, axes), 'mirrored');
  const pads = axes.map(({ span, pads: own }) => (own as readonly [number, number]).map((pad) => span - 1 - pad));
  const grad = b.conv(g, mirrored, {
    group,
    dilations: axes.map(({ dilation }) => dilation),
    pads: [0, 1].flatMap((side) => pads.map((pair) => Math.max(0, pair[side]))),
  });
  if (pads.flat().every((pad) => pad >= 0)) return grad;
  // More padding than the kernel reaches: the outer rows of y saw nothing but zeros.
  const starts = pads.map(([begin]) => Math.max(0, -begin));
  const ends = pads.map(([, end]) => (end < 0 ? end : Number.MAX_SAFE_INTEGER));
  return b.slice(grad, b.ints(starts), b.ints(ends), [2, 3]);
}

function phases(b: GraphBuilder, { g, weights, group, axes }: Convolution): Value {
  const w = phaseWeights(weights, group, axes);
  const begins = axes.map((axis) => tapsOf(axis) - 1);
  const ends = axes.map((axis) => tapsOf(axis) - 1 + (endsInZeros(axis) ? 1 : 0));
  const grad = b.conv(g, b.constant(w, 'phases'), { group, pads: [...begins, ...ends] });
  return interleave(b, grad, weights.dims[1] * group, axes);
}

/** The taps of the small kernel that each phase of a strided kernel meets. */
function tapsOf({ kernel, span, stride }: WindowAxis): number {
  return stride === 1 ? kernel : Math.ceil(span / stride);
}

/** Whether rows at the end of x may lie behind everything that the phases reach, so that one more row of zeros is needed. */
function endsInZeros(axis: WindowAxis): boolean {
  const { pads, span, stride } = axis;
  return typeof pads !== 'string' && span + stride - 1 - pads[1] > stride * tapsOf(axis);
}

/** [K, C sY sX, h, w] -> [K, C, h sY, w sX]: columns first, then whole rows; far faster than one DepthToSpace. */
function interleave(b: GraphBuilder, x: Value, channels: number, [{ stride: sY }, { stride: sX }]: Convolution['axes']): Value {
  const [k, h, w] = [b.shape(x, 0, 1), b.shape(x, 2, 3), b.shape(x, 3, 4)];
  const columns = b.transpose(b.reshape(x, b.concat([b.mul(k, b.ints([channels * sY])), b.ints([sX]), b.mul(h, w)], 0)), [0, 2, 1]);
  const wide = b.mul(w, b.ints([sX]));
  const rows = b.transpose(b.reshape(columns, b.concat([b.mul(k, b.ints([channels])), b.ints([sY]), h, wide], 0)), [0, 2, 1, 3]);
  return b.reshape(rows, b.concat([k, b.ints([channels]), b.mul(h, b.ints([sY])), wide], 0));
}

function spreadOut(b: GraphBuilder, { g, weights, group, axes: [{ stride: sY }, { stride: sX }] }: Convolution): Value {
  const perGroup = weights.dims[1];
  const grad = b.conv(g, b.constant(transposed(weights, group), 'transposed'), { group });
  const [k, h, w] = [b.shape(g, 0, 1), b.shape(g, 2, 3), b.shape(g, 3, 4)];
  const channels = b.ints([perGroup * group]);
  const apart = b.reshape(grad, b.concat([k, channels, h, b.ints([1]), w, b.ints([1])], 0));
  const padded = b.pad(apart, b.ints([0, 0, 0, 0, 0, 0, 0, 0, 0, sY - 1, 0, sX - 1]));
  return b.reshape(padded, b.concat([k, channels, b.mul(h, b.ints([sY])), b.mul(w, b.ints([sX]))], 0));
}

/** Cuts the window out of `whole` that lies behind the padding before x and is as large as x. */
function crop(b: GraphBuilder, { x, y, axes }: Convolution, whole: Value): Value {
  const begins = axes.map((axis, i) => paddingBefore(b, axis, i, x, y));
  const starts = b.concat(begins, 0);
  return b.slice(whole, starts, b.add(starts, b.shape(x, 2, 4)), [2, 3]);
}

/** The padding before the first row or column, as an int64 vector of one: with SAME it depends on the input's size. */
function paddingBefore(b: GraphBuilder, { pads, span, stride }: WindowAxis, axis: number, x: Value, y: Value): Value {
  if (typeof pads !== 'string') return b.ints([pads[0]]);
  const [inputs, outputs] = [x, y].map((value) => b.shape(value, 2 + axis, 3 + axis));
  const covered = b.add(b.mul(b.sub(outputs, b.ints([1])), b.ints([stride])), b.ints([span]));
  const total = b.max(b.sub(covered, inputs), b.ints([0]));
  const smaller = b.div(total, b.ints([2]));
  return pads === 'SAME_UPPER' ? smaller : b.sub(total, smaller);
}

/** [M, C / group, kH, kW] -> [C, M / group, kH, kW]. */
function transposed(weights: OnnxTensor, group: number): OnnxTensor {
  const unit = (kernel: number): WindowAxis => ({ kernel, stride: 1, dilation: 1, span: kernel, pads: [0, 0] });
  const [, , kH, kW] = weights.dims;
  return phaseWeights(weights, group, [unit(kH), unit(kW)]);
}

/**
 * The weights of the phases of a transposed convolution: [C sY sX, M / group, tY, tX], with channel
 * (c sY + rY) sX + rX for phase (rY, rX) of input channel c. Row s q + r of the padded input is the sum of
 * g[q - u] w[k] over the k with k dilation = s u + r; tap t of a convolution padded by tY - 1 reads g[q + t - (tY - 1)].
 * With stride 1 this is the mirrored kernel, and the dilation stays with the convolution.
 */
function phaseWeights(weights: OnnxTensor, group: number, axes: Convolution['axes']): OnnxTensor {
  const [m, perGroup, kH, kW] = weights.dims;
  const perGroupOut = m / group;
  const plans = axes.map((axis) => {
    const { kernel, stride, dilation } = axis;
    const step = stride === 1 ? 1 : dilation;
    const taps = tapsOf(axis);
    const at = Array.from({ length: kernel }, (_, k) => ({ phase: (k * step) % stride, tap: taps - 1 - Math.floor((k * step) / stride) }));
    return { stride, taps, at };
  });
  const [vertical, horizontal] = plans;
  const perPhase = vertical.taps * horizontal.taps;
  const source = weights.toFloat32();
  const result = new Float32Array(perGroup * group * vertical.stride * horizontal.stride * perGroupOut * perPhase);
  for (let out = 0; out < m; out++) {
    const [ofGroup, inGroup] = [Math.floor(out / perGroupOut), out % perGroupOut];
    for (let c = 0; c < perGroup; c++) {
      const channel = ofGroup * perGroup + c;
      for (let y = 0; y < kH; y++) {
        for (let x = 0; x < kW; x++) {
          const [v, h] = [vertical.at[y], horizontal.at[x]];
          const row = (channel * vertical.stride + v.phase) * horizontal.stride + h.phase;
          result[(row * perGroupOut + inGroup) * perPhase + v.tap * horizontal.taps + h.tap] = source[((out * perGroup + c) * kH + y) * kW + x];
        }
      }
    }
  }
  return OnnxTensor.float32([perGroup * group * vertical.stride * horizontal.stride, perGroupOut, vertical.taps, horizontal.taps], result);
}
