import type { Value } from '../../onnx/builder.js';
import type { OnnxNode } from '../../onnx/model.js';
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
    return b.mul(g, b.mul(p, b.pow(a, b.sub(p, b.floats(1)))));
  }),
  undefined,
];

export const neg: SimpleRule = (_, g, b) => [b.neg(g)];

/** y' = 1 / (2 y). */
export const sqrt: SimpleRule = ({ outputs: [y] }, g, b) => [b.div(b.mul(g, b.floats(0.5)), y)];

/** y' = y. */
export const exp: SimpleRule = ({ outputs: [y] }, g, b) => [b.mul(g, y)];
