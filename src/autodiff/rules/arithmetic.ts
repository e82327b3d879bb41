import { UserError } from '../../errors.js';
import type { GraphBuilder, Value } from '../../onnx/builder.js';
import type { OnnxNode } from '../../onnx/model.js';
import { describeNode } from '../../onnx/model.js';
import { DataType } from '../../onnx/tensor.js';
import type { RuleContext, SimpleRule } from '../rule.js';

/** The gradient of one operand, summed where it was broadcast; computed only where someone asks for it. */
function operand(node: OnnxNode, index: number, context: RuleContext, gradient: () => Value): Value | undefined {
  const name = node.inputs[index];
  return context.wants(name) ? context.unbroadcast(node, gradient(), name) : undefined;
}

/** y = a + b (+ ...). */
export const add: SimpleRule = (node, g, _b, context) => node.inputs.map((_, i) => operand(node, i, context, () => g));

/** y = a - b. */
export const sub: SimpleRule = (node, g, b, context) => [
  operand(node, 0, context, () => g),
  operand(node, 1, context, () => b.neg(g)),
];

/** y = a b. */
export const mul: SimpleRule = (node, g, b, context) => [
  operand(node, 0, context, () => b.mul(g, node.inputs[1])),
  operand(node, 1, context, () => b.mul(g, node.inputs[0])),
];

/** y = a / b. */
export const div: SimpleRule = (node, g, b, context) => [
  operand(node, 0, context, () => b.div(g, node.inputs[1])),
  operand(node, 1, context, () => b.neg(b.div(b.mul(g, node.outputs[0]), node.inputs[1]))),
];

/** y = a ^ p for a constant exponent. */
export const pow: SimpleRule = (node, g, b, context) => [
  operand(node, 0, context, () => {
    const [a, p] = node.inputs;
    const exponents = context.values(p);
    if (exponents?.length !== 1) return b.mul(g, b.mul(p, b.pow(a, b.sub(p, b.floats(1)))));
    const [exponent] = exponents;
    const power = exponent === 2 ? a : b.pow(a, b.floats(exponent - 1));
    return b.mul(g, b.mul(b.floats(exponent), power));
  }),
  undefined,
];

export const neg: SimpleRule = (_, g, b) => [b.neg(g)];

/** y' = 1 / (2 y). */
export const sqrt: SimpleRule = ({ outputs: [y] }, g, b) => [b.div(b.mul(g, b.floats(0.5)), y)];

/** y' = y. */
export const exp: SimpleRule = ({ outputs: [y] }, g, b) => [b.mul(g, y)];

/** y' = 1 / x. */
export const log: SimpleRule = ({ inputs: [x] }, g, b) => [b.div(g, x)];

/** y' = -y^2. */
export const reciprocal: SimpleRule = ({ outputs: [y] }, g, b) => [b.neg(b.mul(g, b.mul(y, y)))];

/** y' = sign x. */
export const abs: SimpleRule = ({ inputs: [x] }, g, b) => [b.mul(g, b.node('Sign', [x]))];

/** y' = 2 / sqrt(pi) exp(-x^2). */
export const erf: SimpleRule = ({ inputs: [x] }, g, b) => [b.mul(g, b.mul(b.floats(2 / Math.sqrt(Math.PI)), b.exp(b.neg(b.mul(x, x)))))];

/** y = the largest of two operands; it takes the gradient, and at a tie neither does. */
export const max: SimpleRule = (node, g, b, context) => extreme(node, g, b, context, (mine, other) => b.greater(mine, other));

/** y = the smallest of two operands. */
export const min: SimpleRule = (node, g, b, context) => extreme(node, g, b, context, (mine, other) => b.less(mine, other));

function extreme(node: OnnxNode, g: Value, b: GraphBuilder, context: RuleContext, wins: (mine: Value, other: Value) => Value): (Value | undefined)[] {
  if (node.inputs.length !== 2) throw new UserError(`${describeNode(node)} has a gradient rule only for two operands`);
  return node.inputs.map((mine, i) => operand(node, i, context, () => b.mul(g, b.cast(wins(mine, node.inputs[1 - i]), DataType.float32))));
}

/** y = a where the condition holds, else b. */
export const where: SimpleRule = (node, g, b, context) => {
  const holds = (): Value => b.cast(node.inputs[0], DataType.float32);
  return [
    undefined,
    operand(node, 1, context, () => b.mul(g, holds())),
    operand(node, 2, context, () => b.mul(g, b.sub(b.floats(1), holds()))),
  ];
};
