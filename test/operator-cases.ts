import type { Value } from '../src/onnx/builder.js';
import { GraphBuilder } from '../src/onnx/builder.js';
import { inferShapes } from '../src/onnx/shapes/infer.js';
import type { OnnxModel } from '../src/onnx/model.js';
import { DataType, sizeOf } from '../src/onnx/tensor.js';
import { noise, spreadOut } from './random.js';

/** The distance of neighbouring input values: kinks lie half of it away, at multiples of it. */
const SPACING = 0.125;

/**
 * The step of the differences. The runtime computes in float32, so it is as large as the operator allows: a linear one
 * allows any, one with kinks allows steps that cannot reach the next kink, and a smooth one such that the error of the
 * differences, of fourth order, stays below rounding.
 */
export const STEPS = { linear: 1, kinked: 0.24 * SPACING, smooth: 0.06 };

/** A use of one operator, or of a few. */
export interface OperatorCase {
  name: string;
  kind: keyof typeof STEPS;
  /** The operator set, where it is not 18. */
  opset?: number;
  /** [C, H, W] */
  shape?: readonly [number, number, number];
  /** Adds the operator; x is the image [N, C, H, W]. */
  build: (b: GraphBuilder, x: Value) => Value;
}

const weights = (b: GraphBuilder, dims: readonly number[], seed = 1): Value => b.floats(noise(sizeOf(dims), seed), dims);
/** At least 0.5, and smooth. */
const positive = (b: GraphBuilder, x: Value): Value => b.add(b.sigmoid(x), b.floats(0.5));
const float = (value: number) => ({ float: value });
const { linear, kinked, smooth } = { linear: 'linear', kinked: 'kinked', smooth: 'smooth' } as const;

/**
 * At least one line per operator with a gradient rule. The gradient is tested against finite differences, and the operator and its
 * gradient on TensorFlow.js against ONNX Runtime.
 */
