import type { GraphBuilder, Value } from '../../../onnx/builder.js';
import type { WindowAxis } from '../../../onnx/shapes/window.js';
import { DataType, OnnxTensor, sizeOf } from '../../../onnx/tensor.js';
import type { Size } from '../../../size.js';
import type { Convolution, ConvolutionWeights } from './convolution-shape.js';
import { paddingBefore } from './convolution-shape.js';

/**
 * The gradient of a convolution's input, [K, C, H, W]. It is computed by convolutions, which are fast in every runtime:
 * - stride 1: with the mirrored weights;
 * - stride s: row s q + r of the input is multiplied only with every s-th row of the kernel. So each of the s x s phases r is a
 *   small convolution, and the results are interleaved. If all have the same size, they are channels of one convolution. This
 *   does not multiply zeros, as spreading the gradient out would;
 * - depthwise with a stride: the gradient is spread out with zeros and convolved with the mirrored kernel. Here multiplying
 *   zeros is cheaper than interleaving phases;
 * - kernel 1x1 with a stride: a 1x1 convolution, whose result is spread out with zeros.
 * H and W may be free. A result that includes the padding is cropped to the size of x in the graph.
 */
export function convolutionInputGradient(b: GraphBuilder, convolution: Convolution): Value {
  const [vertical, horizontal] = convolution.axes;
  if (vertical.stride === 1 && horizontal.stride === 1) return unitStride(b, convolution);
  const pointwise = vertical.kernel === 1 && horizontal.kernel === 1;
  if (pointwise) {
    const { g, weights, group } = convolution;
    return crop(b, convolution, spreadOut(b, b.conv(g, transposed(b, weights, group), { group }), convolution.axes));
  }
  const depthwise = convolution.group > 1 && convolution.weights.dims[1] === 1;
  return depthwise ? spreadFirst(b, convolution) : crop(b, convolution, phases(b, convolution));
}

function unitStride(b: GraphBuilder, { g, weights, group, axes }: Convolution): Value {
  const mirrored = phaseWeights(b, weights, group, axes);
  const pads = axes.map(({ span, pads: own }) => (own as readonly [number, number]).map((pad) => span - 1 - pad));
  const grad = b.conv(g, mirrored, {
    group,
    dilations: axes.map(({ dilation }) => dilation),
    pads: [0, 1].flatMap((side) => pads.map((pair) => Math.max(0, pair[side]))),
  });
  if (pads.flat().every((pad) => pad >= 0)) return grad;
  // There is more padding than the kernel spans: the outer rows of y depend on zeros only.
  const starts = pads.map(([begin]) => Math.max(0, -begin));
  const ends = pads.map(([, end]) => (end < 0 ? end : Number.MAX_SAFE_INTEGER));
  return b.slice(grad, b.ints(starts), b.ints(ends), [2, 3]);
}

function phases(b: GraphBuilder, convolution: Convolution): Value {
  const { g, weights, group, axes } = convolution;
  const begins = axes.map((axis) => tapsOf(axis) - 1);
  const ends = axes.map((axis) => tapsOf(axis) - 1 + (endsInZeros(axis) ? 1 : 0));
  const grad = weights.values !== undefined && areUneven(axes)
    ? singlePhases(b, convolution, weights.values, ends)
    : b.conv(g, phaseWeights(b, weights, group, axes), { group, pads: [...begins, ...ends] });
  return interleave(b, grad, weights.dims[1] * group, axes);
}

/** Whether the phases have different numbers of taps, at least one each, which are adjacent in g. */
function areUneven(axes: Convolution['axes']): boolean {
  return axes.every(({ kernel, stride, dilation }) => dilation === 1 && kernel >= stride) && axes.some(({ kernel, stride }) => kernel % stride !== 0);
}

/**
 * Computes the phases one by one, so that no zeros are multiplied. A 3x3 kernel with stride 2 has phases of 2x2, 2x1, 1x2 and
 * 1x1, which are 9 taps instead of 16.
 *
 * @param values the values of the weights
 * @param ends the padding after g, rows and columns
 * @returns [K, C sY sX, h, w]
 */
function singlePhases(b: GraphBuilder, { g, weights, group, axes }: Convolution, values: OnnxTensor, ends: readonly number[]): Value {
  const [{ stride: sY }, { stride: sX }] = axes;
  const numbers = values.toFloat32();
  const results = Array.from({ length: sY * sX }, (_, phase) => {
    const [y, x] = [Math.floor(phase / sX), phase % sX].map((first, i): Taps => (
      { first, stride: axes[i].stride, count: Math.ceil((axes[i].kernel - first) / axes[i].stride) }));
    const mirrored = transposed(b, phaseOf(weights, numbers, y, x), group);
    return b.unsqueeze(b.conv(g, mirrored, { group, pads: [y.count - 1, x.count - 1, ...ends] }), [2]);
  });
  const [k, h, w] = [b.shape(results[0], 0, 1), b.shape(results[0], 3, 4), b.shape(results[0], 4, 5)];
  return b.reshape(b.concat(results, 2), b.concat([k, b.ints([weights.dims[1] * group * sY * sX]), h, w], 0));
}

