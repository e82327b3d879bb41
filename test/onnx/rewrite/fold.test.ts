import { describe, expect, it } from 'vitest';
import type { Value } from '../../../src/onnx/builder.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { foldConstants } from '../../../src/onnx/rewrite/fold.js';
import type { OnnxModel } from '../../../src/onnx/model.js';
import { DataType, OnnxTensor } from '../../../src/onnx/tensor.js';
import { serializeModel } from '../../../src/onnx/file/write.js';
import { ortRuntime } from '../../../src/runtime/ort/ort.js';
import { noise } from '../../random.js';
import { deviation } from '../small-model.js';

/** A weight, and others to compute with. */
const constants = {
  w: OnnxTensor.float32([6, 4, 3, 3], noise(216, 1)),
  positive: OnnxTensor.float32([6, 4, 3, 3], noise(216, 2).map((x) => Math.abs(x) + 0.1)),
  gain: OnnxTensor.float32([6, 1, 1, 1], noise(6, 3)),
  matrix: OnnxTensor.float32([6, 4], noise(24, 4)),
  other: OnnxTensor.float32([4, 5], noise(20, 5)),
  vector: OnnxTensor.float32([4], noise(4, 6)),
  integers: OnnxTensor.int64([5], [7, -7, 3, -2, 0]),
  divisors: OnnxTensor.int64([5], [2, 2, -2, 3, 5]),
};

type Build = (b: GraphBuilder) => Value;

function modelOf(build: Build, type: number = DataType.float32): OnnxModel {
  const b = new GraphBuilder({ nodes: [], initializers: new Map(Object.entries(constants)), inputs: [] });
  const result = build(b);
  return {
    irVersion: 8, opset: 18, otherOpsets: new Map(), producer: '', metadata: new Map(),
    graph: { name: 'g', nodes: b.nodes, initializers: b.initializers, inputs: [], outputs: [{ name: result, type, shape: undefined }] },
  };
}

const normalised = (b: GraphBuilder, op: string, x: Value, channels: number, attributes = {}): Value => (
  b.node(op, [x, ...[11, 12].map((seed) => b.floats(noise(channels, seed)))], attributes));

const floats: Readonly<Record<string, Build>> = {
  'standardised weights': (b) => {
    const centred = b.sub('w', b.reduceMean('w', [1, 2, 3]));
    const variance = b.reduceMean(b.pow(centred, b.floats(2)), [1, 2, 3]);
    return b.mul(b.div(centred, b.sqrt(b.add(variance, b.floats(1e-5)))), 'gain');
  },
  'weights standardised by InstanceNormalization': (b) => (
    b.reshape(normalised(b, 'InstanceNormalization', b.reshape('w', [1, 6, -1]), 6), [6, 4, 3, 3])),
  'BatchNormalization': (b) => b.node('BatchNormalization', ['w', ...[1, 2, 3].map((seed) => b.floats(noise(4, seed))), b.floats(noise(4, 4).map((x) => x * x + 0.1))]),
  'LayerNormalization': (b) => normalised(b, 'LayerNormalization', 'matrix', 4, { axis: -1 }),
  'a norm': (b) => b.div('w', b.node('ReduceL2', ['w', b.ints([1, 2, 3])], { keepdims: 1 })),
  'other reductions': (b) => b.concat(['ReduceMax', 'ReduceMin', 'ReduceProd', 'ReduceL1', 'ReduceSumSquare', 'ReduceSum']
    .map((op) => b.node(op, ['matrix', b.ints([1])], { keepdims: 0 })), 0),
  'a reduction of everything': (b) => b.node('ReduceMean', ['w'], { keepdims: 0 }),
  'functions': (b) => b.concat(['Exp', 'Tanh', 'Sigmoid', 'Abs', 'Neg', 'Sin', 'Cos', 'Softplus', 'Relu', 'Floor', 'Ceil', 'Sign'].map((op) => b.node(op, ['w'])), 0),
  'functions of positive numbers': (b) => b.concat(['Log', 'Sqrt', 'Reciprocal'].map((op) => b.node(op, ['positive'])), 0),
  'rounding halves to even': (b) => b.node('Round', [b.floats([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4])]),
  'powers': (b) => b.pow('positive', b.floats(1.5)),
  'the extremes of two, and limits': (b) => b.node('Clip', [b.min('w', b.max('gain', b.floats(0.1))), b.floats(-0.4), b.floats(0.3)]),
  'a choice': (b) => b.where(b.greater('w', b.floats(0)), 'w', b.mul('gain', b.floats(2))),
  'products of matrices': (b) => b.matmul('matrix', 'other'),
  'Softmax': (b) => b.node('Softmax', ['w'], { axis: 1 }),
  'parts put together': (b) => b.concat(b.nodeWithOutputs('Split', ['w', b.ints([1, 3])], 2, { axis: 1 }).reverse(), 1),
  'slices forwards and backwards': (b) => b.slice('w', b.ints([1, -1]), b.ints([100, -100]), [0, 3], [2, -1]),
  'Gather, transposed': (b) => b.transpose(b.gather('w', b.ints([2, 0, -1]), 1), [1, 0, 3, 2]),
  'repeated and padded': (b) => b.pad(b.node('Tile', [b.expand('vector', b.ints([2, 4])), b.ints([2, 1])]), b.ints([1, 0, 0, 2])),
  'casts and shapes': (b) => b.div('w', b.cast(b.node('ReduceProd', [b.shape('w', 1)], { keepdims: 0 }), DataType.float32)),
  'filled, and counted': (b) => b.mul(b.fill(b.shape('w', 0, 2), 0.5), b.cast(b.range(b.ints(0), b.squeeze(b.shape('w', 1, 2), [0]), b.ints(1)), DataType.float32)),
};

