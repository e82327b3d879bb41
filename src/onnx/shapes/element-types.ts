import type { OnnxNode } from '../model.js';
import { intAttribute, tensorAttribute } from '../model.js';
import { traitsOf } from '../operators.js';
import { DataType } from '../tensor.js';

/**
 * The element type of one of a node's outputs, the first by default.
 *
 * @param inputs the types of its inputs; `undefined` if an input is left out or its type is not known
 */
export function outputType(node: OnnxNode, inputs: readonly (DataType | undefined)[], output = 0): DataType | undefined {
  const { form, result } = traitsOf(node);
  if (result !== undefined) return DataType[result];
  // The second output contains indices.
  if (output > 0 && (node.op === 'MaxPool' || node.op === 'TopK')) return DataType.int64;
  switch (node.op) {
    case 'Cast': return intAttribute(node, 'to', 0);
    case 'ConstantOfShape': return tensorAttribute(node, 'value')?.type ?? DataType.float32;
    // The condition of Where does not affect the type.
    case 'Where': return inputs[1] ?? inputs[2];
    case 'CastLike': case 'DequantizeLinear': return inputs[1];
    case 'OneHot': return inputs[2];
    case 'QuantizeLinear': return inputs[2] ?? DataType.uint8;
    default: return form === 'broadcast' ? inputs.find((type) => type !== undefined) : inputs[0];
  }
}

const integers: readonly DataType[] = [
  DataType.int64, DataType.int32, DataType.int16, DataType.int8, DataType.uint64, DataType.uint32, DataType.uint16, DataType.uint8,
];

export function isInteger(type: DataType | undefined): boolean {
  return type !== undefined && integers.includes(type);
}