/** Every `stride`-th tap of a kernel along one axis, from the first one of a phase. */
interface Taps {
  readonly first: number;
  readonly stride: number;
  readonly count: number;
}

/** These taps of every filter [kH, kW] of the weights. */
function phaseOf({ dims: [m, perGroup, kH, kW], name }: ConvolutionWeights, numbers: Float32Array, rows: Taps, columns: Taps): ConvolutionWeights {
  const dims = [m, perGroup, rows.count, columns.count];
  const taps = new Float32Array(dims.reduce((a, b) => a * b));
  for (let filter = 0, to = 0; filter < m * perGroup; filter++) {
    for (let y = 0; y < rows.count; y++) {
      const row = (filter * kH + rows.first + y * rows.stride) * kW;
      for (let x = 0; x < columns.count; x++) taps[to++] = numbers[row + columns.first + x * columns.stride];
    }
  }
  return { dims, name, values: OnnxTensor.float32(dims, taps) };
}

/** The number of taps of the small kernel of each phase. */
function tapsOf({ kernel, span, stride }: WindowAxis): number {
  return stride === 1 ? kernel : Math.ceil(span / stride);
}

/** Whether the last rows of x may be beyond the reach of the phases, so that one more row of zeros is needed. */
function endsInZeros(axis: WindowAxis): boolean {
  const { pads, span, stride } = axis;
  return typeof pads !== 'string' && span + stride - 1 - pads[1] > stride * tapsOf(axis);
}

/** [K, C sY sX, h, w] -> [K, C, h sY, w sX]: columns first, then whole rows, which is much faster than one DepthToSpace. */
function interleave(b: GraphBuilder, x: Value, channels: number, [{ stride: sY }, { stride: sX }]: Convolution['axes']): Value {
  const [k, h, w] = [b.shape(x, 0, 1), b.shape(x, 2, 3), b.shape(x, 3, 4)];
  const columns = b.transpose(b.reshape(x, b.concat([b.mul(k, b.ints([channels * sY])), b.ints([sX]), b.mul(h, w)], 0)), [0, 2, 1]);
  const wide = b.mul(w, b.ints([sX]));
  const rows = b.transpose(b.reshape(columns, b.concat([b.mul(k, b.ints([channels])), b.ints([sY]), h, wide], 0)), [0, 2, 1, 3]);
  return b.reshape(rows, b.concat([k, b.ints([channels]), b.mul(h, b.ints([sY])), wide], 0));
}

/** The gradient spread out with zeros, convolved with the mirrored kernel. */
function spreadFirst(b: GraphBuilder, convolution: Convolution): Value {
  const { g, weights, group, axes, inputSize, outputSize } = convolution;
  const mirrored = phaseWeights(b, weights, group, axes.map((axis) => ({ ...axis, stride: 1 })) as [WindowAxis, WindowAxis]);
  const dilations = axes.map(({ dilation }) => dilation);
  const spread = spreadOut(b, g, axes);
  const exact = inputSize && outputSize && exactPads(axes, inputSize, outputSize);
  if (exact !== undefined) return b.conv(spread, mirrored, { group, dilations, pads: exact });
  const reach = axes.map(({ span }) => span - 1);
  return crop(b, convolution, b.conv(spread, mirrored, { group, dilations, pads: [...reach, ...reach] }));
}

/** The padding of the spread gradient for which the result has the size of x; `undefined` if it would be negative. */
function exactPads(axes: Convolution['axes'], inputs: Size, outputs: Size): number[] | undefined {
  const begins = axes.map(({ span, pads }) => span - 1 - (pads as readonly [number, number])[0]);
  const ends = axes.map(({ span, stride }, i) => inputs[i] - outputs[i] * stride + span - 1 - begins[i]);
  const pads = [...begins, ...ends];
  return pads.every((pad) => pad >= 0) ? pads : undefined;
}

/** [K, C, h, w] -> [K, C, h sY, w sX], zero except where row and column are multiples of the strides. */
function spreadOut(b: GraphBuilder, x: Value, axes: Convolution['axes']): Value {
  // Repeating every element and masking the copies is much faster than padding each one.
  const repeated = b.node('Resize', [x, '', b.floats([1, 1, ...axes.map(({ stride }) => stride)])], {
    mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor',
  });
  const [rows, columns] = axes.map(({ stride }, i) => {
    const index = b.range(b.ints(0), b.squeeze(b.shape(repeated, 2 + i, 3 + i), [0]), b.ints(1));
    return b.cast(b.equal(b.mod(index, b.ints(stride)), b.ints(0)), DataType.float32);
  });
  return b.mul(repeated, b.mul(b.unsqueeze(rows, [1]), columns));
}

/** Crops the part of `whole` after the padding before x, which is as large as x. */
function crop(b: GraphBuilder, { x, y, axes }: Convolution, whole: Value): Value {
  const begins = axes.map((axis, i) => paddingBefore(b, axis, i, x, y));
  const starts = b.concat(begins, 0);
  return b.slice(whole, starts, b.add(starts, b.shape(x, 2, 4)), [2, 3]);
}

