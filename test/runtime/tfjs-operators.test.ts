import { beforeAll, describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../src/onnx/builder.js';
import type { Value } from '../../src/onnx/builder.js';
import { DataType } from '../../src/onnx/tensor.js';
import { serializeModel } from '../../src/onnx/write.js';
import { ortRuntime } from '../../src/runtime/ort.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { loadTfjs } from '../../src/runtime/tfjs/backend.js';
import { tfjsRuntime } from '../../src/runtime/tfjs/runtime.js';
import { tfOperators } from '../../src/runtime/tfjs/table.js';
import { relativeError } from '../helpers.js';
import { noise } from '../random.js';

/** A graph of the input x, float32 of the given shape. */
interface Case {
  readonly dims: readonly number[];
  readonly build: (b: GraphBuilder, x: Value, weight: (...dims: number[]) => Value) => Value;
}

const image = [2, 6, 9, 11];
const of = (op: string, attributes = {}, dims = image): Case => ({ dims, build: (b, x) => b.node(op, [x], attributes) });
// What lies with channels last goes other ways: the convolution leaves it so.
const laid = (build: Case['build'], dims = image): Case => ({
  dims, build: (b, x, weight) => build(b, b.conv(x, weight(dims[1], dims[1], 1, 1)), weight),
});
const conv = (weight: [number, number, number, number], attributes = {}, bias = false): Case => ({
  dims: image, build: (b, x, w) => b.node('Conv', [x, w(...weight), ...(bias ? [w(weight[0])] : [])], attributes),
});
const pool = (op: string, attributes: object): Case => of(op, attributes as never);
const reduce = (op: string, axes: number[], keepdims: number): Case => laid((b, x) => b.node(op, [x, b.ints(axes)], { keepdims }));

const cases: Readonly<Record<string, Case>> = {
  ...Object.fromEntries(['Relu', 'Sigmoid', 'Tanh', 'Exp', 'Erf', 'Softplus', 'LeakyRelu', 'Elu', 'Selu', 'HardSigmoid', 'HardSwish', 'Neg', 'Abs', 'Sign',
    'Reciprocal', 'Floor', 'Ceil', 'Identity', 'Dropout'].map((op) => [op, of(op)])),
  'Sqrt, Log': { dims: image, build: (b, x) => b.node('Log', [b.add(b.sqrt(b.node('Abs', [x])), b.floats(0.5))]) },
  'Mish': of('Mish'), 'Gelu': of('Gelu'), 'Gelu, tanh': of('Gelu', { approximate: 'tanh' }),
  'Clip': { dims: image, build: (b, x) => b.node('Clip', [x, b.floats(-0.2), b.floats(0.3)]) },
  'Clip from below': { dims: image, build: (b, x) => b.node('Clip', [x, b.floats(0)]) },
  'Clip from above': { dims: image, build: (b, x) => b.node('Clip', [x, '', b.floats(0.1)]) },
  'PRelu': laid((b, x, w) => b.node('PRelu', [x, w(6, 1, 1)])),
  'arithmetic': laid((b, x, w) => b.div(b.sub(b.mul(b.add(x, w(6, 1, 1)), w(1, 6, 9, 11)), w(11)), b.floats(3))),
  'Pow': { dims: image, build: (b, x) => b.pow(b.node('Abs', [x]), b.floats(1.7)) },
  'Min, Max, Sum': laid((b, x, w) => b.sum([b.min(x, w(1, 6, 1, 1)), b.max(x, w(1, 1, 9, 11)), x])),
  'comparisons': laid((b, x, w) => b.where(b.and(b.greater(x, w(6, 1, 1)), b.less(x, b.floats(0.4))), x, w(1, 6, 1, 1))),
  'Equal, Not': { dims: [3, 4], build: (b, x) => b.cast(b.node('Not', [b.equal(b.node('Floor', [x]), b.floats(-1))]), DataType.float32) },
  'Or, GreaterOrEqual, LessOrEqual': {
    dims: [3, 4], build: (b, x) => b.cast(b.node('Or', [b.node('GreaterOrEqual', [x, b.floats(0.3)]), b.node('LessOrEqual', [x, b.floats(-0.3)])]), DataType.float32),
  },
  'Cast to a truth value': { dims: image, build: (b, x) => b.cast(b.cast(b.relu(x), DataType.bool), DataType.float32) },
  'Conv 1x1': conv([4, 6, 1, 1], {}, true), 'Conv 3x3, padded': conv([4, 6, 3, 3], { pads: [1, 1, 1, 1] }, true),
  'Conv, strided, uneven pads': conv([4, 6, 3, 3], { strides: [2, 2], pads: [0, 1, 2, 1] }),
  'Conv, SAME_UPPER': conv([4, 6, 3, 3], { strides: [2, 2], auto_pad: 'SAME_UPPER' }), 'Conv, SAME_LOWER': conv([4, 6, 4, 4], { strides: [2, 3], auto_pad: 'SAME_LOWER' }),
  'Conv, dilated': conv([4, 6, 3, 3], { dilations: [2, 3], pads: [2, 3, 2, 3] }), 'Conv, dilated and strided': conv([4, 6, 3, 3], { dilations: [2, 2], strides: [2, 2], pads: [2, 2, 2, 2] }),
  'Conv, oblong': conv([4, 6, 1, 5], { pads: [0, 2, 0, 2], strides: [1, 2] }),
  'Conv, depthwise': conv([6, 1, 3, 3], { group: 6, pads: [1, 1, 1, 1] }, true), 'Conv, depthwise, strided': conv([6, 1, 5, 5], { group: 6, strides: [2, 2], pads: [2, 2, 2, 2] }),
  'Conv, depthwise, several per channel': conv([24, 1, 3, 3], { group: 6, pads: [1, 1, 1, 1] }), 'Conv, depthwise, even kernel, wide pads': conv([24, 1, 2, 2], { group: 6, pads: [4, 4, 4, 4] }),
  'Conv, depthwise, dilated': conv([6, 1, 3, 3], { group: 6, dilations: [2, 2], pads: [2, 2, 2, 2] }), 'Conv, grouped': conv([9, 2, 3, 3], { group: 3, pads: [1, 1, 1, 1] }, true),
  'Conv, weights computed': { dims: image, build: (b, x, w) => b.conv(x, b.mul(w(4, 6, 3, 3), b.floats(2)), { pads: [1, 1, 1, 1] }) },
  'ConvTranspose': { dims: image, build: (b, x, w) => b.node('ConvTranspose', [x, w(6, 4, 3, 3), w(4)], { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] }) },
  'MaxPool': pool('MaxPool', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }), 'MaxPool, ceil': pool('MaxPool', { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
  'MaxPool, dilated': pool('MaxPool', { kernel_shape: [3, 3], dilations: [2, 2], strides: [2, 1], pads: [1, 1, 1, 1] }), 'MaxPool, SAME': pool('MaxPool', { kernel_shape: [2, 2], strides: [2, 2], auto_pad: 'SAME_UPPER' }),
  'AveragePool': pool('AveragePool', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
  'AveragePool, padding counted': pool('AveragePool', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], count_include_pad: 1 }),
  'AveragePool, ceil': pool('AveragePool', { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }),
  'GlobalAveragePool': of('GlobalAveragePool'), 'GlobalMaxPool': of('GlobalMaxPool'),
  'LRN': of('LRN', { size: 5, alpha: { float: 0.5 }, beta: { float: 0.75 }, bias: { float: 1 } }),
  'Resize, linear': { dims: image, build: (b, x) => b.node('Resize', [x, '', '', b.ints([2, 6, 17, 31])], { mode: 'linear' }) },
  'Resize, linear, smaller': { dims: image, build: (b, x) => b.node('Resize', [x, '', '', b.ints([2, 6, 5, 4])], { mode: 'linear' }) },
  'Resize, spread out': {
    dims: image, build: (b, x) => b.node('Resize', [x, '', b.floats([1, 1, 2, 3])], { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }),
  },
  'Gemm': { dims: [3, 4], build: (b, x, w) => b.node('Gemm', [x, w(5, 4), w(5)], { transB: 1, alpha: { float: 0.5 }, beta: { float: 2 } }) },
  'Gemm, turned': { dims: [3, 4], build: (b, x, w) => b.gemm(x, w(3, 5), { transA: 1 }) },
  'MatMul': { dims: [3, 4], build: (b, x, w) => b.matmul(x, w(4, 5)) }, 'MatMul, batches': { dims: [2, 3, 4, 5], build: (b, x, w) => b.matmul(x, w(1, 3, 5, 2)) },
  'MatMul, vector': { dims: [3, 4], build: (b, x, w) => b.matmul(x, w(4)) },
  'BatchNormalization': laid((b, x, w) => b.node('BatchNormalization', [x, w(6), w(6), w(6), b.node('Abs', [w(6)])])),
  'LayerNormalization': { dims: [2, 5, 8], build: (b, x, w) => b.node('LayerNormalization', [x, w(8), w(8)], { axis: -1 }) },
  'InstanceNormalization': { dims: image, build: (b, x, w) => b.node('InstanceNormalization', [x, w(6), w(6)]) },
  'Softmax': of('Softmax', { axis: -1 }, [3, 7]), 'Softmax, channels': of('Softmax', { axis: 1 }), 'LogSoftmax': of('LogSoftmax', { axis: 1 }, [3, 7]),
  ...Object.fromEntries(['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceL2', 'ReduceSumSquare', 'ReduceProd'].flatMap((op) => [
    [`${op}, height and width`, reduce(op, [2, 3], 1)], [`${op}, channels, axis gone`, reduce(op, [1], 0)], [`${op}, height, axis gone`, reduce(op, [2], 0)],
  ])),
  'ReduceSum, all': laid((b, x) => b.node('ReduceSum', [x], { keepdims: 0 })),
  'ArgMax': { dims: [3, 7], build: (b, x) => b.cast(b.argMax(x, 1), DataType.float32) },
  'OneHot of ArgMax': { dims: [3, 7], build: (b, x) => b.oneHot(b.node('ArgMax', [x], { axis: 1, keepdims: 0 }), b.ints(7), b.floats([0, 1])) },
  'OneHot, first axis': { dims: [3, 7], build: (b, x) => b.oneHot(b.node('ArgMax', [x], { axis: 1, keepdims: 0 }), b.ints(7), b.floats([2, 5]), 0) },
  'Reshape, Flatten': laid((b, x) => b.node('Flatten', [b.reshape(x, [0, 3, 2, -1])], { axis: 2 })),
  'Squeeze, Unsqueeze': laid((b, x) => b.squeeze(b.unsqueeze(b.reduceSum(x, [2]), [0, 3]), [0])),
  'Transpose': laid((b, x) => b.transpose(x, [3, 1, 0, 2])), 'Transpose to channels last': laid((b, x) => b.transpose(x, [0, 2, 3, 1])),
  'Transpose from channels last': { dims: [2, 9, 11, 6], build: (b, x, w) => b.conv(b.transpose(x, [0, 3, 1, 2]), w(6, 6, 1, 1)) },
  'Slice': laid((b, x) => b.slice(x, b.ints([1, -4]), b.ints([5, 99]), [1, 3])), 'Slice, steps': laid((b, x) => b.slice(x, b.ints([1, 0]), b.ints([9, 11]), [2, 3], [2, 3])),
  'Slice, backwards': laid((b, x) => b.slice(x, b.ints([-2]), b.ints([-100]), [3], [-2])),
  'Slice, sizes computed': laid((b, x) => b.slice(x, b.ints([4, 4]), b.add(b.ints([1, 1]), b.shape(x, 2, 4)), [2, 3])),
  'Split': laid((b, x) => b.mul(...(b.nodeWithOutputs('Split', [x], 2, { axis: 1, num_outputs: 2 }) as [Value, Value]))),
  'Concat': laid((b, x, w) => b.concat([x, w(2, 3, 9, 11)], 1)), 'Pad': laid((b, x) => b.pad(x, b.ints([0, 1, 2, 0, 0, 0, 1, 3]))),
  'Pad, cropping': laid((b, x) => b.pad(x, b.ints([0, 0, -2, 1, 0, 0, 1, -3]))), 'Pad, reflected': laid((b, x) => b.node('Pad', [x, b.ints([0, 0, 2, 1, 0, 0, 1, 3])], { mode: 'reflect' })),
  'Gather': laid((b, x) => b.gather(x, b.ints([3, 0, -1]), 1)), 'Expand': laid((b, x) => b.expand(b.reduceSum(x, [1]), b.ints([2, 6, 9, 11]))),
  'Tile': { dims: [2, 3], build: (b, x) => b.node('Tile', [x, b.ints([2, 3])]) },
  'DepthToSpace': { dims: [2, 12, 3, 4], build: (b, x) => b.node('DepthToSpace', [x], { blocksize: 2 }) },
  'DepthToSpace, CRD': { dims: [2, 12, 3, 4], build: (b, x) => b.node('DepthToSpace', [x], { blocksize: 2, mode: 'CRD' }) },
  'SpaceToDepth': { dims: [2, 3, 6, 4], build: (b, x) => b.node('SpaceToDepth', [x], { blocksize: 2 }) },
  'ScatterElements': { dims: [3, 4], build: (b, x, w) => b.scatterAdd(x, b.reshape(b.ints([0, 2, 2, 1, 0, 3]), [3, 2]), w(3, 2), 1) },
  'shapes': {
    dims: image, build: (b, x) => {
      const area = b.node('ReduceProd', [b.shape(x, 2), b.ints([0])], { keepdims: 1 });
      const half = b.div(b.sub(b.shape(x, 2, 3), b.ints([1])), b.ints([2]));
      return b.cast(b.concat([area, half, b.node('Mod', [area, b.ints([7])]), b.max(half, b.ints([100]))], 0), DataType.float32);
    },
  },
  'Range, ConstantOfShape': { dims: [4], build: (b, x) => b.mul(b.add(x, b.cast(b.range(b.squeeze(b.ints([0]), [0]), b.squeeze(b.shape(x), [0]), b.squeeze(b.ints([1]), [0])), DataType.float32)), b.fill(b.shape(x), 2.5)) },
};

