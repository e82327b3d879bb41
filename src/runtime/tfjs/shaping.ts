import type * as Tf from '@tensorflow/tfjs-core';
import { intAttribute, intsAttribute, stringAttribute, tensorAttribute } from '../../onnx/model.js';
import { sizeOf } from '../../onnx/tensor.js';
import { broadcastDims, hostConcat, hostExpand, hostGather, hostMap, hostSlice, hostTranspose } from './host-ops.js';
import type { OperatorCall, TfOperator } from './operator.js';
import { sliceAxes } from './slices.js';
import type { SliceAxis } from './slices.js';
import { DeviceValue, HostValue, lastAxis } from './value.js';

const positive = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** The same numbers under another shape. */
function reshaped(call: OperatorCall, dims: readonly number[]): HostValue | DeviceValue {
  const value = call.value(0);
  if (value instanceof HostValue) return new HostValue(dims, value.data);
  return call.result(call.tf.reshape(value.plain(), [...dims]), dims);
}

function axesOf(call: OperatorCall, i: number, rank: number): number[] | undefined {
  const axes = call.has(i) ? call.host(i).data : intsAttribute(call.node, 'axes');
  return axes?.map((axis) => positive(axis, rank));
}

/** Slices along the axes that they are given for; with channels last, along the axes that these have become. */
function sliced(call: OperatorCall, axes: readonly SliceAxis[]): DeviceValue {
  const { tf } = call;
  const value = call.device(0);
  const order = value.channelsLast ? [0, 2, 3, 1] : axes.map((_, i) => i);
  const laid = order.map((axis) => axes[axis]);
  let x = value.asItLies();
  const backwards = laid.flatMap(({ step }, i) => (step < 0 ? [i] : []));
  if (backwards.length > 0) x = tf.reverse(x, backwards);
  const from = laid.map(({ start, step }, i) => (step < 0 ? x.shape[i] - 1 - start : start));
  const sizes = laid.map(({ size }) => size);
  const steps = laid.map(({ step }) => Math.abs(step));
  const dims = axes.map(({ size }) => size);
  const part = steps.every((step) => step === 1)
    ? tf.slice(x, from, sizes)
    : tf.stridedSlice(x, from, from.map((start, i) => start + (sizes[i] - 1) * steps[i] + 1), steps);
  return new DeviceValue(tf, dims, part, value.channelsLast);
}

function part(call: OperatorCall, value: HostValue | DeviceValue, axes: readonly SliceAxis[]): HostValue | DeviceValue {
  if (value instanceof DeviceValue) return sliced(call, axes);
  return hostSlice(value, axes.map(({ start }) => start), axes.map(({ size }) => size), axes.map(({ step }) => step));
}

const slice: TfOperator = (call) => {
  const value = call.value(0);
  const [starts, ends] = [call.host(1).data, call.host(2).data];
  const given = call.has(3) ? call.host(3).data : starts.map((_, i) => i);
  const axes = sliceAxes(value.dims, starts, ends, given, call.has(4) ? call.host(4).data : starts.map(() => 1));
  return part(call, value, axes);
};

const split: TfOperator = (call) => {
  const value = call.value(0);
  const axis = positive(intAttribute(call.node, 'axis', 0), value.dims.length);
  const count = call.node.outputs.length;
  const even = Math.ceil(value.dims[axis] / count);
  const sizes = call.has(1) ? call.host(1).data : Array.from({ length: count }, (_, i) => Math.min(even, value.dims[axis] - i * even));
  let start = 0;
  return sizes.map((size) => {
    const axes = value.dims.map((dim, i) => (i === axis ? { start, size, step: 1 } : { start: 0, size: dim, step: 1 }));
    start += size;
    return part(call, value, axes);
  });
};

const concat: TfOperator = (call) => {
  const inputs = Array.from({ length: call.count }, (_, i) => i);
  const axis = positive(intAttribute(call.node, 'axis', 0), call.value(0).dims.length);
  if (call.onHost) return hostConcat(inputs.map((i) => call.host(i)), axis);
  const values = inputs.map((i) => call.device(i));
  if (values[0].dims.length === 4 && values.some((value) => value.channelsLast)) {
    return call.resultNhwc(call.tf.concat(values.map((value) => value.nhwc()), lastAxis(axis)));
  }
  return call.result(call.tf.concat(values.map((value) => value.plain()), axis));
};

