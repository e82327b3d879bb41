import { intAttribute, intsAttribute, stringAttribute } from '../../../onnx/model.js';
import { expanded } from './helpers/broadcast.js';
import type { OperatorTable, TfOperator } from './helpers/call.js';
import { counting } from './helpers/call.js';
import { DeviceValue } from '../value.js';

/** The same numbers in another shape. */
const regrouped: TfOperator = (call) => {
  const [{ dims }] = call.outputs;
  return call.result(call.tf.reshape(call.device(0).plain(), [...dims]), dims);
};

const transpose: TfOperator = (call) => {
  const { tf, node } = call;
  const value = call.device(0);
  const perm = intsAttribute(node, 'perm') ?? counting(value.dims.length).reverse();
  const dims = perm.map((axis) => value.dims[axis]);
  // A permutation between the two layouts moves no data.
  if (value.channelsLast && perm.join() === '0,2,3,1') return call.result(value.nhwc(), dims);
  if (perm.join() === '0,3,1,2') return DeviceValue.last(tf, dims, value.plain());
  return call.result(tf.transpose(value.plain(), [...perm]), dims);
};

/** Moves channels to blocks of pixels. The order is blocks first (DCR) or channels first (CRD). */
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

/** Operators that rearrange or repeat elements. */
export const arranging: OperatorTable = {
  Identity: unchanged, Dropout: unchanged,
  Reshape: regrouped, Flatten: regrouped, Squeeze: regrouped, Unsqueeze: regrouped,
  Transpose: transpose,
  Expand: (call) => expanded(call, call.device(0), call.numbers(1)),
  Tile: (call) => call.result(call.tf.tile(call.device(0).plain(), call.numbers(1))),
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
};
