import { UserError } from '../../errors.js';
import type { OnnxGraph, OnnxNode } from '../model.js';
import { describeNode } from '../model.js';

const integerOperators = new Set([
  'QuantizeLinear', 'DynamicQuantizeLinear', 'ConvInteger', 'MatMulInteger', 'QLinearConv', 'QLinearMatMul', 'DequantizeLinear',
]);

/** ONNX Runtime's own integer operators: QGemm, QLinearAdd, MatMulNBits, DynamicQuantizeMatMul, ... */
const runtimeOperator = /^(QLinear|QGemm$|QAttention$|MatMulInteger|MatMulNBits$|DynamicQuantize|ConvInteger)/;

/**
 * @param graph with its constants folded, so that quantised weights are floats, see `foldConstants`
 * @throws UserError if features are rounded to integers, which has no gradient
 */
export function requireFloatFeatures(graph: OnnxGraph): void {
  const rounding = graph.nodes.find(computesOnIntegers);
  if (rounding === undefined) return;
  throw new UserError(
    `the model is quantised: ${describeNode(rounding)} rounds features to integers, which has no gradient`,
    'use the float model it was made from; a model with only its weights quantised (DequantizeLinear on constants) works too',
  );
}

function computesOnIntegers({ op, domain }: OnnxNode): boolean {
  return domain === '' ? integerOperators.has(op) : domain === 'com.microsoft' && runtimeOperator.test(op);
}
