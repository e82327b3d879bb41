import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../../src/classifier/classifier.js';
import type { OnnxModel } from '../../../src/onnx/model.js';
import { serializeModel } from '../../../src/onnx/file/write.js';
import { ortRuntime } from '../../../src/runtime/ort/ort.js';
import type { Runtime, RuntimeTensor } from '../../../src/runtime/runtime.js';
import { loadTfjs } from '../../../src/runtime/tfjs/backend.js';
import type { TfjsBackend } from '../../../src/runtime/tfjs/backend.js';
import { tfjsRuntime } from '../../../src/runtime/tfjs/runtime.js';
import { tfOperators } from '../../../src/runtime/tfjs/operators/index.js';
import { gradientGraph } from '../../autodiff/gradient-graph.js';
import { imageOf, modelOf, operatorCases, operatorsTested } from '../../operator-cases.js';
import { forwardCases } from './forward-cases.js';
import { graphOf } from './forward-graph.js';
import type { ForwardCase, Wrapping } from './forward-graph.js';

/** Relative to the largest number of the result. */
const TOLERANCE = 1e-5;

let backend: TfjsBackend;
let before: number;

beforeAll(async () => {
  backend = await loadTfjs('wasm');
  before = backend.tf.memory().numTensors;
});

afterAll(() => {
  expect(backend.tf.memory().numTensors, 'tensors left behind').toBe(before);
});

async function runOn(runtime: Runtime, model: OnnxModel, feeds: Readonly<Record<string, RuntimeTensor>>): Promise<RuntimeTensor[]> {
  const session = await runtime.load(serializeModel(model), { threads: 1 });
  try {
    const results = await session.run(feeds);
    return model.graph.outputs.map(({ name }) => results[name]);
  } finally {
    await session.release();
  }
}

function wrappings({ inputs }: ForwardCase): Wrapping[] {
  const tensors = inputs.filter((input) => input !== '');
  const images = tensors.some(({ type, dims, constant }) => !constant && type === 'float32' && dims.length === 4);
  const weights = tensors.some(({ type, constant }) => constant && type === 'float32');
  return ['plain', ...images ? ['convolved'] as const : [], ...weights ? ['fed'] as const : []];
}

async function compare(model: OnnxModel, feeds: Readonly<Record<string, RuntimeTensor>>, label: string): Promise<void> {
  const expected = await runOn(ortRuntime, model, feeds);
  const actual = await runOn(tfjsRuntime(backend), model, feeds);
  expected.forEach((tensor, i) => { expectClose(actual[i], tensor, `${label}, output ${i}`); });
}

describe('operators and their gradients on TensorFlow.js agree with ONNX Runtime', () => {
  for (const testCase of operatorCases) {
    it(testCase.name, async () => {
      const { model } = modelOf(testCase);
      const x: RuntimeTensor = { type: 'float32', ...imageOf(testCase) };
      await compare(model, { x }, 'logits');
      const classes: RuntimeTensor = { type: 'int64', dims: [2], data: BigInt64Array.of(2n, 0n) };
      await compare(gradientGraph(new ClassifierGraph(model, 'logits'), ['x']), { x, 'cam/classes': classes }, 'gradient');
    });
  }
});

describe('further uses of operators on TensorFlow.js agree with ONNX Runtime', () => {
  for (const testCase of forwardCases) {
    it(`${testCase.op}: ${testCase.what}`, async () => {
      for (const wrapping of wrappings(testCase)) {
        const { model, feeds } = graphOf(testCase, wrapping);
        await compare(model, feeds, wrapping);
      }
    });
  }

  it('and each is tested', () => {
    const tested = new Set([...operatorsTested(), ...forwardCases.map(({ op }) => op)]);
    expect(Object.keys(tfOperators).filter((op) => !tested.has(op))).toEqual([]);
    expect([...tested].filter((op) => !(op in tfOperators))).toEqual([]);
  });
});

function expectClose(actual: RuntimeTensor, expected: RuntimeTensor, label: string): void {
  expect({ type: actual.type, dims: actual.dims }, label).toEqual({ type: expected.type, dims: expected.dims });
  if (expected.type === 'int64') {
    expect(actual.data, label).toEqual(expected.data);
    return;
  }
  const largest = expected.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(actual.data.length, label).toBe(expected.data.length);
  expected.data.forEach((value, i) => {
    expect(Math.abs(Number(actual.data[i]) - value), `${label}, element ${i}: ${actual.data[i]} for ${value}`).toBeLessThanOrEqual(TOLERANCE * largest);
  });
}