/** [M, C / group, kH, kW] -> [C, M / group, kH, kW], mirrored. */
function transposed(b: GraphBuilder, weights: ConvolutionWeights, group: number): Value {
  const unit = (kernel: number): WindowAxis => ({ kernel, stride: 1, dilation: 1, span: kernel, pads: [0, 0] });
  const [, , kH, kW] = weights.dims;
  return phaseWeights(b, weights, group, [unit(kH), unit(kW)]);
}

/**
 * The weights of the phases of a transposed convolution: [C sY sX, M / group, tY, tX], with channel
 * (c sY + rY) sX + rX for phase (rY, rX) of input channel c. Row s q + r of the padded input is the sum of
 * g[q - u] w[k] over the k with k dilation = s u + r; tap t of a convolution padded by tY - 1 reads g[q + t - (tY - 1)].
 * With stride 1 this is the mirrored kernel, and the dilation stays with the convolution.
 *
 * This rearranges the weights: here if their values are known, and in the graph if they are trained.
 */
function phaseWeights(b: GraphBuilder, weights: ConvolutionWeights, group: number, axes: Convolution['axes']): Value {
  const { dims: [, , kH, kW], values } = weights;
  if (values === undefined && group === 1 && axes.every(({ stride }) => stride === 1)) {
    const swapped = b.transpose(weights.name, [1, 0, 2, 3]);
    const first = Number.MIN_SAFE_INTEGER;
    return kH * kW === 1 ? swapped : b.slice(swapped, b.ints([-1, -1]), b.ints([first, first]), [2, 3], [-1, -1]);
  }
  const plan = phasePlan(weights.dims, group, axes);
  const { dims } = plan;
  const length = sizeOf(dims);
  if (values !== undefined) return b.constant(OnnxTensor.float32(dims, arrange(plan, values.toFloat32(), new Float32Array(length))), 'phases');
  const zeroBehind = b.concat([b.reshape(weights.name, [-1]), b.floats([0])], 0);
  const behind = sizeOf(weights.dims);
  const sources = arrange(plan, Int32Array.from({ length: behind }, (_, i) => i), new Int32Array(length).fill(behind));
  return b.reshape(b.gather(zeroBehind, b.ints(Array.from(sources)), 0), dims);
}

/** Where {@link phaseWeights} puts the elements of the weights [M, C / group, kH, kW]. */
interface PhasePlan {
  /** The shape of the result. */
  readonly dims: readonly number[];
  readonly filters: number;
  readonly perGroup: number;
  /** M / group */
  readonly perGroupOut: number;
  readonly phasesPerChannel: number;
  /** Taps of the small kernel of a phase. */
  readonly perPhase: number;
  /** The places of a kernel's elements, relative to the first phase of their channel. */
  readonly targets: Int32Array;
}

function phasePlan([filters, perGroup, kH, kW]: readonly number[], group: number, axes: Convolution['axes']): PhasePlan {
  const perGroupOut = filters / group;
  const plans = axes.map((axis) => {
    const { kernel, stride, dilation } = axis;
    const step = stride === 1 ? 1 : dilation;
    const taps = tapsOf(axis);
    const at = Array.from({ length: kernel }, (_, k) => ({ phase: (k * step) % stride, tap: taps - 1 - Math.floor((k * step) / stride) }));
    return { stride, taps, at };
  });
  const [vertical, horizontal] = plans;
  const perPhase = vertical.taps * horizontal.taps;
  return {
    dims: [perGroup * group * vertical.stride * horizontal.stride, perGroupOut, vertical.taps, horizontal.taps],
    filters, perGroup, perGroupOut, phasesPerChannel: vertical.stride * horizontal.stride, perPhase,
    targets: Int32Array.from({ length: kH * kW }, (_, i) => {
      const [v, h] = [vertical.at[Math.floor(i / kW)], horizontal.at[i % kW]];
      return (v.phase * horizontal.stride + h.phase) * perGroupOut * perPhase + v.tap * horizontal.taps + h.tap;
    }),
  };
}

/** Channels that are written together: their places lie far apart, but all in the cache. */
const TILE = 16;

/** Copies the elements of weights to their places in the phases; places without one keep what they have. */
function arrange<A extends Float32Array | Int32Array>(plan: PhasePlan, weights: A, phases: A): A {
  const { filters, perGroup, perGroupOut, phasesPerChannel, perPhase, targets } = plan;
  const taps = targets.length;
  const step = phasesPerChannel * perGroupOut * perPhase;
  for (let first = 0; first < perGroup; first += TILE) {
    const end = Math.min(first + TILE, perGroup);
    for (let out = 0; out < filters; out++) {
      const group = Math.floor(out / perGroupOut);
      let from = (out * perGroup + first) * taps;
      let to = (group * perGroup + first) * step + (out - group * perGroupOut) * perPhase;
      for (let c = first; c < end; c++, to += step) {
        for (let i = 0; i < taps; i++) phases[to + targets[i]] = weights[from++];
      }
    }
  }
  return phases;
}
