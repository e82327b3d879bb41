import type { GraphBuilder, Value } from '../../../onnx/builder.js';
import { DataType, OnnxTensor } from '../../../onnx/tensor.js';
import type { WindowAxis } from '../../../onnx/shapes/window.js';
import type { Convolution } from './convolution-shape.js';
import { paddingBefore } from './convolution-shape.js';

/** From this number of channels per group, the taps of a kernel are multiplied one by one instead of side by side. */
const WIDE = 16;

/**
 * The gradient of a convolution's weights, [M, C / group, kH, kW]: for tap (i, j) the sum over images and positions of
 * g[m] times the element of input channel c that the tap reads. It is computed by matrix products over positions, which are
 * fast in every runtime:
 * - 1x1: one product of gradient and input;
 * - depthwise: {@link laggedProducts}, or {@link mapConvolution} if the runtime is fast at it;
 * - others: the elements that each tap reads are sliced from the input, for all taps side by side if there are few channels, or
 *   one tap at a time, because side by side needs k x k times the memory.
 */
export function convolutionWeightGradient(b: GraphBuilder, convolution: Convolution, blockedBatch?: number): Value {
  const { x, g, group, axes, outputSize, weights: { dims } } = convolution;
  const [m, perGroup] = dims;
  const positions = outputSize && outputSize[0] * outputSize[1];
  if (axes.every(({ kernel, pads }) => kernel === 1 && noPadding(pads))) {
    return b.reshape(channelProducts(b, g, subsampled(b, x, axes), { m, c: perGroup * group, group, positions }), dims);
  }
  if (group === m && perGroup === 1) {
    return (blockedBatch === undefined ? undefined : mapConvolution(b, convolution, blockedBatch)) ?? laggedProducts(b, convolution);
  }
  const taps = axes[0].kernel * axes[1].kernel;
  const channels = perGroup * group;
  if (perGroup < WIDE && axes.every(({ pads }) => typeof pads !== 'string' && pads.every((pad) => pad >= 0))) {
    return b.reshape(channelProducts(b, g, columns(b, convolution), { m, c: channels * taps, group, positions }), dims);
  }
  const products = windows(b, convolution).map((tap) => (
    b.reshape(channelProducts(b, g, tap, { m, c: channels, group, positions }), [m, perGroup, 1])
  ));
  return b.reshape(b.concat(products, 2), dims);
}

/**
 * The elements that all taps of the kernel read, side by side: [N, C taps, h, w]. A convolution with one-hot kernels is several
 * times faster than slices with steps.
 */
function columns(b: GraphBuilder, { x, axes, group, weights: { dims: [, perGroup] } }: Convolution): Value {
  const taps = axes[0].kernel * axes[1].kernel;
  const channels = perGroup * group;
  const oneHot = new Float32Array(channels * taps * taps);
  for (let row = 0; row < channels * taps; row++) oneHot[row * taps + (row % taps)] = 1;
  const kernels = b.constant(OnnxTensor.float32([channels * taps, 1, axes[0].kernel, axes[1].kernel], oneHot), 'one_hot');
  return b.conv(x, kernels, {
    group: channels, strides: axes.map(({ stride }) => stride), dilations: axes.map(({ dilation }) => dilation),
    pads: [0, 1].flatMap((side) => axes.map(({ pads }) => (pads as readonly [number, number])[side])),
  });
}

interface Channels {
  readonly m: number;
  readonly c: number;
  readonly group: number;
  /** Positions per image, if known. */
  readonly positions: number | undefined;
}

/** The sum over images and positions of g [N, M, h, w] times x [N, C, h, w], channel by channel within each group: [M, C / group]. */
function channelProducts(b: GraphBuilder, g: Value, x: Value, { m, c, group, positions }: Channels): Value {
  if (group === 1 && positions !== undefined && 3 * m * c > (m + c) * positions) {
    // The products of single images would be about as large as the images. Concatenate the images instead.
    const behind = (value: Value, channels: number): Value => b.reshape(b.transpose(value, [1, 0, 2, 3]), [channels, -1]);
    return b.gemm(behind(g, m), behind(x, c), { transB: 1 });
  }
  const perGroup = (value: Value, channels: number): Value => b.reshape(value, [0, group, channels / group, -1]);
  const products = b.matmul(perGroup(g, m), b.transpose(perGroup(x, c), [0, 1, 3, 2]));
  return b.reshape(b.reduceSum(products, [0], false), [m, c / group]);
}