const pad: TfOperator = (call) => {
  const { tf, node } = call;
  const value = call.device(0);
  const rank = value.dims.length;
  const pads = call.host(1).data;
  const given = call.has(3) ? call.host(3).data.map((axis) => positive(axis, rank)) : value.dims.map((_, i) => i);
  const around = value.dims.map((_, axis): [number, number] => {
    const i = given.indexOf(axis);
    return i < 0 ? [0, 0] : [pads[i], pads[i + given.length]];
  });
  const crops = around.some((pair) => pair.some((side) => side < 0));
  const cropped = value.dims.map((dim, i) => {
    const [before, after] = around[i];
    return { start: Math.max(0, -before), size: dim + Math.min(0, before) + Math.min(0, after), step: 1 };
  });
  const kept = crops ? sliced(call, cropped) : value;
  const order = kept.channelsLast ? [0, 2, 3, 1] : value.dims.map((_, i) => i);
  const added = order.map((axis): [number, number] => [Math.max(0, around[axis][0]), Math.max(0, around[axis][1])]);
  const mode = stringAttribute(node, 'mode', 'constant');
  const dims = kept.dims.map((dim, i) => dim + Math.max(0, around[i][0]) + Math.max(0, around[i][1]));
  if (mode === 'constant') return new DeviceValue(tf, dims, tf.pad(kept.asItLies(), added, call.has(2) ? call.host(2).data[0] : 0), kept.channelsLast);
  if (mode !== 'reflect') call.refuse(`padding by ${mode}`);
  return new DeviceValue(tf, dims, tf.mirrorPad(kept.asItLies(), added, 'reflect'), kept.channelsLast);
};

const reshape: TfOperator = (call) => {
  const { dims } = call.value(0);
  const wanted = call.host(1).data.map((dim, i) => (dim === 0 && intAttribute(call.node, 'allowzero', 0) === 0 ? dims[i] : dim));
  const known = wanted.reduce((product, dim) => (dim === -1 ? product : product * dim), 1);
  return reshaped(call, wanted.map((dim) => (dim === -1 ? sizeOf(dims) / known : dim)));
};

const transpose: TfOperator = (call) => {
  const value = call.value(0);
  const perm = intsAttribute(call.node, 'perm') ?? value.dims.map((_, i) => value.dims.length - 1 - i);
  if (value instanceof HostValue) return hostTranspose(value, perm);
  const dims = perm.map((axis) => value.dims[axis]);
  // Between the two layouts there is nothing to be moved.
  if (value.channelsLast && perm.join() === '0,2,3,1') return call.result(call.tf.clone(value.nhwc()), dims);
  if (perm.join() === '0,3,1,2') return new DeviceValue(call.tf, dims, call.tf.clone(value.plain()), true);
  return call.result(call.tf.transpose(value.plain(), [...perm]), dims);
};

const gather: TfOperator = (call) => {
  const value = call.value(0);
  const axis = positive(intAttribute(call.node, 'axis', 0), value.dims.length);
  if (call.onHost) return hostGather(call.host(0), call.host(1), axis);
  const indices = call.host(1);
  const whole = indices.data.map((index) => (index < 0 ? index + value.dims[axis] : index));
  const { tf } = call;
  const taken = tf.gather(call.device(0).plain(), tf.tensor1d(whole, 'int32'), axis);
  const dims = [...value.dims.slice(0, axis), ...indices.dims, ...value.dims.slice(axis + 1)];
  return call.result(tf.reshape(taken, dims), dims);
};

const expand: TfOperator = (call) => {
  const value = call.value(0);
  const shape = call.host(1).data;
  if (value instanceof HostValue) return hostExpand(value, shape);
  const dims = broadcastDims(value.dims, shape);
  if (value.channelsLast && dims.length === 4) {
    return call.resultNhwc(call.tf.broadcastTo(value.nhwc(), [0, 2, 3, 1].map((axis) => dims[axis]) as unknown as [number]));
  }
  return call.result(call.tf.broadcastTo(value.plain(), dims as unknown as [number]), dims);
};

/** Where the channels of a block of pixels go: blocks first (DCR), or channels first (CRD). */
function depthToSpace(call: OperatorCall): DeviceValue {
  const { tf, node } = call;
  const value = call.device(0);
  const block = intAttribute(node, 'blocksize', 1);
  const [n, c, h, w] = value.dims;
  const channels = c / (block * block);
  const crd = stringAttribute(node, 'mode', 'DCR') === 'CRD';
  const parts = tf.reshape(value.plain(), crd ? [n, channels, block, block, h, w] : [n, block, block, channels, h, w]);
  const turned = tf.transpose(parts, crd ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]);
  return call.result(tf.reshape(turned, [n, channels, h * block, w * block]));
}

function spaceToDepth(call: OperatorCall): DeviceValue {
  const { tf, node } = call;
  const value = call.device(0);
  const block = intAttribute(node, 'blocksize', 1);
  const [n, c, h, w] = value.dims;
  const parts = tf.reshape(value.plain(), [n, c, h / block, block, w / block, block]);
  return call.result(tf.reshape(tf.transpose(parts, [0, 3, 5, 1, 2, 4]), [n, c * block * block, h / block, w / block]));
}

