import { UserError } from '../../errors.js';
import type { GraphBuilder, Value } from '../../onnx/builder.js';
import type { OnnxNode } from '../../onnx/model.js';
import { describeNode, intAttribute, intsAttribute, stringAttribute } from '../../onnx/model.js';
import type { GradientRule, RuleContext, SimpleRule } from '../rule.js';

/** For operators that hand the numbers on as they are. */
export const passThrough: SimpleRule = (_, g) => [g];

/** For operators that only arrange the same numbers in another shape: Reshape, Flatten, Squeeze, Unsqueeze. */
export const reshape: SimpleRule = (node, g, b, context) => {
  const [x] = node.inputs;
  context.requireLeadingBatch(node, x, node.outputs[0]);
  return [b.reshape(g, context.gradientShape(x, g))];
};

export const transpose: SimpleRule = (node, g, b, context) => {
  const rank = context.rank(node, node.inputs[0]);
  const perm = intsAttribute(node, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  return [b.transpose(g, perm.map((_, axis) => perm.indexOf(axis)))];
};

/** Each input takes its slice of the gradient. */
export const concat: SimpleRule = (node, g, b, context) => {
  const axis = positiveAxis(node, context);
  let offset = 0;
  return node.inputs.map((name) => {
    const size = staticSize(node, context, name, axis);
    const start = offset;
    offset += size;
    return context.wants(name) ? b.slice(g, b.ints([start]), b.ints([start + size]), [axis]) : undefined;
  });
};

/** The gradients of the parts side by side; zeros for a part that nothing depends on. */
export const split: GradientRule = (node, grads, b, context) => {
  const axis = positiveAxis(node, context);
  const known = grads.find((grad) => grad !== undefined)!;
  return [b.concat(node.outputs.map((name, i) => grads[i] ?? b.fill(context.gradientShape(name, known), 0)), axis)];
};

function positiveAxis(node: OnnxNode, context: RuleContext): number {
  const rank = context.rank(node, node.inputs[0]);
  const axis = (intAttribute(node, 'axis', 0) + rank) % rank;
  if (axis === 0) throw new UserError(`${describeNode(node)} joins or cuts along the batch, which has no gradient rule`);
  return axis;
}

function staticSize(node: OnnxNode, context: RuleContext, name: string, axis: number): number {
  const size = context.dims(node, name)[axis];
  if (size === null) throw new UserError(`${describeNode(node)} joins along an axis whose size depends on the image, which has no gradient rule`);
  return size;
}

/** Zeros are put back where the slice left something out. */
export const slice: SimpleRule = (node, g, b, context) => {
  const [x, startsName, , axesName, stepsName] = node.inputs;
  const starts = context.values(startsName);
  const rank = context.rank(node, x);
  const axes = (axesName ? context.values(axesName) : starts?.map((_, i) => i))?.map((axis) => (axis < 0 ? axis + rank : axis));
  const steps = stepsName ? context.values(stepsName) : axes?.map(() => 1);
  if (starts === undefined || axes === undefined || axes.includes(0) || steps?.every((step) => step > 0) !== true) {
    throw new UserError(`${describeNode(node)} has a gradient rule only for constant starts and positive steps, and not along the batch`);
  }
  const size = (of: Value, axis: number): Value => b.shape(of, axis, axis + 1);
  const begins: Value[] = Array.from({ length: rank }, () => b.ints([0]));
  const ends = [...begins];
  let grad = g;
  axes.forEach((axis, i) => {
    if (steps[i] !== 1) grad = spreadAlong(b, grad, axis, steps[i], rank);
    begins[axis] = starts[i] >= 0 ? b.min(b.ints([starts[i]]), size(x, axis)) : b.add(size(x, axis), b.ints([starts[i]]));
    // Negative where the last gap of a step hangs over the end: that much is cut off.
    ends[axis] = b.sub(b.sub(size(x, axis), size(grad, axis)), begins[axis]);
  });
  return [b.pad(grad, b.concat([...begins, ...ends], 0))];
};

/** Puts step - 1 zeros behind every element along one axis. */
function spreadAlong(b: GraphBuilder, x: Value, axis: number, step: number, rank: number): Value {
  const pads = Array<number>(2 * (rank + 1)).fill(0);
  pads[rank + 1 + axis + 1] = step - 1;
  const spread = b.pad(b.unsqueeze(x, [axis + 1]), b.ints(pads));
  const parts = [b.shape(x, 0, axis), b.mul(b.shape(x, axis, axis + 1), b.ints([step]))];
  return b.reshape(spread, b.concat(axis + 1 < rank ? [...parts, b.shape(x, axis + 1)] : parts, 0));
}

/** The padding's share of the gradient is dropped; what a negative padding cut off gets zeros. */
export const pad: SimpleRule = (node, g, b, context) => {
  const [x, padsName, , axesName] = node.inputs;
  const given = context.values(padsName);
  const rank = context.rank(node, x);
  const axes = (axesName ? context.values(axesName) : Array.from({ length: rank }, (_, i) => i))?.map((axis) => (axis < 0 ? axis + rank : axis));
  if (given === undefined || axes === undefined || stringAttribute(node, 'mode', 'constant') !== 'constant') {
    throw new UserError(`${describeNode(node)} has a gradient rule only for constant paddings in mode 'constant'`);
  }
  const pads = Array<number>(2 * rank).fill(0);
  axes.forEach((axis, i) => {
    pads[axis] = -given[i];
    pads[axis + rank] = -given[i + axes.length];
  });
  if (pads[0] !== 0 || pads[rank] !== 0) throw new UserError(`${describeNode(node)} pads the batch, which has no gradient rule`);
  return [b.pad(g, b.ints(pads))];
};