/**
 * The weight gradient [C, 1, kH, kW] of a depthwise convolution as a depthwise convolution of the input with the gradient as
 * kernel. The channels of all images are treated as separate channels. Strides and dilations are swapped.
 *
 * @param images the number of images in a batch
 * @returns `undefined` if the sizes are not known, or a padding is negative
 */
function mapConvolution(b: GraphBuilder, { x, g, axes, inputSize, outputSize, weights: { dims } }: Convolution, images: number): Value | undefined {
  if (inputSize === undefined || outputSize === undefined) return undefined;
  const [channels, , kH, kW] = dims;
  const begins = axes.map(({ pads }) => (pads as readonly [number, number])[0]);
  // The padding needed for a result for each tap.
  const needed = axes.map(({ span, stride }, i) => span + (outputSize[i] - 1) * stride - inputSize[i] - begins[i]);
  if (begins.some((begin) => begin < 0)) return undefined;
  const planes = images * channels;
  const ends = needed.map((pad) => Math.max(0, pad));
  // A convolution with padding computes its outermost results one by one, and with a stride of 1 most results are outermost.
  // So columns of zeros are added first. With a larger stride, x is larger and fewer results are outermost.
  const [left, right] = axes[1].stride === 1 ? [begins[1], ends[1]] : [0, 0];
  const wide = left + right === 0 ? x : b.pad(x, b.ints([0, 0, 0, left, 0, 0, 0, right]));
  const all = b.conv(b.reshape(wide, [1, planes, inputSize[0], inputSize[1] + left + right]), b.reshape(g, [planes, 1, ...outputSize]), {
    group: planes, strides: axes.map(({ dilation }) => dilation), dilations: axes.map(({ stride }) => stride),
    pads: [begins[0], begins[1] - left, ends[0], ends[1] - right],
  });
  // Rows after the last window give results that belong to no tap.
  const taps = needed.every((pad) => pad >= 0) ? all : b.slice(all, b.ints([0, 0]), b.ints([kH, kW]), [2, 3]);
  return b.reshape(b.reduceSum(b.reshape(taps, [images, channels, kH, kW]), [0]), dims);
}

/** Shifted planes of all channels: `rows` rows and `columns` columns of zeros are put before each. */
interface Moved {
  readonly plane: Value;
  readonly rows: number;
  readonly columns: number;
}

/** The factors in {@link laggedProducts}. */
interface Lagged {
  /** The length of a row of the planes, an int64 vector of length 1. */
  readonly width: Value;
  readonly gradients: readonly Moved[];
  readonly inputs: readonly Moved[];
  /** Space for the largest shift, in addition to the plane. */
  readonly room: readonly [rows: number, columns: number];
  /** The product for each tap of the kernel, in row-major order. */
  readonly taps: readonly (readonly [gradient: number, input: number])[];
}

/**
 * The weight gradient [C, 1, kH, kW] of a depthwise convolution. In a flattened image, tap (i, j) reads at a fixed distance of
 * i rows and j columns from the position it writes to. So one small matrix product per channel, of copies of the gradient shifted
 * by columns with copies of the input shifted by rows, gives all sums. It needs about kH + kW copies instead of kH x kW. Several
 * channels share one product, of which only the block diagonal is used, because products with few rows are slow.
 */