const oneHot: TfOperator = (call) => {
  const indices = call.host(0);
  const depth = call.host(1).data[0];
  const [off, on] = call.host(2).data;
  const rank = indices.dims.length + 1;
  const axis = positive(intAttribute(call.node, 'axis', -1), rank);
  const last = new Float32Array(indices.data.length * depth).fill(off);
  indices.data.forEach((index, i) => {
    const at = index < 0 ? index + depth : index;
    if (at >= 0 && at < depth) last[i * depth + at] = on;
  });
  const { tf } = call;
  const tensor: Tf.Tensor = tf.tensor(last, [...indices.dims, depth]);
  const perm = Array.from({ length: rank }, (_, i) => (i === axis ? rank - 1 : i < axis ? i : i - 1));
  return call.result(axis === rank - 1 ? tensor : tf.transpose(tensor, perm));
};

/** Adds or puts updates at indices along one axis. Rare and small: it is done in JavaScript. */
const scatterElements: TfOperator = (call) => {
  const { tf, node } = call;
  const value = call.device(0);
  const indices = call.host(1);
  const updates = call.device(2).plain().dataSync();
  const axis = positive(intAttribute(node, 'axis', 0), value.dims.length);
  const add = stringAttribute(node, 'reduction', 'none') === 'add';
  const data = Float32Array.from(value.plain().dataSync());
  const steps = (dims: readonly number[]): number[] => dims.map((_, i) => sizeOf(dims.slice(i + 1)));
  const [to, from] = [steps(value.dims), steps(indices.dims)];
  indices.data.forEach((index, flat) => {
    const at = indices.dims.reduce((sum, dim, i) => {
      const own = Math.floor(flat / from[i]) % dim;
      return sum + to[i] * (i === axis ? positive(index, value.dims[axis]) : own);
    }, 0);
    data[at] = (add ? data[at] : 0) + updates[flat];
  });
  return call.result(tf.tensor(data, [...value.dims]), value.dims);
};

export const shaping: Readonly<Record<string, TfOperator>> = {
  Shape: (call) => {
    const { dims } = call.value(0);
    const [start, end] = [intAttribute(call.node, 'start', 0), intAttribute(call.node, 'end', dims.length)];
    const part = dims.slice(start, end);
    return new HostValue([part.length], part);
  },
  Size: (call) => new HostValue([], [sizeOf(call.value(0).dims)]),
  Constant: (call) => {
    const tensor = tensorAttribute(call.node, 'value');
    if (tensor === undefined) return call.refuse('a constant without a tensor');
    return new HostValue(tensor.dims, tensor.toNumbers());
  },
  ConstantOfShape: (call) => {
    const dims = call.host(0).data;
    const tensor = tensorAttribute(call.node, 'value');
    const value = tensor?.toNumbers()[0] ?? 0;
    // Integers are few and steer the graph; floats are data.
    if (tensor !== undefined && tensor.type !== 1) return new HostValue(dims, new Array<number>(sizeOf(dims)).fill(value));
    return call.result(call.tf.fill([...dims], value), dims);
  },
  Range: (call) => {
    const [start, limit, step] = [0, 1, 2].map((i) => call.host(i).data[0]);
    const data = Array.from({ length: Math.max(0, Math.ceil((limit - start) / step)) }, (_, i) => start + i * step);
    return new HostValue([data.length], data);
  },
  Reshape: reshape,
  Flatten: (call) => {
    const { dims } = call.value(0);
    const axis = positive(intAttribute(call.node, 'axis', 1), dims.length);
    return reshaped(call, [sizeOf(dims.slice(0, axis)), sizeOf(dims.slice(axis))]);
  },
  Squeeze: (call) => {
    const { dims } = call.value(0);
    const axes = axesOf(call, 1, dims.length);
    return reshaped(call, dims.filter((dim, i) => (axes === undefined ? dim !== 1 : !axes.includes(i))));
  },
  Unsqueeze: (call) => {
    const { dims } = call.value(0);
    const rank = dims.length + (axesOf(call, 1, 0)?.length ?? 0);
    const axes = axesOf(call, 1, rank)!;
    const rest = [...dims];
    return reshaped(call, Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : rest.shift()!)));
  },
  Transpose: transpose,
  Slice: slice,
  Split: split,
  Concat: concat,
  Pad: pad,
  Gather: gather,
  Expand: expand,
  Tile: (call) => {
    const repeats = call.host(1).data;
    if (call.onHost) {
      const value = call.host(0);
      return hostConcatRepeats(value, repeats);
    }
    return call.result(call.tf.tile(call.device(0).plain(), [...repeats]));
  },
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  OneHot: oneHot,
  ScatterElements: scatterElements,
};

function hostConcatRepeats(value: HostValue, repeats: readonly number[]): HostValue {
  return repeats.reduce((tiled, count, axis) => hostConcat(Array.from({ length: count }, () => tiled), axis), hostMap([value], (x) => x));
}
