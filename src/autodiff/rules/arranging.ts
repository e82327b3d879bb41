import { UserError } from '../../errors.js';
import { describeNode, intAttribute, intsAttribute, stringAttribute } from '../../onnx/model.js';
import type { SimpleRule } from '../rule.js';
import { simpleRules } from '../rule.js';

/** For operators that pass their input on. */
const passThrough: SimpleRule = (_, g) => [g];

/** For operators that only change the shape. */
const reshape: SimpleRule = (node, g, b, context) => [b.reshape(g, context.gradientShape(node, node.inputs[0], g))];

export const arranging = simpleRules({
  Identity: passThrough, Dropout: passThrough,
  Reshape: reshape, Flatten: reshape, Squeeze: reshape, Unsqueeze: reshape,

  Transpose: (node, g, b, context) => {
    const [x] = node.inputs;
    const [y] = node.outputs;
    const rank = context.rank(node, x);
    const perm = intsAttribute(node, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
    const back = perm.map((_, axis) => perm.indexOf(axis));
    if (perm[0] === 0 && !context.isStacked(node, x)) return [b.transpose(g, back)];
    return [context.unstack(node, b.transpose(context.stack(node, g, y), [0, ...back.map((axis) => axis + 1)]), x)];
  },

  /** y = x repeated along axes of size 1. */
  Expand: (node, g, _b, context) => [context.unbroadcast(node, g, node.inputs[0])],

  /** Moves channels to blocks of pixels. ONNX can only undo this in the order `DCR`. */
  DepthToSpace: (node, g, b) => {
    if (stringAttribute(node, 'mode', 'DCR') !== 'DCR') throw new UserError(`${describeNode(node)} has a gradient rule only in mode DCR`);
    return [b.node('SpaceToDepth', [g], { blocksize: intAttribute(node, 'blocksize', 1) })];
  },

  SpaceToDepth: (node, g, b) => [b.node('DepthToSpace', [g], { blocksize: intAttribute(node, 'blocksize', 1) })],
});