const integers: Readonly<Record<string, Build>> = {
  'division without a rest': (b) => b.div('integers', 'divisors'),
  'truth values': (b) => b.cast(b.and(b.greater('integers', 'divisors'), b.node('Not', [b.equal('integers', b.ints(3))])), DataType.int64),
  'floats cut off': (b) => b.cast(b.mul('vector', b.floats(10)), DataType.int64),
  'sizes': (b) => b.concat([b.shape('w'), b.unsqueeze(b.node('Size', ['matrix']), [0])], 0),
};

/** Folding computes what ONNX Runtime computes. */
describe('constants are folded to the same numbers as a runtime computes', () => {
  for (const [cases, type] of [[floats, DataType.float32], [integers, DataType.int64]] as const) {
    for (const [name, build] of Object.entries(cases)) {
      it(name, async () => {
        const model = modelOf(build, type);
        const [{ name: output }] = model.graph.outputs;
        const session = await ortRuntime.load(serializeModel(model), { threads: 1 });
        const expected = (await session.run({}))[output];
        await session.release();
        // An output of the graph is left to the runtime.
        const folded = foldConstants({ ...model.graph, outputs: [] });
        expect(folded.nodes).toEqual([]);
        const tensor = folded.initializers.get(output)!;
        expect([tensor.type, tensor.dims]).toEqual([type, expected.dims]);
        expect(deviation(tensor.toNumbers(), Array.from(expected.data, Number))).toBeLessThan(type === DataType.int64 ? 1e-12 : 1e-6);
      });
    }
  }
});

describe('what is not folded', () => {
  it('an operator that is not computed here, and what depends on it', () => {
    const { nodes } = foldConstants({ ...modelOf((b) => b.neg(b.node('Erf', ['w']))).graph, outputs: [] });
    expect(nodes.map(({ op }) => op)).toEqual(['Erf', 'Neg']);
  });

  it.each<[string, Build]>([
    ['ConstantOfShape', (b) => b.fill(b.ints([2 ** 20, 2 ** 20]), 1)],
    ['Expand', (b) => b.expand('vector', b.ints([2 ** 40, 4]))],
    ['Tile', (b) => b.node('Tile', ['vector', b.ints([2 ** 40])])],
    ['Range', (b) => b.range(b.ints(0), b.ints(2 ** 40), b.ints(1))],
    ['Pad', (b) => b.pad('vector', b.ints([0, 2 ** 40]))],
    ['Add', (b) => b.add(b.fill(b.ints([2 ** 13, 1]), 1), b.fill(b.ints([1, 2 ** 13]), 1))],
    ['Concat', (b) => Array.from({ length: 40 }).reduce<Value>((x) => b.concat([x, x], 0), 'vector')],
  ])('%s to more than there is memory for', (op, build) => {
    const before = process.memoryUsage().arrayBuffers;
    const { nodes } = foldConstants({ ...modelOf(build).graph, outputs: [] });
    expect(nodes.length).toBeGreaterThan(0);
    expect(nodes[0].op).toBe(op);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 29);
  });
});
