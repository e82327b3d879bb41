import type { GraphBuilder, Value } from '../../../onnx/builder.js';
import { DataType, OnnxTensor } from '../../../onnx/tensor.js';
import type { WindowAxis } from '../../../onnx/shapes/window.js';
import type { Convolution } from './convolution-shape.js';
import { paddingBefore } from './convolution-shape.js';

/** From how many channels per group the taps of a kernel are multiplied one by one rather than side by side. */
const WIDE = 16;

/**
 * The gradient of a convolution's weights, [M, C / group, kH, kW]: for tap (i, j) the sum over images and positions of
 * g[m] times the input channel c that the tap reads there. It is made of matrix products, which every runtime does fast,
 * over positions:
 * - 1x1: one product of gradient and input;
 * - depthwise: {@link laggedProducts}, or {@link mapConvolution} where the runtime is fast at it;
 * - others: what each tap reads is cut out of the input, for all taps side by side where channels are few, for one after
 *   the other where this would need k x k times the memory.
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
 * What all taps of the kernel read, side by side: [N, C taps, h, w]. A convolution with one-hot kernels cuts it out of the
 * padded input at once, several times faster than slices with steps.
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
  /** Positions per image, where they are known. */
  readonly positions: number | undefined;
}

/** The sum over images and positions of g [N, M, h, w] times x [N, C, h, w], channel by channel within each group: [M, C / group]. */
function channelProducts(b: GraphBuilder, g: Value, x: Value, { m, c, group, positions }: Channels): Value {
  if (group === 1 && positions !== undefined && 3 * m * c > (m + c) * positions) {
    // The products of single images would be about as large as the images: bring them behind one another instead.
    const behind = (value: Value, channels: number): Value => b.reshape(b.transpose(value, [1, 0, 2, 3]), [channels, -1]);
    return b.gemm(behind(g, m), behind(x, c), { transB: 1 });
  }
  const perGroup = (value: Value, channels: number): Value => b.reshape(value, [0, group, channels / group, -1]);
  const products = b.matmul(perGroup(g, m), b.transpose(perGroup(x, c), [0, 1, 3, 2]));
  return b.reshape(b.reduceSum(products, [0], false), [m, c / group]);
}

/**
 * The weight gradient [C, 1, kH, kW] of a depthwise convolution as a depthwise convolution itself: of the input with the
 * gradient as its kernel, every image's channels being channels of their own. Strides and dilations change places.
 *
 * @param images of a batch
 * @returns `undefined` where the sizes are not known
 */
function mapConvolution(b: GraphBuilder, { x, g, axes, inputSize, outputSize, weights: { dims } }: Convolution, images: number): Value | undefined {
  if (inputSize === undefined || outputSize === undefined) return undefined;
  const [channels, , kH, kW] = dims;
  const begins = axes.map(({ pads }) => (pads as readonly [number, number])[0]);
  // So much that there is a result for each tap.
  const needed = axes.map(({ span, stride }, i) => span + (outputSize[i] - 1) * stride - inputSize[i] - begins[i]);
  if (begins.some((begin) => begin < 0)) return undefined;
  const planes = images * channels;
  const ends = needed.map((pad) => Math.max(0, pad));
  // A convolution that pads makes its outermost results one by one, and with a stride of 1 most here are: columns of zeros are
  // added before. With another stride x is larger, and fewer results are outermost.
  const [left, right] = axes[1].stride === 1 ? [begins[1], ends[1]] : [0, 0];
  const wide = left + right === 0 ? x : b.pad(x, b.ints([0, 0, 0, left, 0, 0, 0, right]));
  const all = b.conv(b.reshape(wide, [1, planes, inputSize[0], inputSize[1] + left + right]), b.reshape(g, [planes, 1, ...outputSize]), {
    group: planes, strides: axes.map(({ dilation }) => dilation), dilations: axes.map(({ stride }) => stride),
    pads: [begins[0], begins[1] - left, ends[0], ends[1] - right],
  });
  // Rows behind the last window make results that belong to no tap.
  const taps = needed.every((pad) => pad >= 0) ? all : b.slice(all, b.ints([0, 0]), b.ints([kH, kW]), [2, 3]);
  return b.reshape(b.reduceSum(b.reshape(taps, [images, channels, kH, kW]), [0]), dims);
}

