import { intAttribute, intsAttribute, stringAttribute } from '../../../onnx/model.js';
import { sizeOf } from '../../../onnx/tensor.js';
import { expanded } from './helpers/broadcast.js';
import type { OperatorCall, OperatorTable, TfOperator } from './helpers/call.js';
import { counting, fromFirst } from './helpers/call.js';
import { DeviceValue } from '../value.js';

/** The same numbers in another shape. */
function reshaped(call: OperatorCall, dims: readonly number[]): DeviceValue {
  return call.result(call.tf.reshape(call.device(0).plain(), [...dims]), dims);
}

const reshape: TfOperator = (call) => {
  const { dims } = call.value(0);
  const copies = intAttribute(call.node, 'allowzero', 0) === 0;
  const wanted = call.numbers(1).map((dim, i) => (dim === 0 && copies ? dims[i] : dim));
  const rest = sizeOf(dims) / sizeOf(wanted.filter((dim) => dim !== -1));
  return reshaped(call, wanted.map((dim) => (dim === -1 ? rest : dim)));
};

/** The axes that a Squeeze or an Unsqueeze names. */
function axesOf(call: OperatorCall, rank: number): number[] {
  return call.numbers(1).map((axis) => fromFirst(axis, rank));
}

const transpose: TfOperator = (call) => {
  const { tf, node } = call;
  const value = call.device(0);
  const perm = intsAttribute(node, 'perm') ?? counting(value.dims.length).reverse();
  const dims = perm.map((axis) => value.dims[axis]);
  // Between the two layouts nothing has to be moved.
  if (value.channelsLast && perm.join() === '0,2,3,1') return call.result(value.nhwc(), dims);
  if (perm.join() === '0,3,1,2') return DeviceValue.last(tf, dims, value.plain());
  return call.result(tf.transpose(value.plain(), [...perm]), dims);
};

/** Where the channels of a block of pixels go: blocks first (DCR), or channels first (CRD). */
const depthToSpace: TfOperator = (call) => {
  const { tf, node } = call;
  const value = call.device(0);
  const block = intAttribute(node, 'blocksize', 1);
  const [n, c, h, w] = value.dims;
  const channels = c / (block * block);
  const crd = stringAttribute(node, 'mode', 'DCR') === 'CRD';
  const parts = tf.reshape(value.plain(), crd ? [n, channels, block, block, h, w] : [n, block, block, channels, h, w]);
  const turned = tf.transpose(parts, crd ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]);
  return call.result(tf.reshape(turned, [n, channels, h * block, w * block]));
};

const spaceToDepth: TfOperator = (call) => {
  const { tf, node } = call;
  const value = call.device(0);
  const block = intAttribute(node, 'blocksize', 1);
  const [n, c, h, w] = value.dims;
  const parts = tf.reshape(value.plain(), [n, c, h / block, block, w / block, block]);
  return call.result(tf.reshape(tf.transpose(parts, [0, 3, 5, 1, 2, 4]), [n, c * block * block, h / block, w / block]));
};

const unchanged: TfOperator = (call) => call.value(0);

/** What arranges the same numbers anew, or repeats them. */
export const arranging: OperatorTable = {
  Identity: unchanged,
  Dropout: unchanged,
  Reshape: reshape,
  Flatten: (call) => {
    const { dims } = call.value(0);
    const axis = fromFirst(intAttribute(call.node, 'axis', 1), dims.length);
    return reshaped(call, [sizeOf(dims.slice(0, axis)), sizeOf(dims.slice(axis))]);
  },
  Squeeze: (call) => {
    const { dims } = call.value(0);
    const axes = call.has(1) ? axesOf(call, dims.length) : counting(dims.length).filter((axis) => dims[axis] === 1);
    return reshaped(call, dims.filter((_, i) => !axes.includes(i)));
  },
  Unsqueeze: (call) => {
    const rest = [...call.value(0).dims];
    const rank = rest.length + call.value(1).dims[0];
    const axes = axesOf(call, rank);
    return reshaped(call, counting(rank).map((i) => (axes.includes(i) ? 1 : rest.shift()!)));
  },
  Transpose: transpose,
  Expand: (call) => expanded(call, call.device(0), call.numbers(1)),
  Tile: (call) => call.result(call.tf.tile(call.device(0).plain(), call.numbers(1))),
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
};
