import { describe, expect, it } from 'vitest';
import { needsNoRule } from '../../src/autodiff/backward.js';
import { gradientRules } from '../../src/autodiff/rules/index.js';
import type { OnnxNode } from '../../src/onnx/model.js';
import { operatorTraits } from '../../src/onnx/operators.js';
import { hostOperators } from '../../src/onnx/shapes/host-operators.js';
import { hasShapeRule } from '../../src/onnx/shapes/infer.js';
import { tfOperators } from '../../src/runtime/tfjs/operators/index.js';
import { operatorsTested } from '../operator-cases.js';
import { forwardCases } from '../runtime/tfjs/forward-cases.js';

const rows = [...operatorTraits.keys()];
const nodeOf = (op: string): OnnxNode => ({ name: op, op, domain: '', inputs: [], outputs: [], attributes: {} });
const missing = (isKnown: (op: string) => boolean): string[] => rows.filter((op) => !isKnown(op)).sort();

describe('the tables of operators agree', () => {
  it('every operator that is differentiated, computed or tested has a row of traits', () => {
    const named = [
      ...gradientRules.keys(), ...Object.keys(tfOperators), ...hostOperators.keys(), ...operatorsTested(), ...forwardCases.map(({ op }) => op),
    ];
    expect([...new Set(named)].filter((op) => !operatorTraits.has(op))).toEqual([]);
  });

  it('the shapes of all operators are inferred but for these', () => {
    expect(missing((op) => hasShapeRule(nodeOf(op)))).toEqual(['ArgMin', 'CastLike', 'ConvTranspose', 'IsInf', 'NonZero', 'Xor']);
  });

  it('all operators whose shapes are inferred have a gradient rule or need none, but for these', () => {
    expect(missing((op) => !hasShapeRule(nodeOf(op)) || gradientRules.has(op) || needsNoRule(op))).toEqual([
      'Cos', 'CumSum', 'DequantizeLinear', 'GroupNormalization', 'LogSoftmax', 'LpNormalization', 'Mod', 'OneHot', 'QuantizeLinear', 'ReduceL1',
      'ReduceLogSumExp', 'ReduceMin', 'ReduceProd', 'ScatterElements', 'ScatterND', 'Sin', 'Softsign', 'Swish', 'ThresholdedRelu', 'Tile', 'Trilu',
    ]);
    expect([...gradientRules.keys()].filter((op) => needsNoRule(op) || !hasShapeRule(nodeOf(op)))).toEqual([]);
  });

  it('all operators run on TensorFlow.js but for these', () => {
    expect(missing((op) => op in tfOperators)).toEqual([
      'ArgMin', 'CastLike', 'Constant', 'Cos', 'CumSum', 'DequantizeLinear', 'GroupNormalization', 'IsInf', 'IsNaN', 'LpNormalization', 'NonZero',
      'QuantizeLinear', 'Sin', 'Swish', 'Trilu', 'Xor',
    ]);
  });

  it('what is computed on sizes is computed in JavaScript; Shape and Size are told by shape inference alone', () => {
    expect(missing((op) => operatorTraits.get(op)!.onSizes !== true || hostOperators.has(op))).toEqual(['Shape', 'Size']);
  });
});
