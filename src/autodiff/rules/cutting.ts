import { UserError } from '../../errors.js';
import type { GraphBuilder, Value } from '../../onnx/builder.js';
import type { OnnxNode } from '../../onnx/model.js';
import { describeNode, intAttribute, stringAttribute } from '../../onnx/model.js';
import { DataType, OnnxTensor } from '../../onnx/tensor.js';
import type { GradientRule, RuleContext } from '../rule.js';
import { simpleRules } from '../rule.js';

/** The axis along which parts are joined or cut, counted from the first. The gradients of all parts must be stacked, or none. */
function joinedAxis(node: OnnxNode, context: RuleContext): number {
  const rank = context.rank(node, node.inputs[0]);
  const axis = (intAttribute(node, 'axis', 0) + rank) % rank;
  const parts = [...node.inputs.slice(0, node.op === 'Split' ? 1 : undefined), ...node.outputs].filter((name) => name !== '' && context.wants(name));
  const stacked = parts.map((name) => context.isStacked(node, name));
  if ((axis === 0 && stacked.includes(false)) || stacked.some((each) => each !== stacked[0])) {
    throw new UserError(`${describeNode(node)} joins or cuts along the batch, which has no gradient rule`);
  }
  return axis;
}

function staticSize(node: OnnxNode, context: RuleContext, name: string, axis: number): number {
  const size = context.dims(node, name)[axis];
  if (size === null) throw new UserError(`${describeNode(node)} joins along an axis whose size depends on the image, which has no gradient rule`);
  return size;
}

/** The gradient of a vector from which elements were gathered: added at the original positions. */
function scattered(node: OnnxNode, g: Value, b: GraphBuilder, context: RuleContext): Value {
  const [x, indices] = node.inputs;
  const stacked = context.stack(node, g, node.outputs[0]);
  const rows = b.reshape(stacked, [0, -1]);
  const where = b.expand(b.reshape(b.cast(indices, DataType.int64), [-1]), b.shape(rows));
  const zeros = b.fill(b.concat([b.shape(stacked, 0, 1), b.shape(x)], 0), 0);
  return context.unstack(node, b.scatterAdd(zeros, where, rows, 1), x);
}

/** The permutation that swaps an axis with the last. */
function swapped(rank: number, axis: number): number[] {
  return Array.from({ length: rank }, (_, i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i));
}

/** Puts step - 1 zeros after every element along one axis. */
function spreadAlong(b: GraphBuilder, x: Value, axis: number, step: number, rank: number): Value {
  const pads = Array<number>(2 * (rank + 1)).fill(0);
  pads[rank + 1 + axis + 1] = step - 1;
  const spread = b.pad(b.unsqueeze(x, [axis + 1]), b.ints(pads));
  const parts = [b.shape(x, 0, axis), b.mul(b.shape(x, axis, axis + 1), b.ints([step]))];
  return b.reshape(spread, b.concat(axis + 1 < rank ? [...parts, b.shape(x, axis + 1)] : parts, 0));
}

/** Joins the gradients of the parts, with zeros for a part that nothing depends on. */
const split: GradientRule = (node, grads, b, context) => {
  const axis = context.gradientAxis(node, node.inputs[0], joinedAxis(node, context));
  const known = grads.find((grad) => grad !== undefined)!;
  return [b.concat(node.outputs.map((name, i) => grads[i] ?? b.fill(context.gradientShape(node, name, known), 0)), axis)];
};

