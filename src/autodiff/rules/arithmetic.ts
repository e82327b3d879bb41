import { UserError } from '../../errors.js';
import type { GraphBuilder, Value } from '../../onnx/builder.js';
import type { OnnxNode } from '../../onnx/model.js';
import { describeNode } from '../../onnx/model.js';
import { DataType } from '../../onnx/tensor.js';
import type { RuleContext, SimpleRule } from '../rule.js';
import { simpleRules } from '../rule.js';

/** y = a + b (+ ...). */
const add: SimpleRule = (node, g, _b, context) => node.inputs.map((_, i) => context.operand(node, i, () => g));

function extreme(node: OnnxNode, g: Value, b: GraphBuilder, context: RuleContext, wins: (mine: Value, other: Value) => Value): (Value | undefined)[] {
  if (node.inputs.length !== 2) throw new UserError(`${describeNode(node)} has a gradient rule only for two operands`);
  return node.inputs.map((mine, i) => context.operand(node, i, () => b.mul(g, b.cast(wins(mine, node.inputs[1 - i]), DataType.float32))));
}

export const arithmetic = simpleRules({
  Add: add, Sum: add,

  /** y = a - b. */
  Sub: (node, g, b, context) => [
    context.operand(node, 0, () => g),
    context.operand(node, 1, () => b.neg(g)),
  ],

  /** y = a b. */
  Mul: (node, g, b, context) => [
    context.operand(node, 0, () => b.mul(g, node.inputs[1])),
    context.operand(node, 1, () => b.mul(g, node.inputs[0])),
  ],

  /** y = a / b. */
  Div: (node, g, b, context) => [
    context.operand(node, 0, () => b.div(g, node.inputs[1])),
    context.operand(node, 1, () => b.neg(b.div(b.mul(g, node.outputs[0]), node.inputs[1]))),
  ],

  /** y = a ^ p for a constant exponent. */
  Pow: (node, g, b, context) => [
    context.operand(node, 0, () => {
      const [a, p] = node.inputs;
      const exponents = context.values(p);
      if (exponents?.length !== 1) return b.mul(g, b.mul(p, b.pow(a, b.sub(p, b.floats(1)))));
      const [exponent] = exponents;
      const power = exponent === 2 ? a : b.pow(a, b.floats(exponent - 1));
      return b.mul(g, b.mul(b.floats(exponent), power));
    }),
    undefined,
  ],

  Neg: (_, g, b) => [b.neg(g)],
  /** y' = 1 / (2 y). */
  Sqrt: ({ outputs: [y] }, g, b) => [b.div(b.mul(g, b.floats(0.5)), y)],
  /** y' = y. */
  Exp: ({ outputs: [y] }, g, b) => [b.mul(g, y)],
  /** y' = 1 / x. */
  Log: ({ inputs: [x] }, g, b) => [b.div(g, x)],
  /** y' = -y^2. */
  Reciprocal: ({ outputs: [y] }, g, b) => [b.neg(b.mul(g, b.mul(y, y)))],
  /** y' = sign x. */
  Abs: ({ inputs: [x] }, g, b) => [b.mul(g, b.node('Sign', [x]))],
  /** y = the larger of two operands, which gets the gradient. If they are equal, neither gets it. */
  Max: (node, g, b, context) => extreme(node, g, b, context, (mine, other) => b.greater(mine, other)),
  /** y = the smaller of two operands. */
  Min: (node, g, b, context) => extreme(node, g, b, context, (mine, other) => b.less(mine, other)),
});
