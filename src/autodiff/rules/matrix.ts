import { UserError } from '../../errors.js';
import type { GraphBuilder, Value } from '../../onnx/builder.js';
import type { OnnxNode } from '../../onnx/model.js';
import { describeNode, floatAttribute, intAttribute } from '../../onnx/model.js';
import type { RuleContext } from '../rule.js';
import { simpleRules } from '../rule.js';

/** The gradient of a weight matrix [inner, columns], summed over all rows of all images. */
function trainedMatrix(node: OnnxNode, g: Value, b: GraphBuilder, context: RuleContext): Value {
  const [a, w] = node.inputs;
  const dims = context.weightDims(node, w);
  if (dims.length !== 2) throw new UserError(`${describeNode(node)} has a gradient rule only for features times a weight matrix`);
  const rows = (value: Value, width: number): Value => b.reshape(value, [-1, width]);
  return b.gemm(rows(a, dims[0]), rows(g, dims[1]), { transA: 1 });
}

export const matrices = simpleRules({
  /**
   * Y = alpha A B + beta C, with features A [rows, inner] and weights B [inner, columns]. If transA or transB is set, that matrix
   * is stored transposed.
   */
  Gemm: (node, g, b, context) => {
    const [a, w, c] = node.inputs;
    const [transA, transB] = ['transA', 'transB'].map((name) => intAttribute(node, name, 0) === 1);
    const alpha = floatAttribute(node, 'alpha', 1);
    const beta = floatAttribute(node, 'beta', 1);
    const times = (factor: number, value: Value): Value => (factor === 1 ? value : b.mul(value, b.floats(factor)));
    const features = (): Value => {
      if (!transA && !context.isStacked(node, a)) return b.gemm(g, w, { transB: transB ? 0 : 1 });
      const product = b.matmul(context.stack(node, g, node.outputs[0]), transB ? w : b.transpose(w, [1, 0]));
      return context.unstack(node, transA ? b.transpose(product, [0, 2, 1]) : product, a);
    };
    const weights = (): Value => {
      if (transA || !b.initializers.has(w)) throw new UserError(`${describeNode(node)} has a gradient rule only for features [N, C] times weights`);
      return transB ? b.gemm(g, a, { transA: 1 }) : b.gemm(a, g, { transA: 1 });
    };
    return [
      context.wants(a) ? times(alpha, features()) : undefined,
      context.wants(w) ? times(alpha, weights()) : undefined,
      c && context.wants(c) ? times(beta, context.unbroadcast(node, g, c)) : undefined,
    ];
  },

  /**
   * Y = A B for matrices or stacks of them: features by weights, or features by features (attention). dA = G B^T and
   * dB = A^T G, summed over the stack if one matrix was multiplied with many.
   */
  MatMul: (node, g, b, context) => {
    const [a, w] = node.inputs;
    const stack = context.dims(node, node.outputs[0]).slice(0, -2);
    const swapLast = (name: string): Value => {
      const rank = context.rank(node, name);
      return b.transpose(name, Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i)));
    };
    const summed = (gradient: Value, name: string): Value => (
      context.unbroadcast(node, gradient, name, node.outputs[0], [...stack, ...context.dims(node, name).slice(-2)])
    );
    return [
      context.wants(a) ? summed(b.matmul(g, swapLast(w)), a) : undefined,
      context.wants(w) ? (b.initializers.has(w) ? trainedMatrix(node, g, b, context) : summed(b.matmul(swapLast(a), g), w)) : undefined,
    ];
  },
});