const single = simpleRules({
  /** Each input gets its slice of the gradient. */
  Concat: (node, g, b, context) => {
    const axis = context.gradientAxis(node, node.outputs[0], joinedAxis(node, context));
    let offset = 0;
    return node.inputs.map((name) => {
      const size = staticSize(node, context, name, joinedAxis(node, context));
      const start = offset;
      offset += size;
      return context.wants(name) ? b.slice(g, b.ints([start]), b.ints([start + size]), [axis]) : undefined;
    });
  },

  /** The gradient gets zeros for the elements that the slice left out. */
  Slice: (node, g, b, context) => {
    const [x, startsName, , axesName, stepsName] = node.inputs;
    const [y] = node.outputs;
    const starts = context.values(startsName);
    const rank = context.rank(node, x);
    const axes = (axesName ? context.values(axesName) : starts?.map((_, i) => i))?.map((axis) => (axis < 0 ? axis + rank : axis));
    const steps = stepsName ? context.values(stepsName) : axes?.map(() => 1);
    if (starts === undefined || axes === undefined || steps?.every((step) => step > 0) !== true) {
      throw new UserError(`${describeNode(node)} has a gradient rule only for constant starts and positive steps`);
    }
    const stacked = axes.includes(0) || context.isStacked(node, x) || context.isStacked(node, y);
    const lead = stacked ? 1 : 0;
    let grad = stacked ? context.stack(node, g, y) : g;
    const size = (of: Value, axis: number): Value => b.shape(of, axis, axis + 1);
    const begins: Value[] = Array.from({ length: rank + lead }, () => b.ints([0]));
    const ends = [...begins];
    axes.forEach((axis, i) => {
      const along = axis + lead;
      if (steps[i] !== 1) grad = spreadAlong(b, grad, along, steps[i], rank + lead);
      begins[along] = starts[i] >= 0 ? b.min(b.ints([starts[i]]), size(x, axis)) : b.add(size(x, axis), b.ints([starts[i]]));
      // Negative if the last gap of a step extends beyond the end: that part is cut off.
      ends[along] = b.sub(b.sub(size(x, axis), size(grad, along)), begins[along]);
    });
    const padded = b.pad(grad, b.concat([...begins, ...ends], 0));
    return [stacked ? context.unstack(node, padded, x) : padded];
  },

  /**
   * y = the elements of x at constant indices along an axis. The other elements get a gradient of zero. Neighbours in order, or a
   * single index, only need padding. Otherwise a product with one-hot rows moves the gradient to the indices.
   */
  Gather: (node, g, b, context) => {
    const [x, indicesName] = node.inputs;
    const [y] = node.outputs;
    const rank = context.rank(node, x);
    const axis = (intAttribute(node, 'axis', 0) + rank) % rank;
    const size = context.dims(node, x)[axis];
    const indices = context.values(indicesName);
    const indexRank = context.rank(node, indicesName);
    if (rank === 1) return [scattered(node, g, b, context)];
    if (indices === undefined || indexRank > 1 || size === null) {
      throw new UserError(`${describeNode(node)} has a gradient rule only for constant indices along an axis of known size`);
    }
    const picked = indices.map((index) => (index < 0 ? index + size : index));
    const stacked = context.stack(node, g, y);
    const along = axis + 1;
    const rows = indexRank === 0 ? b.unsqueeze(stacked, [along]) : stacked;
    if (picked.every((index, i) => index === picked[0] + i)) {
      const pads = Array<number>(2 * (rank + 1)).fill(0);
      pads[along] = picked[0];
      pads[along + rank + 1] = size - picked[0] - picked.length;
      return [context.unstack(node, b.pad(rows, b.ints(pads)), x)];
    }
    const oneHot = new Float32Array(picked.length * size);
    picked.forEach((index, i) => { oneHot[i * size + index] = 1; });
    const last = swapped(rank + 1, along);
    const placed = b.matmul(b.transpose(rows, last), b.constant(OnnxTensor.float32([picked.length, size], oneHot), 'one_hot'));
    return [context.unstack(node, b.transpose(placed, last), x)];
  },

  /** The gradient of the padding is dropped. Elements that negative padding cut off get zeros. */
  Pad: (node, g, b, context) => {
    const [x, padsName, , axesName] = node.inputs;
    const rank = context.rank(node, x);
    const axes = (axesName ? context.values(axesName) : Array.from({ length: rank }, (_, i) => i))?.map((axis) => (axis < 0 ? axis + rank : axis));
    if (axes === undefined || stringAttribute(node, 'mode', 'constant') !== 'constant') {
      throw new UserError(`${describeNode(node)} has a gradient rule only in mode 'constant'`);
    }
    if (context.isStacked(node, x) !== context.isStacked(node, node.outputs[0])) throw new UserError(`${describeNode(node)} pads the batch, which has no gradient rule`);
    const along = axes.map((axis) => context.gradientAxis(node, x, axis));
    const given = context.values(padsName);
    // The padding is computed from the image size.
    if (given === undefined) return [b.node('Pad', [g, b.neg(padsName), '', b.ints(along)], { mode: 'constant' })];
    const full = rank + (context.isStacked(node, x) ? 1 : 0);
    const pads = Array<number>(2 * full).fill(0);
    along.forEach((axis, i) => {
      pads[axis] = -given[i];
      pads[axis + full] = -given[i + axes.length];
    });
    return [b.pad(g, b.ints(pads))];
  },
});

export const cutting = { ...single, Split: split };
