import { describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import { UserError } from '../../src/errors.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import type { OnnxModel } from '../../src/onnx/model.js';
import { resolveLayer } from '../../src/classifier/layers.js';
import { DataType, OnnxTensor } from '../../src/onnx/tensor.js';
import { groupParameters, trainableParameters } from '../../src/train/parameters.js';

/** Conv, BatchNormalization, PRelu, pooling, and a MatMul with the Add of its bias. */
function network(): ClassifierGraph {
  const b = new GraphBuilder();
  b.reserve('image');
  const weight = (name: string, dims: number[]): string => {
    b.initializers.set(b.reserve(name), OnnxTensor.float32(dims, new Float32Array(dims.reduce((x, y) => x * y)).fill(1)));
    return name;
  };
  const convolved = b.node('Conv', ['image', weight('kernel', [4, 3, 3, 3])], { pads: [1, 1, 1, 1], strides: [2, 2] });
  const normalised = b.node('BatchNormalization', [convolved, ...['scale', 'shift', 'mean', 'variance'].map((name) => weight(name, [4]))]);
  const active = b.alias(b.node('PRelu', [normalised, weight('slope', [4, 1, 1])]), 'features');
  const pooled = b.node('Flatten', [b.node('GlobalAveragePool', [active])]);
  b.alias(b.add(b.matmul(pooled, weight('matrix', [4, 2])), weight('bias', [2])), 'logits');
  const model: OnnxModel = {
    irVersion: 8, opset: 18, otherOpsets: new Map(), producer: '', metadata: new Map(),
    graph: {
      name: 'g', nodes: b.nodes, initializers: b.initializers,
      inputs: [{ name: 'image', type: DataType.float32, shape: ['N', 3, 'H', 'W'] }],
      outputs: [{ name: 'logits', type: DataType.float32, shape: ['N', 2] }],
    },
  };
  return new ClassifierGraph(model, 'logits');
}

describe('the weights that are trained', () => {
  it('are kernels, scales, shifts, slopes, matrices and biases, but no statistics', () => {
    const parameters = trainableParameters(network());
    expect(parameters.map(({ name }) => name)).toEqual(['kernel', 'scale', 'shift', 'slope', 'matrix', 'bias']);
    expect(parameters.filter(({ head }) => head).map(({ name }) => name)).toEqual(['matrix', 'bias']);
    expect(parameters.filter(({ decays }) => decays).map(({ name }) => name)).toEqual(['kernel', 'matrix']);
  });

  it('are those above a layer where one is named', () => {
    const classifier = network();
    expect(trainableParameters(classifier, resolveLayer(classifier.layers, 'features')).map(({ name }) => name)).toEqual(['matrix', 'bias']);
    const bare = { ...resolveLayer(classifier.layers, 'features'), name: 'logits' };
    expect(() => trainableParameters(classifier, bare)).toThrow(UserError);
  });

  it('lie behind one another with those that are updated alike', () => {
    const groups = groupParameters(trainableParameters(network()));
    const places = groups.map(({ head, decays, size, parameters }) => (
      { head, decays, size, at: parameters.map(({ name, offset }) => [name, offset]) }
    ));
    expect(places).toEqual([
      { head: false, decays: true, size: 108, at: [['kernel', 0]] },
      { head: false, decays: false, size: 12, at: [['scale', 0], ['shift', 4], ['slope', 8]] },
      { head: true, decays: true, size: 8, at: [['matrix', 0]] },
      { head: true, decays: false, size: 2, at: [['bias', 0]] },
    ]);
  });
});