export const operatorCases: readonly OperatorCase[] = [
  { name: 'Conv 3x3', kind: linear, build: (b, x) => b.conv(x, weights(b, [3, 2, 3, 3]), { pads: [1, 1, 1, 1] }) },
  { name: 'Conv stride 2, asymmetric padding', kind: linear, shape: [2, 6, 5], build: (b, x) => b.conv(x, weights(b, [3, 2, 3, 3]), { strides: [2, 2], pads: [0, 1, 2, 0] }) },
  { name: 'Conv stride 2 by 3, dilated', kind: linear, shape: [2, 7, 8], build: (b, x) => b.conv(x, weights(b, [3, 2, 2, 3]), { strides: [2, 3], dilations: [3, 2], pads: [1, 2, 0, 1] }) },
  { name: 'Conv depthwise, SAME_UPPER, stride 2', kind: linear, shape: [3, 6, 5], build: (b, x) => b.conv(x, weights(b, [3, 1, 3, 3]), { group: 3, strides: [2, 2], auto_pad: 'SAME_UPPER' }) },
  { name: 'Conv 1x1, stride 2', kind: linear, shape: [4, 4, 5], build: (b, x) => b.conv(x, weights(b, [4, 2, 1, 1]), { group: 2, strides: [2, 2] }) },
  { name: 'Gemm', kind: linear, build: (b, x) => b.node('Gemm', [b.reshape(x, [0, -1]), weights(b, [5, 24]), weights(b, [5])], { alpha: float(1.7), beta: float(0.3), transB: 1 }) },
  { name: 'MatMul', kind: linear, build: (b, x) => b.matmul(x, weights(b, [4, 3])) },
  { name: 'BatchNormalization', kind: linear, build: (b, x) => b.node('BatchNormalization', [x, b.floats([1.2, -0.7]), b.floats([0.1, 0.2]), b.floats([0.3, -0.4]), b.floats([0.5, 2])], { epsilon: float(1e-3) }) },
  { name: 'LRN size 3', kind: smooth, shape: [4, 2, 3], build: (b, x) => b.node('LRN', [x], { size: 3, alpha: float(0.8), beta: float(0.75), bias: float(1.5) }) },
  { name: 'LRN size 5', kind: smooth, shape: [6, 1, 5], build: (b, x) => b.node('LRN', [x], { size: 5, alpha: float(0.5), beta: float(0.5), bias: float(2) }) },
  { name: 'Relu', kind: kinked, build: (b, x) => b.relu(x) },
  { name: 'Clip', kind: kinked, build: (b, x) => b.node('Clip', [x, b.floats(-2 * SPACING), b.floats(6 * SPACING)]) },
  { name: 'Clip from 0', kind: kinked, build: (b, x) => b.node('Clip', [x, b.floats(0), b.floats(6 * SPACING)]) },
  { name: 'Clip without lower limit', kind: kinked, build: (b, x) => b.node('Clip', [x, '', b.floats(SPACING)]) },
  { name: 'LeakyRelu', kind: kinked, build: (b, x) => b.node('LeakyRelu', [x], { alpha: float(0.2) }) },
  { name: 'PRelu', kind: kinked, build: (b, x) => b.node('PRelu', [x, b.floats([0.3, -0.4], [2, 1, 1])]) },
  { name: 'Sigmoid', kind: smooth, build: (b, x) => b.sigmoid(x) },
  { name: 'Tanh', kind: smooth, build: (b, x) => b.node('Tanh', [x]) },
  // Kinks at -beta / alpha = -4 SPACING and (1 - beta) / alpha = 4 SPACING.
  { name: 'HardSigmoid', kind: kinked, build: (b, x) => b.node('HardSigmoid', [x], { alpha: float(1), beta: float(0.5) }) },
  // Kinks at 3 = 8 SPACING 3.
  { name: 'HardSwish', kind: kinked, build: (b, x) => b.node('HardSwish', [b.mul(x, b.floats(3))]) },
  { name: 'Elu', kind: kinked, build: (b, x) => b.node('Elu', [x], { alpha: float(0.7) }) },
  { name: 'Celu', kind: kinked, build: (b, x) => b.node('Celu', [x], { alpha: float(0.7) }) },
  { name: 'Softmax over channels', kind: smooth, shape: [4, 2, 3], build: (b, x) => b.node('Softmax', [x], { axis: 1 }) },
  { name: 'Softmax over the last axis', kind: smooth, build: (b, x) => b.node('Softmax', [x]) },
  { name: 'Add', kind: linear, build: (b, x) => b.add(b.reduceMean(x, [2, 3]), b.add(x, weights(b, [2, 1, 1]))) },
  { name: 'Sum', kind: linear, build: (b, x) => b.sum([x, b.reduceMean(x, [1]), weights(b, [1, 2, 1, 1])]) },
  { name: 'Sub', kind: linear, build: (b, x) => b.sub(weights(b, [2, 3, 4]), b.sub(x, b.reduceMean(x, [1, 2]))) },
  { name: 'Mul', kind: smooth, build: (b, x) => b.mul(b.mul(x, weights(b, [2, 1, 1])), b.reduceMean(x, [2, 3])) },
  { name: 'Div', kind: smooth, build: (b, x) => b.div(b.reduceMean(x, [2, 3]), positive(b, x)) },
  { name: 'Div of a constant', kind: smooth, build: (b, x) => b.div(weights(b, [2, 1, 1]), b.reduceMean(positive(b, x), [3])) },
  { name: 'Pow', kind: smooth, build: (b, x) => b.pow(positive(b, x), b.floats(2.5)) },
  { name: 'Pow 2 of numbers of both signs', kind: smooth, build: (b, x) => b.pow(x, b.floats(2)) },
  { name: 'Neg', kind: linear, build: (b, x) => b.neg(x) },
  { name: 'Sqrt', kind: smooth, build: (b, x) => b.sqrt(positive(b, x)) },
  { name: 'Exp', kind: smooth, build: (b, x) => b.exp(x) },
  { name: 'MaxPool 3x3, stride 2', kind: kinked, shape: [2, 5, 4], build: (b, x) => b.node('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }) },
  { name: 'MaxPool 2x3, ceil_mode', kind: kinked, shape: [2, 4, 5], build: (b, x) => b.node('MaxPool', [x], { kernel_shape: [2, 3], strides: [3, 2], ceil_mode: 1 }) },
  { name: 'AveragePool, padding counted', kind: linear, shape: [2, 5, 4], build: (b, x) => b.averagePool(x, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], count_include_pad: 1 }) },
  { name: 'AveragePool, padding not counted', kind: linear, shape: [2, 5, 4], build: (b, x) => b.averagePool(x, { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 0, 1] }) },
  { name: 'GlobalAveragePool', kind: linear, build: (b, x) => b.node('GlobalAveragePool', [x]) },
  { name: 'GlobalMaxPool', kind: kinked, build: (b, x) => b.node('GlobalMaxPool', [x]) },
  { name: 'ReduceMean over positions', kind: linear, build: (b, x) => b.reduceMean(x, [2, 3], false) },
  { name: 'ReduceMean over channels', kind: linear, build: (b, x) => b.reduceMean(x, [-3]) },
  { name: 'ReduceSum', kind: linear, build: (b, x) => b.reduceSum(x, [1, 3], false) },
  { name: 'Concat', kind: linear, build: (b, x) => b.concat([b.neg(x), b.reduceMean(x, [1]), b.mul(x, b.floats(2))], -3) },
  { name: 'Split', kind: linear, shape: [5, 1, 6], build: (b, x) => {
    const [first, , last] = b.nodeWithOutputs('Split', [x, b.ints([2, 1, 2])], 3, { axis: 1 });
    return b.sub(first, b.mul(last, b.floats(3)));
  } },
  { name: 'Slice', kind: linear, build: (b, x) => b.slice(x, b.ints([-2, 1]), b.ints([Number.MAX_SAFE_INTEGER, 3]), [3, 2]) },
  { name: 'Slice with steps', kind: linear, shape: [2, 5, 6], build: (b, x) => b.node('Slice', [x, b.ints([1, 0]), b.ints([5, 5]), b.ints([2, 3]), b.ints([2, 3])]) },
  { name: 'Pad', kind: linear, build: (b, x) => b.pad(x, b.ints([0, 1, 0, 2, 0, 0, -1, 1])) },
  { name: 'Reshape', kind: linear, build: (b, x) => b.reduceSum(b.reshape(x, [0, 3, 2, -1]), [2]) },
  { name: 'Flatten', kind: linear, build: (b, x) => b.node('Flatten', [x]) },
  { name: 'Squeeze and Unsqueeze', kind: linear, shape: [1, 3, 4], build: (b, x) => b.reduceSum(b.unsqueeze(b.squeeze(x, [1]), [-1]), [1]) },
  { name: 'Transpose', kind: linear, build: (b, x) => b.reduceSum(b.transpose(x, [0, 3, 1, 2]), [2]) },
  { name: 'Transpose that moves the batch away, and back', kind: linear, build: (b, x) => b.transpose(b.reduceSum(b.transpose(x, [2, 0, 3, 1]), [2]), [1, 0, 3, 2]) },
  { name: 'Gather of one index', kind: linear, build: (b, x) => b.gather(x, b.ints(-2), 2) },
  { name: 'Gather of neighbours', kind: linear, build: (b, x) => b.gather(x, b.ints([1, 2]), 3) },
  { name: 'Gather out of order, one twice', kind: linear, build: (b, x) => b.gather(x, b.ints([3, 0, 3, 1]), 3) },
  { name: 'Expand', kind: linear, build: (b, x) => b.mul(b.expand(b.reduceMean(x, [2, 3]), b.ints([1, 1, 3, 5])), weights(b, [3, 5])) },
  { name: 'Where', kind: kinked, build: (b, x) => b.where(b.greater(x, b.floats(2 * SPACING)), b.mul(x, b.floats(3)), b.reduceMean(x, [1])) },
  { name: 'Cast to integers and back, which has no gradient', kind: kinked, build: (b, x) => {
    const rounded = b.cast(b.cast(b.mul(x, b.floats(1 / SPACING)), DataType.int64), DataType.float32);
    return b.add(b.mul(x, b.floats(2)), rounded);
  } },
  { name: 'Cast', kind: linear, build: (b, x) => b.cast(x, DataType.float32) },
  { name: 'Max', kind: kinked, build: (b, x) => b.max(b.floats(2 * SPACING), x) },
  { name: 'Min', kind: kinked, build: (b, x) => b.min(x, b.floats([SPACING, -SPACING], [2, 1, 1])) },
  { name: 'Erf', kind: smooth, build: (b, x) => b.node('Erf', [x]) },
  { name: 'Log', kind: smooth, build: (b, x) => b.node('Log', [positive(b, x)]) },
  { name: 'Reciprocal', kind: smooth, build: (b, x) => b.node('Reciprocal', [positive(b, x)]) },
  { name: 'Abs', kind: kinked, build: (b, x) => b.node('Abs', [x]) },
  { name: 'Selu', kind: kinked, build: (b, x) => b.node('Selu', [x], { alpha: float(1.3), gamma: float(0.8) }) },
  { name: 'Softplus', kind: smooth, build: (b, x) => b.node('Softplus', [x]) },
  { name: 'Mish', kind: smooth, build: (b, x) => b.node('Mish', [x]) },
  { name: 'Gelu', opset: 20, kind: smooth, build: (b, x) => b.node('Gelu', [x]) },
  { name: 'Gelu by tanh', opset: 20, kind: smooth, build: (b, x) => b.node('Gelu', [x], { approximate: 'tanh' }) },
  { name: 'ReduceMax', kind: kinked, build: (b, x) => b.node('ReduceMax', [x, b.ints([1, 2])], { keepdims: 0 }) },
  { name: 'ReduceL2', kind: smooth, build: (b, x) => b.div(x, b.node('ReduceL2', [positive(b, x), b.ints([1])])) },
  { name: 'ReduceSumSquare', kind: smooth, build: (b, x) => b.node('ReduceSumSquare', [x, b.ints([3])]) },
  { name: 'LayerNormalization', kind: smooth, build: (b, x) => b.node('LayerNormalization', [x, weights(b, [4]), weights(b, [4], 2)], { epsilon: float(0.1) }) },
  { name: 'LayerNormalization over two axes', kind: smooth, build: (b, x) => b.node('LayerNormalization', [x, weights(b, [3, 4])], { axis: 2, epsilon: float(0.1) }) },
  { name: 'InstanceNormalization', kind: smooth, build: (b, x) => b.node('InstanceNormalization', [x, b.floats([1.2, -0.7]), b.floats([0.1, 0.2])], { epsilon: float(0.1) }) },
  { name: 'GroupNorm as exporters write it', kind: smooth, shape: [4, 2, 3], build: (b, x) => (
    b.mul(b.reshape(b.node('InstanceNormalization', [b.reshape(x, [0, 2, -1]), b.floats([1, 1]), b.floats([0, 0])], { epsilon: float(0.1) }), b.shape(x)), weights(b, [4, 1, 1]))
  ) },
  { name: 'SpaceToDepth', kind: linear, shape: [2, 4, 6], build: (b, x) => b.node('SpaceToDepth', [x], { blocksize: 2 }) },
  { name: 'DepthToSpace', kind: linear, shape: [8, 2, 5], build: (b, x) => b.node('DepthToSpace', [x], { blocksize: 2 }) },
  { name: 'MatMul of features by features', kind: smooth, build: (b, x) => b.matmul(x, b.transpose(b.mul(x, weights(b, [2, 1, 1])), [0, 1, 3, 2])) },
  { name: 'MatMul with a stack of matrices', kind: linear, build: (b, x) => b.matmul(x, weights(b, [2, 4, 3])) },
  { name: 'MatMul of one matrix with many', kind: smooth, build: (b, x) => b.matmul(b.reduceMean(x, [1]), b.transpose(x, [0, 1, 3, 2])) },
  { name: 'Gemm of features in columns', kind: linear, build: (b, x) => b.gemm(b.transpose(b.reshape(x, [0, -1]), [1, 0]), weights(b, [24, 3]), { transA: 1 }) },
  { name: 'Gemm of all positions as rows', kind: linear, build: (b, x) => b.reshape(b.gemm(b.reshape(x, [-1, 4]), weights(b, [4, 3])), [-1, 18]) },
  { name: 'self-attention with the tokens in front', kind: smooth, shape: [4, 2, 3], build: (b, x) => {
    // [N, 4, 2, 3] -> tokens [6, N, 4] -> two heads of 2, folded into the batch as [2 N, 6, 2].
    const tokens = b.transpose(b.reshape(x, [0, 4, 6]), [2, 0, 1]);
    const heads = (seed: number): Value => b.transpose(b.reshape(b.matmul(tokens, weights(b, [4, 4], seed)), [6, -1, 2]), [1, 0, 2]);
    const scores = b.node('Softmax', [b.matmul(heads(2), b.transpose(heads(3), [0, 2, 1]))]);
    const mixed = b.reshape(b.transpose(b.matmul(scores, heads(4)), [1, 0, 2]), [6, -1, 4]);
    return b.transpose(b.add(tokens, mixed), [1, 0, 2]);
  } },
  { name: 'queries, keys and values cut out of one tensor', kind: smooth, shape: [4, 2, 3], build: (b, x) => {
    const all = b.matmul(b.transpose(b.reshape(x, [0, 4, 6]), [2, 0, 1]), weights(b, [4, 12]));
    const parts = b.transpose(b.unsqueeze(b.reshape(all, [6, -1, 3, 4]), [0]), [3, 1, 2, 0, 4]);
    const [q, k, v] = [0, 1, 2].map((i) => b.transpose(b.squeeze(b.gather(parts, b.ints(i), 0), [2]), [1, 0, 2]));
    return b.matmul(b.node('Softmax', [b.matmul(q, b.transpose(k, [0, 2, 1]))]), v);
  } },
  { name: 'a class token joined in front, mixed with the others, and read', kind: smooth, shape: [3, 2, 2], build: (b, x) => {
    const token = b.expand(weights(b, [1, 1, 3]), b.concat([b.shape(x, 0, 1), b.ints([1, 3])], 0));
    const tokens = b.concat([token, b.transpose(b.reshape(x, [0, 3, 4]), [0, 2, 1])], 1);
    const mixed = b.matmul(b.node('Softmax', [b.matmul(tokens, b.transpose(tokens, [0, 2, 1]))]), tokens);
    return b.gather(b.add(tokens, mixed), b.ints(0), 1);
  } },
  { name: 'Resize, linear', kind: linear, build: (b, x) => b.node('Resize', [x, '', '', b.concat([b.shape(x, 0, 2), b.ints([7, 6])], 0)], { mode: 'linear', coordinate_transformation_mode: 'half_pixel' }) },
  { name: 'Resize, linear, to a smaller size', kind: linear, shape: [2, 6, 7], build: (b, x) => b.node('Resize', [x, '', '', b.concat([b.shape(x, 0, 2), b.ints([4, 3])], 0)], { mode: 'linear', coordinate_transformation_mode: 'half_pixel' }) },
  { name: 'Resize, linear, corners aligned', kind: linear, build: (b, x) => b.node('Resize', [x, '', '', b.concat([b.shape(x, 0, 2), b.ints([5, 9])], 0)], { mode: 'linear', coordinate_transformation_mode: 'align_corners' }) },
  { name: 'Resize, linear, asymmetric', kind: linear, build: (b, x) => b.node('Resize', [x, '', b.floats([1, 1, 2, 3])], { mode: 'linear', coordinate_transformation_mode: 'asymmetric' }) },
  { name: 'Resize, nearest', kind: linear, build: (b, x) => b.node('Resize', [x, '', b.floats([1, 1, 3, 2])], { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }) },
  { name: 'Identity and Dropout', kind: linear, build: (b, x) => b.node('Dropout', [b.node('Identity', [x])]) },
];