function laggedProducts(b: GraphBuilder, convolution: Convolution): Value {
  const { g, axes, weights: { dims } } = convolution;
  const [channels] = dims;
  const { width, gradients, inputs, room, taps } = axes.every(keepsSize) ? atSameSize(b, convolution) : byPhases(b, convolution);
  const lead = b.concat([b.shape(g, 0, 1), b.ints([channels])], 0);
  const zeros = (rows: number, columns: number): Value[] => {
    if (rows === 0 && columns === 0) return [];
    return [b.fill(b.concat([lead, b.add(b.mul(width, b.ints([rows])), b.ints([columns]))], 0), 0)];
  };
  const area = b.node('ReduceProd', [b.shape(inputs[0].plane, 2)], { keepdims: 1 });
  const length = b.add(area, b.add(b.mul(width, b.ints([room[0]])), b.ints([room[1]])));
  const together = blockSize(channels, Math.max(gradients.length, inputs.length));
  /** Concatenated copies, [N C / together, together copies, length], each padded with zeros to the full length. */
  const stacked = (copies: readonly Moved[]): Value => {
    const parts = copies.flatMap(({ plane, rows, columns }, i) => {
      const { rows: before, columns: left } = i === 0 ? { rows: room[0], columns: room[1] } : copies[i - 1];
      return [...zeros(room[0] - before + rows, room[1] - left + columns), b.reshape(plane, [0, 0, -1])];
    });
    const last = copies[copies.length - 1];
    const rows = b.concat([...parts, ...zeros(room[0] - last.rows, room[1] - last.columns)], 2);
    return b.reshape(rows, b.concat([b.ints([-1, together * copies.length]), length], 0));
  };
  const products = b.matmul(stacked(gradients), b.transpose(stacked(inputs), [0, 2, 1]));
  const blocks = b.reduceSum(b.reshape(products, [-1, channels / together, together, gradients.length, together, inputs.length]), [0], false);
  const diagonal = together === 1
    ? blocks
    : b.reduceSum(b.mul(blocks, b.floats(identity(together), [together, 1, together, 1])), [3], false);
  const all = b.reshape(diagonal, [channels, gradients.length * inputs.length]);
  return b.reshape(b.gather(all, b.ints(taps.map(([gradient, input]) => gradient * inputs.length + input)), 1), dims);
}

/**
 * For stride 1 and an output as large as the input. The planes are kW copies of the gradient and kH copies of the input.
 * Elements that a shift by columns moves to another row are masked.
 */
function atSameSize(b: GraphBuilder, { x, g, axes: [vertical, horizontal] }: Convolution): Lagged {
  const [top, left] = [vertical, horizontal].map(({ pads }) => (pads as readonly [number, number])[0]);
  const [below, right] = [vertical.span - 1, horizontal.span - 1];
  const width = b.shape(g, 3);
  const [rows, columns] = [b.shape(g, 2, 3), b.range(b.ints(0), b.squeeze(width, [0]), b.ints(1))];
  const inRow = (distance: number): Value => {
    if (distance === 0) return g;
    const condition = distance < 0 ? b.greater(columns, b.ints(-distance - 1)) : b.less(columns, b.sub(width, b.ints([distance])));
    // Expanded to a plane, because a product with short rows is slow.
    return b.mul(g, b.expand(b.cast(condition, DataType.float32), b.concat([rows, width], 0)));
  };
  const [vTaps, hTaps] = [counting(vertical.kernel), counting(horizontal.kernel)];
  return {
    width, room: [below, right],
    gradients: hTaps.map((k) => ({ plane: inRow(k * horizontal.dilation - left), rows: below - top, columns: k * horizontal.dilation })),
    inputs: vTaps.map((k) => ({ plane: x, rows: below - k * vertical.dilation, columns: left })),
    taps: vTaps.flatMap((y) => hTaps.map((x) => [x, y] as const)),
  };
}

/**
 * For any stride s. Row k of the kernel reads rows s q + k: the phase k mod s of the padded input, shifted by k / s rows. The
 * gradient is padded to the size of the phases, so that a shift by columns moves only zeros to another row.
 */
