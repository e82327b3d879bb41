import { UserError } from '../../errors.js';
import { describeNode, intAttribute, intsAttribute, stringAttribute } from '../../onnx/model.js';
import type { SimpleRule } from '../rule.js';
import { simpleRules } from '../rule.js';

/** For operators that hand the numbers on as they are. */
const passThrough: SimpleRule = (_, g) => [g];

/** For operators that only arrange the same numbers in another shape: Reshape, Flatten, Squeeze, Unsqueeze. */
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

  /** Blocks of channels laid out over the image, and back; in the one order that ONNX can undo (`DCR`). */
  DepthToSpace: (node, g, b) => {
    if (stringAttribute(node, 'mode', 'DCR') !== 'DCR') throw new UserError(`${describeNode(node)} has a gradient rule only in mode DCR`);
    return [b.node('SpaceToDepth', [g], { blocksize: intAttribute(node, 'blocksize', 1) })];
  },

  SpaceToDepth: (node, g, b) => [b.node('DepthToSpace', [g], { blocksize: intAttribute(node, 'blocksize', 1) })],
});
