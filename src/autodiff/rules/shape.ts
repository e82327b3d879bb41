import { UserError } from '../../errors.js';
import type { GraphBuilder, Value } from '../../onnx/builder.js';
import type { OnnxNode } from '../../onnx/model.js';
import { describeNode, intAttribute, intsAttribute } from '../../onnx/model.js';
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
  if (perm[0] !== 0) context.requireLeadingBatch(node, node.outputs[0]);
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
  const unitSteps = !stepsName || context.values(stepsName)?.every((step) => step === 1);
  if (starts === undefined || axes === undefined || axes.includes(0) || !unitSteps) {
    throw new UserError(`${describeNode(node)} has a gradient rule only for constant starts and steps of 1, and not along the batch`);
  }
  const sizes = { x: b.shape(x), y: b.shape(node.outputs[0]) };
  const at = (of: Value, axis: number): Value => b.slice(of, b.ints([axis]), b.ints([axis + 1]), [0]);
  const begins: Value[] = Array.from({ length: rank }, () => b.ints([0]));
  const ends = [...begins];
  axes.forEach((axis, i) => {
    begins[axis] = starts[i] >= 0 ? b.min(b.ints([starts[i]]), at(sizes.x, axis)) : b.add(at(sizes.x, axis), b.ints([starts[i]]));
    ends[axis] = b.sub(b.sub(at(sizes.x, axis), at(sizes.y, axis)), begins[axis]);
  });
  return [b.pad(g, b.concat([...begins, ...ends], 0))];
};

/** The padding's share of the gradient is dropped. */
export const pad: SimpleRule = (node, g, b, context) => {
  const [x, padsName] = node.inputs;
  const pads = context.values(padsName);
  const rank = context.rank(node, x);
  const mode = node.attributes.mode;
  if (pads?.length !== 2 * rank || pads[0] !== 0 || pads.some((p) => p < 0) || (mode?.kind === 'string' && mode.value !== 'constant')) {
    throw new UserError(`${describeNode(node)} has a gradient rule only for constant paddings by a constant, and not along the batch`);
  }
  const axes = pads.slice(0, rank).flatMap((begin, axis) => (begin !== 0 || pads[axis + rank] !== 0 ? [axis] : []));
  return [axes.length === 0 ? g : cropTo(b, g, x, axes, axes.map((axis) => pads[axis]))];
};

/** The window of `g` that starts at `begins` and is as large as x, along the given axes. */
function cropTo(b: GraphBuilder, g: Value, x: Value, axes: readonly number[], begins: readonly number[]): Value {
  const starts = b.ints(begins);
  const sizes = b.gather(b.shape(x), b.ints(axes), 0);
  return b.slice(g, starts, b.add(starts, sizes), axes);
}