function byPhases(b: GraphBuilder, convolution: Convolution): Lagged {
  const { g, y, axes } = convolution;
  const plans = axes.map(({ kernel, dilation, stride }) => {
    const taps = counting(kernel).map((k) => ({ phase: (k * dilation) % stride, lag: Math.floor((k * dilation) / stride) }));
    return { stride, taps, most: taps[kernel - 1].lag };
  });
  const [vertical, horizontal] = plans;
  const size = plans.map(({ most }, i) => b.add(b.shape(y, 2 + i, 3 + i), b.ints([most])));
  const padded = paddedInput(b, convolution, plans.map(({ stride }, i) => b.mul(size[i], b.ints([stride]))));
  const phases = new Map<string, Value>();
  const phase = (row: number, column: number): Value => {
    const key = `${row},${column}`;
    const known = phases.get(key);
    if (known !== undefined) return known;
    const value = subsampled(b, padded, axes, [row, column]);
    phases.set(key, value);
    return value;
  };
  const inputs: Moved[] = [];
  const places = new Map<string, number>();
  for (const { phase: row, lag } of vertical.taps) {
    for (const { phase: column } of horizontal.taps) {
      const key = `${row},${lag},${column}`;
      if (places.has(key)) continue;
      places.set(key, inputs.length);
      inputs.push({ plane: phase(row, column), rows: vertical.most - lag, columns: 0 });
    }
  }
  const wide = vertical.most + horizontal.most === 0 ? g : b.pad(g, b.ints([0, 0, 0, 0, 0, 0, vertical.most, horizontal.most]));
  return {
    width: size[1], room: [vertical.most, horizontal.most], inputs,
    gradients: counting(horizontal.most + 1).map((lag) => ({ plane: wide, rows: vertical.most, columns: lag })),
    taps: vertical.taps.flatMap(({ phase: row, lag }) => horizontal.taps.map((tap) => [tap.lag, places.get(`${row},${lag},${tap.phase}`)!] as const)),
  };
}

function counting(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** The number of channels that share one product: a divisor of all channels that gives enough rows for a fast product. */
function blockSize(channels: number, copies: number): number {
  const most = Math.max(1, Math.floor(16 / copies));
  for (let size = most; size > 1; size--) if (channels % size === 0) return size;
  return 1;
}

function identity(size: number): number[] {
  return Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0));
}

/** The elements that each tap of the kernel reads, in row-major order of the taps: [N, C, h, w], as large as the output. */
function windows(b: GraphBuilder, convolution: Convolution): Value[] {
  const { y, axes } = convolution;
  const last = axes.map(({ stride }, i) => b.mul(b.sub(b.shape(y, 2 + i, 3 + i), b.ints([1])), b.ints([stride])));
  const padded = paddedInput(b, convolution, axes.map(({ span }, i) => b.add(last[i], b.ints([span]))));
  const [vertical, horizontal] = axes;
  const reach = b.concat(last.map((end) => b.add(end, b.ints([1]))), 0);
  return Array.from({ length: vertical.kernel * horizontal.kernel }, (_, tap) => {
    const start = b.ints([Math.floor(tap / horizontal.kernel) * vertical.dilation, (tap % horizontal.kernel) * horizontal.dilation]);
    return b.slice(padded, start, b.add(start, reach), [2, 3], stepsOf(axes));
  });
}

/** The padded input, cropped or filled with zeros to the given size, a height and a width as vectors of length 1. */
function paddedInput(b: GraphBuilder, { x, y, axes }: Convolution, size: readonly Value[]): Value {
  const begins = axes.map((axis, i) => paddingBefore(b, axis, i, x, y));
  const ends = size.map((wanted, i) => b.sub(b.sub(wanted, b.shape(x, 2 + i, 3 + i)), begins[i]));
  // Negative padding crops.
  return b.pad(x, b.concat([b.ints([0, 0]), ...begins, b.ints([0, 0]), ...ends], 0));
}

/** The rows and columns that a stride keeps, from the given ones on. */
function subsampled(b: GraphBuilder, x: Value, axes: Convolution['axes'], from: readonly [number, number] = [0, 0]): Value {
  const steps = stepsOf(axes);
  if (steps === undefined && from[0] + from[1] === 0) return x;
  return b.slice(x, b.ints(from), b.ints([Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]), [2, 3], steps);
}

function stepsOf(axes: Convolution['axes']): readonly number[] | undefined {
  return axes.every(({ stride }) => stride === 1) ? undefined : axes.map(({ stride }) => stride);
}

function noPadding(pads: WindowAxis['pads']): boolean {
  return typeof pads !== 'string' && pads.every((pad) => pad === 0);
}

/** Whether the output is as large as the input, so that distances are the same in both. */
function keepsSize({ stride, span, pads }: WindowAxis): boolean {
  return stride === 1 && typeof pads !== 'string' && pads[0] >= 0 && pads[1] >= 0 && pads[0] + pads[1] === span - 1;
}
