import { describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../../src/classifier/classifier.js';
import { numberToFloat16 } from '../../../src/onnx/rewrite/half.js';
import type { OnnxModel, OnnxNode } from '../../../src/onnx/model.js';
import { DataType, OnnxTensor } from '../../../src/onnx/tensor.js';
import { mapsOf } from '../small-model.js';

const bytes = (data: ArrayBufferView): Uint8Array => new Uint8Array(data.buffer);

/** Numbers as each type holds them. 0.1 is 0.0999755859375 in float16 and 0.10009765625 in bfloat16. */
const types = {
  float16: { type: DataType.float16, tenth: 0.0999755859375, store: (values: number[]) => bytes(Uint16Array.from(values, numberToFloat16)) },
  bfloat16: {
    type: DataType.bfloat16, tenth: 0.10009765625,
    store: (values: number[]) => bytes(Uint16Array.from(values, (value) => Math.round(new Uint32Array(Float32Array.of(value).buffer)[0] / 65536))),
  },
  float64: { type: DataType.float64, tenth: 0.1, store: (values: number[]) => bytes(Float64Array.from(values)) },
} as const;

const node = (op: string, inputs: string[], output: string, attributes: OnnxNode['attributes'] = {}): OnnxNode => (
  { name: output, op, domain: '', inputs, outputs: [output], attributes });
const to = (type: number): OnnxNode['attributes'] => ({ to: { kind: 'int', value: type } });

/**
 * The sum of three channels, times 0.1, plus a constant 1 that a node makes, as ReLU `feat_a`; its mean over positions and twice
 * that are the two logits.
 *
 * @param casts input and output are float32
 */
function model(name: keyof typeof types, casts: boolean): OnnxModel {
  const { type, store } = types[name];
  const tensor = (dims: number[], values: number[]): OnnxTensor => new OnnxTensor(dims, type, store(values));
  const outer = casts ? DataType.float32 : type;
  const nodes = [
    ...casts ? [node('Cast', ['input'], 'narrow', to(type))] : [],
    node('Conv', [casts ? 'narrow' : 'input', 'w'], 'sum'),
    node('Shape', ['sum'], 'shape'),
    node('ConstantOfShape', ['shape'], 'ones', { value: { kind: 'tensor', value: tensor([1], [1]) } }),
    node('Constant', [], 'zero', { value: { kind: 'tensor', value: tensor([], [0]) } }),
    node('Cast', ['shape'], 'numbers', to(type)),
    // Sizes are positive: a true condition, of integers that were cast.
    node('Greater', ['numbers', 'zero'], 'positive'),
    node('Cast', ['positive'], 'one_each', to(type)),
    node('ReduceMin', ['one_each'], 'one', { keepdims: { kind: 'int', value: 0 } }),
    node('Mul', ['ones', 'one'], 'plus'),
    node('Add', ['sum', 'plus'], 'added'),
    node('Relu', ['added'], 'feat_a'),
    node('GlobalAveragePool', ['feat_a'], 'pooled'),
    node('Flatten', ['pooled'], 'flat'),
    node('MatMul', ['flat', 'head'], casts ? 'scores' : 'logits'),
    ...casts ? [node('Cast', ['scores'], 'logits', to(DataType.float32))] : [],
  ];
  return {
    irVersion: 8, opset: 18, otherOpsets: new Map(), producer: '', metadata: new Map(),
    graph: {
      name: 'g', nodes, initializers: new Map([['w', tensor([1, 3, 1, 1], [0.1, 0.1, 0.1])], ['head', tensor([1, 2], [1, 2])]]),
      inputs: [{ name: 'input', type: outer, shape: ['N', 3, 'H', 'W'] }], outputs: [{ name: 'logits', type: outer, shape: ['N', 2] }],
    },
  };
}

describe('a model in another precision is computed in float32', () => {
  it.each([['float16', true], ['float16', false], ['bfloat16', true], ['bfloat16', false], ['float64', false]] as const)('%s, casts at both ends: %s', async (name, casts) => {
    const size = [4, 6] as const;
    const { logits } = await mapsOf(model(name, casts), 'logits', ['feat_a'], size, [0, 1]);
    const classifier = new ClassifierGraph(model(name, casts), 'logits');
    const { image } = await import('../small-model.js');
    const pixels = image(...size);
    const positions = size[0] * size[1];
    // By hand: the mean over positions of max(0, 0.1 (r + g + b) + 1).
    const mean = Array.from({ length: positions }, (_, i) => (
      Math.max(0, types[name].tenth * (pixels[i] + pixels[positions + i] + pixels[2 * positions + i]) + 1) / positions)).reduce((a, b) => a + b);
    expect(Math.abs(logits[0] - mean)).toBeLessThan(1e-5);
    expect(Math.abs(logits[1] - 2 * mean)).toBeLessThan(2e-5);
    expect(classifier.model.graph.inputs[0].type).toBe(DataType.float32);
    expect(classifier.layers.map((layer) => layer.name)).toEqual(['sum', 'added', 'feat_a']);
  });

  it('sizes that are computed in doubles stay so in a model of float32', () => {
    const base = model('float64', false);
    const graph = {
      ...base.graph,
      initializers: new Map([...base.graph.initializers].map(([name, tensor]) => [name, OnnxTensor.float32(tensor.dims, tensor.toFloat32())])),
      inputs: [{ ...base.graph.inputs[0], type: DataType.float32 }],
      nodes: base.graph.nodes.filter(({ op }) => !['Shape', 'ConstantOfShape', 'Constant', 'Cast', 'Greater', 'ReduceMin', 'Mul', 'Add'].includes(op))
        .map((each) => (each.op === 'Relu' ? { ...each, inputs: ['sum'] } : each)),
    };
    const half = { ...graph, nodes: [...graph.nodes.slice(0, 1), node('Shape', ['sum'], 'shape'), node('Cast', ['shape'], 'double', to(DataType.float64)), ...graph.nodes.slice(1)] };
    expect(() => new ClassifierGraph({ ...base, graph: half }, 'logits')).not.toThrow();
  });
});
