import { UserError } from '../../errors.js';
import type { OnnxGraph, OnnxNode } from '../model.js';
import { describeNode } from '../model.js';

const integerOperators = new Set([
  'QuantizeLinear', 'DynamicQuantizeLinear', 'ConvInteger', 'MatMulInteger', 'QLinearConv', 'QLinearMatMul', 'DequantizeLinear',
]);

/** Operators of ONNX Runtime's own that compute on integers: QGemm, QLinearAdd, MatMulNBits, DynamicQuantizeMatMul, ... */
const runtimeOperator = /^(QLinear|QGemm$|QAttention$|MatMulInteger|MatMulNBits$|DynamicQuantize|ConvInteger)/;

/**
 * @param graph with its constants folded: quantised weights have become floats there, see `foldConstants`
 * @throws UserError where features are rounded to integers on the way: such a step has no gradient
 */
export function requireFloatFeatures(graph: OnnxGraph): void {
  const rounding = graph.nodes.find(computesOnIntegers);
  if (rounding === undefined) return;
  throw new UserError(
    `the model is quantised: ${describeNode(rounding)} rounds features to integers, through which there is no gradient`,
    'use the float model that it was made from; quantised weights alone (DequantizeLinear on constants) would be accepted',
  );
}

function computesOnIntegers({ op, domain }: OnnxNode): boolean {
  return domain === '' ? integerOperators.has(op) : domain === 'com.microsoft' && runtimeOperator.test(op);
}
