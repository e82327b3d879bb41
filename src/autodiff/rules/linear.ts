import { UserError } from '../../errors.js';
import { describeNode, floatAttribute, intAttribute } from '../../onnx/model.js';
import type { SimpleRule } from '../rule.js';

/** Y = alpha A B + beta C, with B [inner, columns], or [columns, inner] where transB is set; B and C are weights. */
export const gemm: SimpleRule = (node, g, b, context) => {
  const [a, w, c] = node.inputs;
  const transposed = intAttribute(node, 'transB', 0) === 1;
  context.weightDims(node, w);
  if (intAttribute(node, 'transA', 0) === 1) throw new UserError(`${describeNode(node)} has a gradient rule only for features [N, C] times weights`);
  const alpha = floatAttribute(node, 'alpha', 1);
  const beta = floatAttribute(node, 'beta', 1);
  const times = (factor: number, value: string): string => (factor === 1 ? value : b.mul(value, b.floats(factor)));
  return [
    context.wants(a) ? times(alpha, b.gemm(g, w, { transB: transposed ? 0 : 1 })) : undefined,
    context.wants(w) ? times(alpha, transposed ? b.gemm(g, a, { transA: 1 }) : b.gemm(a, g, { transA: 1 })) : undefined,
    c && context.wants(c) ? times(beta, context.unbroadcast(node, g, c)) : undefined,
  ];
};

/** Y = A W, W a matrix of weights [inner, columns]. */
export const matmul: SimpleRule = (node, g, b, context) => {
  const [a, w] = node.inputs;
  if (context.weightDims(node, w).length !== 2) throw new UserError(`${describeNode(node)} has a gradient rule only for features times a matrix of weights`);
  const [inner, columns] = context.weightDims(node, w);
  const rows = (value: string, width: number): string => b.reshape(value, [-1, width]);
  return [
    context.wants(a) ? b.matmul(g, b.transpose(w, [1, 0])) : undefined,
    context.wants(w) ? b.gemm(rows(a, inner), rows(g, columns), { transA: 1 }) : undefined,
  ];
};