/** A plane of every channel, moved: `rows` rows and `columns` columns of zeros stand before it. */
interface Moved {
  readonly plane: Value;
  readonly rows: number;
  readonly columns: number;
}

/** What {@link laggedProducts} multiplies. */
interface Lagged {
  /** The length of a row of every plane, an int64 vector of one. */
  readonly width: Value;
  readonly gradients: readonly Moved[];
  readonly inputs: readonly Moved[];
  /** Room for the longest move, beyond the plane itself. */
  readonly room: readonly [rows: number, columns: number];
  /** Which product belongs to each tap of the kernel, in row-major order of the taps. */
  readonly taps: readonly (readonly [gradient: number, input: number])[];
}

/**
 * The weight gradient [C, 1, kH, kW] of a depthwise convolution. With the rows of an image behind one another, tap
 * (i, j) reads at a fixed distance, i rows and j columns, from where it writes. So copies of the gradient, moved by
 * columns, times copies of the input, moved by rows, are all sums in one small matrix product per channel, for about
 * kH + kW copies instead of kH x kW. Several channels share one product, whose block diagonal is kept: products three
 * rows high leave a processor idle.
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
  /** Copies behind one another, [N C / together, together copies, length], each with zeros up to its full length. */
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
 * Stride 1 and an output as large as the input: the planes are gradient and input themselves, kW copies of the one and kH
 * of the other. What a move by columns carries across the end of a row is masked out.
 */
function atSameSize(b: GraphBuilder, { x, g, axes: [vertical, horizontal] }: Convolution): Lagged {
  const [top, left] = [vertical, horizontal].map(({ pads }) => (pads as readonly [number, number])[0]);
  const [below, right] = [vertical.span - 1, horizontal.span - 1];
  const width = b.shape(g, 3);
  const [rows, columns] = [b.shape(g, 2, 3), b.range(b.ints(0), b.squeeze(width, [0]), b.ints(1))];
  const inRow = (distance: number): Value => {
    if (distance === 0) return g;
    const condition = distance < 0 ? b.greater(columns, b.ints(-distance - 1)) : b.less(columns, b.sub(width, b.ints([distance])));
    // As large as a plane: a product with short rows is slow.
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
 * Any stride s: row k of the kernel reads rows s q + k, a phase k mod s of the padded input moved by k / s rows. The
 * gradient is padded to the size of the phases, so that a move by columns ends in zeros.
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

/** How many channels share one product: rows enough to fill the kernels of a matrix product, and a divisor of the channels. */
function blockSize(channels: number, copies: number): number {
  const most = Math.max(1, Math.floor(16 / copies));
  for (let size = most; size > 1; size--) if (channels % size === 0) return size;
  return 1;
}

function identity(size: number): number[] {
  return Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0));
}

/** What each tap of the kernel reads, in row-major order of the taps: [N, C, h, w], as large as the output. */
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

/** The input with its padding, cut or filled with zeros to the given size, a height and a width as vectors of one. */
function paddedInput(b: GraphBuilder, { x, y, axes }: Convolution, size: readonly Value[]): Value {
  const begins = axes.map((axis, i) => paddingBefore(b, axis, i, x, y));
  const ends = size.map((wanted, i) => b.sub(b.sub(wanted, b.shape(x, 2 + i, 3 + i)), begins[i]));
  // A negative padding cuts off.
  return b.pad(x, b.concat([b.ints([0, 0]), ...begins, b.ints([0, 0]), ...ends], 0));
}

/** What a stride leaves of rows and columns, from the given ones on. */
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

/** Whether the output is as large as the input: a distance in one is the same distance in the other. */
function keepsSize({ stride, span, pads }: WindowAxis): boolean {
  return stride === 1 && typeof pads !== 'string' && pads[0] >= 0 && pads[1] >= 0 && pads[0] + pads[1] === span - 1;
}
