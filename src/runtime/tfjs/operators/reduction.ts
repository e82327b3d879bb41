import type * as Tf from '@tensorflow/tfjs-core';
import { HostValue } from '../../../onnx/shapes/host-ops.js';
import { intAttribute } from '../../../onnx/model.js';
import type { OperatorCall, OperatorTable, TfOperator } from './helpers/call.js';
import { counting, fromFirst } from './helpers/call.js';
import { DeviceValue, lastAxis } from '../value.js';

type Tfjs = OperatorCall['tf'];
type Reduce = (tf: Tfjs, x: Tf.Tensor, axes: number[], keepdims: boolean) => Tf.Tensor;

/** The mean of [N, H, W, C] over positions, [N, 1, 1, C]. In WebAssembly, a pool is ten times faster than a mean. */
export function spatialMean(tf: Tfjs, x: Tf.Tensor4D): Tf.Tensor {
  const [, h, w] = x.shape;
  return h * w === 1 ? x : tf.avgPool(x, [h, w], 1, 'valid');
}

/** Sums of [N, H, W, C] with axes kept. If only the channels remain, positions are summed by a product with ones. */
function sumLast(tf: Tfjs, x: Tf.Tensor4D, axes: number[]): Tf.Tensor {
  const [n, h, w, c] = x.shape;
  const key = [...axes].sort().join();
  if (key === '1,2') return tf.mul(spatialMean(tf, x), h * w);
  if (key === '0,1,2') return tf.reshape(tf.matMul(tf.fill([1, n * h * w], 1), tf.reshape(x, [n * h * w, c])), [1, 1, 1, c]);
  return tf.sum(x, axes, true);
}

function meanLast(tf: Tfjs, x: Tf.Tensor4D, axes: number[]): Tf.Tensor {
  return [...axes].sort().join() === '1,2' ? spatialMean(tf, x) : tf.mean(x, axes, true);
}

/** The axes of a reduction. Default: all. */
function reductionAxes(call: OperatorCall, rank: number): number[] {
  const given = call.has(1) ? call.numbers(1) : [];
  if (given.length > 0) return given.map((axis) => fromFirst(axis, rank));
  return intAttribute(call.node, 'noop_with_empty_axes', 0) === 1 ? [] : counting(rank);
}

/** @param last a faster way for [N, H, W, C] with axes kept, if there is one */
function reduction(onDevice: Reduce, last?: (tf: Tfjs, x: Tf.Tensor4D, axes: number[]) => Tf.Tensor): TfOperator {
  return (call) => {
    const x = call.device(0);
    const { tf } = call;
    const axes = reductionAxes(call, x.dims.length);
    const keepdims = intAttribute(call.node, 'keepdims', 1) === 1;
    if (axes.length === 0) return call.resultLike(x, (tensor) => onDevice(tf, tensor, [], true));
    const [{ dims }] = call.outputs;
    if (!x.channelsLast) return call.result(onDevice(tf, x.plain(), axes, keepdims), dims);
    const kept = x.dims.map((dim, i) => (axes.includes(i) ? 1 : dim));
    const lastAxes = axes.map(lastAxis);
    const reduced = DeviceValue.last(tf, kept, last === undefined ? onDevice(tf, x.nhwc(), lastAxes, true) : last(tf, x.nhwc(), lastAxes));
    return keepdims ? reduced : call.result(tf.reshape(reduced.plain(), [...dims]));
  };
}

const argMax: TfOperator = (call) => {
  const { tf, node } = call;
  const x = call.device(0);
  if (intAttribute(node, 'select_last_index', 0) !== 0) call.refuse('ArgMax with select_last_index');
  const axis = fromFirst(intAttribute(node, 'axis', 0), x.dims.length);
  const places = tf.argMax(x.plain(), axis).dataSync();
  return new HostValue(call.outputs[0].dims, Float64Array.from(places));
};

export const reductions: OperatorTable = {
  ReduceSum: reduction((tf, x, axes, keep) => tf.sum(x, axes, keep), sumLast),
  ReduceMean: reduction((tf, x, axes, keep) => tf.mean(x, axes, keep), meanLast),
  ReduceMax: reduction((tf, x, axes, keep) => tf.max(x, axes, keep)),
  ReduceMin: reduction((tf, x, axes, keep) => tf.min(x, axes, keep)),
  ReduceProd: reduction((tf, x, axes, keep) => tf.prod(x, axes, keep)),
  ReduceL1: reduction((tf, x, axes, keep) => tf.sum(tf.abs(x), axes, keep)),
  ReduceL2: reduction((tf, x, axes, keep) => tf.sqrt(tf.sum(tf.square(x), axes, keep))),
  ReduceSumSquare: reduction((tf, x, axes, keep) => tf.sum(tf.square(x), axes, keep)),
  ReduceLogSumExp: reduction((tf, x, axes, keep) => tf.logSumExp(x, axes, keep)),
  ArgMax: argMax,
};
