import { UserError } from '../../errors.js';
import { describeNode, floatAttribute, intAttribute } from '../../onnx/model.js';
import type { SimpleRule } from '../rule.js';

/** Y = alpha A B + beta C, with B [inner, columns], or [columns, inner] where transB is set. */
export const gemm: SimpleRule = (node, g, b, context) => {
  const [a, w] = node.inputs;
  if (intAttribute(node, 'transA', 0) === 1 || context.wants(w)) {
    throw new UserError(`${describeNode(node)} has a gradient rule only for features [N, C] times constant weights`);
  }
  const alpha = floatAttribute(node, 'alpha', 1);
  const grad = b.gemm(g, w, { transB: intAttribute(node, 'transB', 0) === 1 ? 0 : 1 });
  return [context.wants(a) ? (alpha === 1 ? grad : b.mul(grad, b.floats(alpha))) : undefined];
};

/** Y = A W, W a constant matrix [inner, columns]. */
export const matmul: SimpleRule = (node, g, b, context) => {
  const [, w] = node.inputs;
  if (context.wants(w) || context.rank(node, w) !== 2) throw new UserError(`${describeNode(node)} has a gradient rule only for features times a constant matrix`);
  return [b.matmul(g, b.transpose(w, [1, 0]))];
};
