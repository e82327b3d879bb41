import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { backward } from '../../src/autodiff/backward.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import type { OnnxModel } from '../../src/onnx/model.js';
import { NetworkGraph } from '../../src/classifier/network.js';
import { parseModel } from '../../src/onnx/file/read.js';
import { DataType } from '../../src/onnx/tensor.js';
import { serializeModel } from '../../src/onnx/file/write.js';
import { BLOCKED_DOMAIN } from '../../src/runtime/blocked/blocked-graph.js';
import { blockedLayout } from '../../src/runtime/blocked/blocked-layout.js';
import { channelBlock } from '../../src/runtime/blocked/channel-block.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import type { FixtureTensor, WeightCase } from '../fixtures/load.js';
import { loadWeightCases } from '../fixtures/load.js';
import { relativeError } from '../helpers.js';

/** The bar for every gradient against PyTorch in double precision, relative to the largest element of the gradient. */
const TOLERANCE = 1e-4;

/** Every constant input that training changes: operator and ONNX's name of the input. The statistics of BatchNormalization stay. */
const TRAINED: Readonly<Record<string, readonly (string | undefined)[]>> = {
  Conv: [undefined, 'W', 'B'],
  Gemm: [undefined, 'B', 'C'],
  MatMul: [undefined, 'B'],
  Add: ['A', 'B'],
  BatchNormalization: [undefined, 'scale', 'B'],
  PRelu: [undefined, 'slope'],
};

const cases = loadWeightCases();

/** @param size the only size of its images, where it is to be known when the graph is built */
function networkOf({ modelPath }: WeightCase, size?: readonly [number, number]): NetworkGraph {
  return new NetworkGraph(parseModel(readFileSync(modelPath)), 'output', size);
}

/** Inputs `input` and `seed`, the gradient of the output; outputs `gradient/<target>`. */
function weightGradientGraph({ model, shapes }: NetworkGraph, targets: readonly string[], blockedBatch?: number): OnnxModel {
  const b = new GraphBuilder(model.graph);
  const seed = b.reserve('seed');
  const gradients = backward(b, { nodes: model.graph.nodes, shapes, output: { name: 'output', gradient: seed }, targets, blockedBatch });
  const outputs = targets.map((name) => b.alias(gradients.get(name)!, `gradient/${name}`));
  return {
    ...model,
    graph: {
      ...model.graph, nodes: b.nodes, initializers: b.initializers,
      inputs: [...model.graph.inputs, { name: seed, type: DataType.float32, shape: undefined }],
      outputs: outputs.map((name) => ({ name, type: DataType.float32, shape: undefined })),
    },
  };
}

function feed({ shape, values }: FixtureTensor) {
  return { type: 'float32' as const, dims: shape, data: values };
}

async function expectGradients(
  testCase: WeightCase, targets: readonly string[], runs = testCase.runs, graph = weightGradientGraph(networkOf(testCase), targets),
): Promise<void> {
  const session = await ortRuntime.load(serializeModel(graph), { threads: 1 });
  for (const { input, seed, gradients } of runs) {
    const results = await session.run({ input: feed(input), seed: feed(seed) });
    for (const name of targets) {
      const { dims, data } = results[`gradient/${name}`];
      expect(dims, name).toEqual(gradients[name].shape);
      expect(relativeError(data as Float32Array, gradients[name].values), `gradient of ${name} at ${input.shape.join('x')}`).toBeLessThanOrEqual(TOLERANCE);
    }
  }
  await session.release();
}

describe('gradients of weights equal PyTorch\'s, summed over the batch', () => {
  for (const testCase of cases) {
    it(`${testCase.group}: ${testCase.name}`, () => expectGradients(testCase, testCase.weights));
  }
});

describe('gradients for images of one known size, as training has them', () => {
  for (const testCase of cases.filter(({ runs }) => runs.every(({ input }) => input.shape.length === 4))) {
    it(testCase.name, async () => {
      const targets = [...testCase.activations, ...testCase.weights];
      for (const run of testCase.runs) {
        const [height, width] = run.input.shape.slice(2);
        await expectGradients(testCase, targets, [run], weightGradientGraph(networkOf(testCase, [height, width]), targets));
      }
    });
  }
});

