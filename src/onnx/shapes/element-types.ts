import type { OnnxNode } from '../model.js';
import { intAttribute, tensorAttribute } from '../model.js';
import { DataType } from '../tensor.js';

const whole = new Set(['Shape', 'Size', 'ArgMax', 'ArgMin', 'NonZero']);
const truths = new Set(['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Not', 'And', 'Or', 'Xor', 'IsNaN', 'IsInf']);

/**
 * The element type of a node's first output.
 *
 * @param inputs the types of its inputs; `undefined` where one is left out or not known
 */
export function resultType(node: OnnxNode, inputs: readonly (DataType | undefined)[]): DataType | undefined {
  if (whole.has(node.op)) return DataType.int64;
  if (truths.has(node.op)) return DataType.bool;
  switch (node.op) {
    case 'Cast': return intAttribute(node, 'to', 0);
    case 'ConstantOfShape': return tensorAttribute(node, 'value')?.type ?? DataType.float32;
    case 'Where': case 'CastLike': case 'DequantizeLinear': return inputs[1];
    case 'OneHot': return inputs[2];
    case 'QuantizeLinear': return inputs[2] ?? DataType.uint8;
    default: return inputs[0];
  }
}