export const CLASSES = 3;

/** x -> the operator -> a random linear function of all that comes out, which is the logits. */
export function modelOf({ build, shape = [2, 3, 4], opset = 18 }: OperatorCase): { model: OnnxModel; operators: Set<string> } {
  const input = { name: 'x', type: DataType.float32, shape: ['N', ...shape] };
  const b = new GraphBuilder({ nodes: [], initializers: new Map(), inputs: [input] });
  const y = build(b, 'x');
  const operators = new Set(b.nodes.map(({ op }) => op));
  const graph = { name: 'case', nodes: b.nodes, initializers: b.initializers, inputs: [input], outputs: [] };
  const perImage = sizeOf(inferShapes(graph, new Map([['x', [1, ...shape]]])).get(y)!.dims);
  b.alias(b.matmul(b.reshape(y, [0, -1]), weights(b, [perImage, CLASSES], 9)), 'logits');
  const outputs = [{ name: 'logits', type: DataType.float32, shape: ['N', CLASSES] }];
  return {
    operators,
    model: { irVersion: 8, opset, otherOpsets: new Map(), producer: '', metadata: new Map(), graph: { ...graph, nodes: b.nodes, outputs } },
  };
}

/** An image for the model of a case, [1, C, H, W]. */
export function imageOf({ shape = [2, 3, 4] }: OperatorCase): { readonly dims: readonly number[]; readonly data: Float32Array } {
  return { dims: [1, ...shape], data: spreadOut(sizeOf(shape), SPACING, 5) };
}

/** The operators that the cases use. */
export function operatorsTested(): Set<string> {
  return new Set(operatorCases.flatMap((testCase) => [...modelOf(testCase).operators]));
}
