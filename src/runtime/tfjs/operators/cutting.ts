import type * as Tf from '@tensorflow/tfjs-core';
import { sliceAxes } from '../../../onnx/shapes/host-ops.js';
import type { SliceAxis } from '../../../onnx/shapes/host-ops.js';
import { intAttribute, stringAttribute } from '../../../onnx/model.js';
import type { OperatorCall, OperatorTable, TfOperator } from './helpers/call.js';
import { counting, fromFirst } from './helpers/call.js';
import { subsampled } from './helpers/slices.js';
import { DeviceValue, inLastOrder, lastAxis } from '../value.js';

/** Slices a value, in the layout in which it is stored. */
function cut({ tf }: OperatorCall, value: DeviceValue, axes: readonly SliceAxis[]): DeviceValue {
  const laid = value.channelsLast ? inLastOrder(axes) : axes;
  // A negative step is a positive step in the reversed tensor.
  const mirrored = counting(laid.length).filter((axis) => laid[axis].step < 0);
  const x = mirrored.length === 0 ? value.asItLies() : tf.reverse(value.asItLies(), mirrored);
  const from = laid.map(({ start, step }, axis) => (step < 0 ? x.shape[axis] - 1 - start : start));
  const reach = laid.map(({ size, step }) => (size === 0 ? 0 : (size - 1) * Math.abs(step) + 1));
  const all = reach.every((size, axis) => size === x.shape[axis]) ? x : tf.slice(x, from, reach);
  const chosen = laid.reduce((part, { step, size }, axis) => subsampled(tf, part, axis, Math.abs(step), size), all);
  const dims = axes.map(({ size }) => size);
  return value.channelsLast ? DeviceValue.last(tf, dims, chosen) : DeviceValue.first(tf, dims, chosen);
}

const slice: TfOperator = (call) => {
  const value = call.device(0);
  const [starts, ends] = [call.numbers(1), call.numbers(2)];
  const axes = call.has(3) ? call.numbers(3) : counting(starts.length);
  const steps = call.has(4) ? call.numbers(4) : starts.map(() => 1);
  return cut(call, value, sliceAxes(value.dims, starts, ends, axes, steps));
};

const split: TfOperator = (call) => {
  const value = call.device(0);
  const axis = fromFirst(intAttribute(call.node, 'axis', 0), value.dims.length);
  let start = 0;
  return call.outputs.map(({ dims }) => {
    const axes = dims.map((size, i) => ({ start: i === axis ? start : 0, size, step: 1 }));
    start += dims[axis];
    return cut(call, value, axes);
  });
};

const concat: TfOperator = (call) => {
  const axis = fromFirst(intAttribute(call.node, 'axis', 0), call.value(0).dims.length);
  const values = counting(call.count).map((i) => call.device(i));
  if (values.some((value) => value.channelsLast)) return call.resultNhwc(call.tf.concat(values.map((value) => value.nhwc()), lastAxis(axis)));
  return call.result(call.tf.concat(values.map((value) => value.plain()), axis));
};

const pad: TfOperator = (call) => {
  const { tf, node } = call;
  const value = call.device(0);
  const { dims } = value;
  const pads = call.numbers(1);
  const axes = call.has(3) ? call.numbers(3).map((axis) => fromFirst(axis, dims.length)) : counting(dims.length);
  const around = dims.map((_, axis) => {
    const i = axes.indexOf(axis);
    return i < 0 ? [0, 0] as const : [pads[i], pads[i + axes.length]] as const;
  });
  // Negative padding crops.
  const kept = cut(call, value, dims.map((dim, i) => (
    { start: Math.max(0, -around[i][0]), size: dim + Math.min(0, around[i][0]) + Math.min(0, around[i][1]), step: 1 })));
  const added = around.map((pair) => pair.map((side) => Math.max(0, side)) as [number, number]);
  const mode = stringAttribute(node, 'mode', 'constant');
  if (mode !== 'constant' && mode !== 'reflect') call.refuse(`Pad in mode ${mode}`);
  const filling = call.has(2) ? call.numbers(2)[0] : 0;
  const extended = (x: Tf.Tensor, paddings: [number, number][]): Tf.Tensor => (
    mode === 'constant' ? tf.pad(x, paddings, filling) : tf.mirrorPad(x, paddings, 'reflect'));
  const result = dims.map((_, i) => kept.dims[i] + added[i][0] + added[i][1]);
  if (kept.channelsLast) return DeviceValue.last(tf, result, extended(kept.nhwc(), inLastOrder(added)));
  return call.result(extended(kept.plain(), added), result);
};

const gather: TfOperator = (call) => {
  const { tf } = call;
  const value = call.device(0);
  const axis = fromFirst(intAttribute(call.node, 'axis', 0), value.dims.length);
  const indices = call.host(1);
  const places = tf.tensor1d(Int32Array.from(indices.data, (index) => (index < 0 ? index + value.dims[axis] : index)), 'int32');
  if (value.channelsLast && indices.dims.length === 1) return call.resultNhwc(tf.gather(value.nhwc(), places, lastAxis(axis)));
  const [{ dims }] = call.outputs;
  return call.result(tf.reshape(tf.gather(value.plain(), places, axis), [...dims]), dims);
};

/** Operators that cut tensors into parts or join them. */
export const cutting: OperatorTable = { Slice: slice, Split: split, Concat: concat, Pad: pad, Gather: gather };
