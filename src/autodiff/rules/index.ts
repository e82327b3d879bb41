import type { GradientRule } from '../rule.js';
import { simple } from '../rule.js';
import * as activation from './activation.js';
import * as arithmetic from './arithmetic.js';
import { conv } from './convolution.js';
import * as linear from './linear.js';
import * as normalisation from './normalisation.js';
import * as pooling from './pooling.js';
import * as reduction from './reduction.js';
import * as shape from './shape.js';

/** The gradient rule of every operator that has one. */
export const gradientRules: ReadonlyMap<string, GradientRule> = new Map<string, GradientRule>([
  ['Conv', simple(conv)],
  ['Gemm', simple(linear.gemm)], ['MatMul', simple(linear.matmul)],
  ['BatchNormalization', simple(normalisation.batchNormalization)], ['LRN', simple(normalisation.lrn)],
  ['LayerNormalization', simple(normalisation.layerNormalization)], ['InstanceNormalization', simple(normalisation.instanceNormalization)],
  ['Relu', simple(activation.relu)], ['Clip', simple(activation.clip)], ['LeakyRelu', simple(activation.leakyRelu)],
  ['PRelu', simple(activation.prelu)], ['Sigmoid', simple(activation.sigmoid)], ['Tanh', simple(activation.tanh)],
  ['HardSigmoid', simple(activation.hardSigmoid)], ['HardSwish', simple(activation.hardSwish)],
  ['Elu', simple(activation.elu)], ['Selu', simple(activation.selu)], ['Softplus', simple(activation.softplus)],
  ['Mish', simple(activation.mish)], ['Gelu', simple(activation.gelu)], ['Softmax', simple(activation.softmax)],
  ['Add', simple(arithmetic.add)], ['Sum', simple(arithmetic.add)], ['Sub', simple(arithmetic.sub)], ['Mul', simple(arithmetic.mul)],
  ['Div', simple(arithmetic.div)], ['Pow', simple(arithmetic.pow)], ['Neg', simple(arithmetic.neg)], ['Sqrt', simple(arithmetic.sqrt)],
  ['Exp', simple(arithmetic.exp)], ['Log', simple(arithmetic.log)], ['Reciprocal', simple(arithmetic.reciprocal)], ['Abs', simple(arithmetic.abs)],
  ['Erf', simple(arithmetic.erf)], ['Max', simple(arithmetic.max)], ['Min', simple(arithmetic.min)], ['Where', simple(arithmetic.where)],
  ['MaxPool', simple(pooling.maxPool)], ['AveragePool', simple(pooling.averagePool)],
  ['GlobalAveragePool', simple(reduction.globalAveragePool)], ['GlobalMaxPool', simple(reduction.globalMaxPool)],
  ['ReduceMean', simple(reduction.reduceMean)], ['ReduceSum', simple(reduction.reduceSum)], ['ReduceMax', simple(reduction.reduceMax)],
  ['ReduceL2', simple(reduction.reduceL2)], ['ReduceSumSquare', simple(reduction.reduceSumSquare)],
  ['Concat', simple(shape.concat)], ['Split', shape.split], ['Slice', simple(shape.slice)], ['Pad', simple(shape.pad)],
  ['Reshape', simple(shape.reshape)], ['Flatten', simple(shape.reshape)], ['Squeeze', simple(shape.reshape)],
  ['Unsqueeze', simple(shape.reshape)], ['Transpose', simple(shape.transpose)], ['Gather', simple(shape.gather)], ['Expand', simple(shape.expand)],
  ['DepthToSpace', simple(shape.depthToSpace)], ['SpaceToDepth', simple(shape.spaceToDepth)],
  ['Identity', simple(shape.passThrough)], ['Dropout', simple(shape.passThrough)], ['Cast', simple(shape.passThrough)],
]);