function model({ dims, build }: Case): Uint8Array {
  const inputs = [{ name: 'x', type: DataType.float32, shape: dims }];
  const b = new GraphBuilder({ nodes: [], initializers: new Map(), inputs });
  let seed = 2;
  b.alias(build(b, 'x', (...shape) => b.floats(noise(shape.reduce((product, dim) => product * dim, 1), seed++), shape)), 'y');
  return serializeModel({
    irVersion: 10, opset: 20, otherOpsets: new Map(), producer: '', metadata: new Map(),
    graph: { name: 'g', nodes: b.nodes, initializers: b.initializers, inputs, outputs: [{ name: 'y', type: DataType.float32, shape: undefined }] },
  });
}

const backends: Runtime[] = [];
beforeAll(async () => { backends.push(tfjsRuntime(await loadTfjs('wasm'))); });

describe('operators of TensorFlow.js (wasm) against ONNX Runtime', () => {
  it.each(Object.entries(cases))('%s', async (_, each) => {
    const x = { type: 'float32' as const, dims: each.dims, data: noise(each.dims.reduce((product, dim) => product * dim, 1), 1) };
    const graph = model(each);
    const [expected, actual] = await Promise.all([ortRuntime, backends[0]].map(async (runtime) => {
      const session = await runtime.load(graph, { threads: 1 });
      const { y } = await session.run({ x });
      await session.release();
      return y;
    }));
    expect(actual.dims).toEqual(expected.dims);
    expect(relativeError(actual.data as Float32Array, expected.data as Float32Array)).toBeLessThan(1e-5);
  });

  it('are all tried', () => {
    const tried = new Set(Object.values(cases).flatMap((each) => {
      const b = new GraphBuilder({ nodes: [], initializers: new Map(), inputs: [{ name: 'x', type: DataType.float32, shape: each.dims }] });
      each.build(b, 'x', (...shape) => b.floats(noise(shape.reduce((product, dim) => product * dim, 1), 1), shape));
      return b.nodes.map(({ op }) => op);
    }));
    // A size and a constant have no case of their own: they cannot go wrong without their readers.
    expect(Object.keys(tfOperators).filter((op) => !tried.has(op) && op !== 'Size' && op !== 'Constant')).toEqual([]);
  });
});