const block = await channelBlock(ortRuntime);

describe.skipIf(block === undefined)('gradients in ONNX Runtime\'s blocked layout', () => {
  /** The graph for the sizes of one run, every weight an input. */
  function blockedGraph(testCase: WeightCase, targets: readonly string[], { input, seed }: WeightCase['runs'][number]): OnnxModel {
    const [batch, , height, width] = input.shape;
    const { graph, ...rest } = weightGradientGraph(networkOf(testCase, [height, width]), targets, batch);
    const inputs = graph.inputs.map((info) => ({ ...info, shape: info.name === 'seed' ? seed.shape : input.shape }));
    return blockedLayout({ ...rest, graph: { ...graph, inputs } }, block!);
  }

  for (const testCase of cases.filter(({ runs }) => runs.every(({ input }) => input.shape.length === 4))) {
    it(testCase.name, async () => {
      const targets = [...testCase.activations, ...testCase.weights];
      for (const run of testCase.runs) await expectGradients(testCase, targets, [run], blockedGraph(testCase, targets, run));
    });
  }

  it('convolutions in whole blocks of channels are made there, with their gradients', () => {
    const testCase = cases.find(({ name }) => name === 'network-wide-separable-relu6')!;
    const { nodes } = blockedGraph(testCase, testCase.weights, testCase.runs[0]).graph;
    const blocked = nodes.filter(({ op, domain }) => op === 'Conv' && domain === BLOCKED_DOMAIN);
    // Six of the forward pass, the head is none; the input's gradients of all but the first; the weights' of the two depthwise ones.
    expect(blocked.length).toBe(6 + 5 + 2);
  });
});

describe('gradients of weights and of activations at once', () => {
  for (const testCase of cases.filter(({ activations }) => activations.length > 0)) {
    it(testCase.name, () => expectGradients(testCase, [...testCase.activations, ...testCase.weights]));
  }

  it('is tested, for the input and within a network', () => {
    expect([...new Set(cases.flatMap(({ activations }) => activations))].sort()).toEqual(['feat_a', 'feat_b', 'input']);
  });
});

describe('a part of the weights', () => {
  const testCase = cases.find(({ name }) => name === 'network-separable-relu6')!;

  it('any weight can be asked for alone', async () => {
    for (const name of testCase.weights) await expectGradients(testCase, [name]);
  });

  it('nothing below the shallowest is differentiated', () => {
    const network = networkOf(testCase);
    const [deepest] = testCase.weights.slice(-1);
    const added = weightGradientGraph(network, [deepest]).graph.nodes.slice(network.model.graph.nodes.length);
    // The head's bias: its gradient is the seed's sum over the batch, and needs no convolution.
    expect(added.filter(({ op }) => op === 'Conv')).toEqual([]);
    expect(added.length).toBeLessThan(10);
  });
});

describe('the fixtures', () => {
  const pairs = new Set(cases.flatMap((testCase) => {
    const { nodes } = networkOf(testCase).model.graph;
    return nodes.flatMap(({ op, inputs }) => inputs.flatMap((name, i) => (testCase.weights.includes(name) ? [`${op}.${TRAINED[op]?.[i]}`] : [])));
  }));

  it('hold a gradient for every operator and parameter that is trained', () => {
    const wanted = Object.entries(TRAINED).flatMap(([op, names]) => names.flatMap((name) => (name === undefined ? [] : [`${op}.${name}`])));
    expect([...pairs].sort()).toEqual(wanted.sort());
  });

  it('hold a gradient for every trained constant of their graphs', () => {
    for (const testCase of cases) {
      const { nodes, initializers } = networkOf(testCase).model.graph;
      const constants = nodes.flatMap(({ op, inputs }) => inputs.filter((name, i) => TRAINED[op]?.[i] !== undefined && initializers.has(name)));
      expect(testCase.weights, testCase.name).toEqual([...new Set(constants)]);
      for (const { gradients } of testCase.runs) {
        for (const name of testCase.weights) expect(gradients[name].shape, name).toEqual(initializers.get(name)!.dims);
      }
    }
  });
});
