import type { Value } from '../../onnx/builder.js';
import { DataType } from '../../onnx/tensor.js';
import { simpleRules } from '../rule.js';

export const logic = simpleRules({
  /** y = a if the condition is true, else b. */
  Where: (node, g, b, context) => {
    const holds = (): Value => b.cast(node.inputs[0], DataType.float32);
    return [
      undefined,
      context.operand(node, 1, () => b.mul(g, holds())),
      context.operand(node, 2, () => b.mul(g, b.sub(b.floats(1), holds()))),
    ];
  },

  /** Casts to integers are not differentiated, see `dependants`. */
  Cast: (_, g) => [g],
});
