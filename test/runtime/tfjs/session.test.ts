import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../../src/classifier/classifier.js';
import { openCam, prepareCam } from '../../../src/cam/plan.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import type { Value } from '../../../src/onnx/builder.js';
import type { OnnxModel, OnnxNode } from '../../../src/onnx/model.js';
import { parseModel } from '../../../src/onnx/file/read.js';
import { DataType, OnnxTensor } from '../../../src/onnx/tensor.js';
import { serializeModel } from '../../../src/onnx/file/write.js';
import { ortRuntime } from '../../../src/runtime/ort/ort.js';
import { loadTfjs } from '../../../src/runtime/tfjs/backend.js';
import { tfjsRuntime } from '../../../src/runtime/tfjs/runtime.js';
import { loadCase } from '../../fixtures/load.js';
import { camRequests, relativeError } from '../../helpers.js';
import { noise } from '../../random.js';

const wasm = await loadTfjs('wasm');
const runtime = tfjsRuntime(wasm);
const tensors = (): number => wasm.tf.memory().numTensors;

/** A graph of x float32 [2, 3] whose outputs are made by `build`. */
function model(build: (b: GraphBuilder, x: Value) => void, outputs: readonly string[], extra: readonly OnnxNode[] = []): OnnxModel {
  const inputs = [{ name: 'x', type: DataType.float32, shape: [2, 3] }];
  const b = new GraphBuilder({ nodes: [], initializers: new Map(), inputs });
  b.nodes.push(...extra);
  build(b, 'x');
  return {
    irVersion: 8, opset: 18, otherOpsets: new Map(), producer: '', metadata: new Map(),
    graph: { name: 'g', nodes: b.nodes, initializers: b.initializers, inputs, outputs: outputs.map((name) => ({ name, type: DataType.float32, shape: undefined })) },
  };
}

const load = (graph: OnnxModel) => runtime.load(serializeModel(graph), { threads: 1 });
const x = { type: 'float32' as const, dims: [2, 3], data: Float32Array.of(1, -2, 3, -4, 5, -6) };

describe('memory', () => {
  it('is given back: no tensor stays behind after 50 runs of a CAM program at several sizes, nor after its release', async () => {
    const before = tensors();
    const { modelPath, runs: [{ shape: [, , height, width], classes }] } = loadCase('resnet-like');
    const classifier = new ClassifierGraph(parseModel(readFileSync(modelPath)), 'logits');
    const cam = await openCam(prepareCam(classifier, camRequests(classifier.layers.slice(0, 3), ['layer-cam', 'score-cam'])), runtime, { threads: 1 });
    const run = (i: number) => cam.run(noise(3 * (height + i) * width, i), [height + i, width], classes);
    await run(0);
    const loaded = tensors();
    for (let i = 0; i < 50; i++) await run(i % 5);
    expect(tensors()).toBe(loaded);
    await cam.release();
    expect(tensors()).toBe(before);
  });

  it('is given back where a run fails on its way', async () => {
    const session = await load(model((b, a) => { b.alias(b.matmul(b.relu(a), b.floats([1, 2], [2, 1])), 'y'); }, ['y']));
    await expect(session.run({ x })).rejects.toThrow();
    const before = tensors();
    await expect(session.run({ x })).rejects.toThrow();
    expect(tensors()).toBe(before);
    await session.release();
  });
});

describe('a session', () => {
  it('computes only the outputs that are asked for', async () => {
    const session = await load(model((b, a) => {
      b.alias(b.mul(a, b.floats(2)), 'doubled');
      // Would fail: the inner sizes differ.
      b.alias(b.matmul(a, b.floats([1, 2], [2, 1])), 'wrong');
    }, ['doubled', 'wrong']));
    const results = await session.run({ x }, ['doubled']);
    expect(results).toEqual({ doubled: { type: 'float32', dims: [2, 3], data: Float32Array.of(2, -4, 6, -8, 10, -12) } });
    await session.release();
  });

  it('hands out inputs, constants and the same tensor twice', async () => {
    const session = await load(model((b, a) => {
      b.alias(a, 'same');
      b.alias(b.relu(a), 'positive');
      b.alias('positive', 'again');
      b.alias(b.floats([1, 2]), 'constant');
    }, ['same', 'positive', 'again', 'constant', 'x']));
    const { same, positive, again, constant, x: itself } = await session.run({ x });
    expect(same).toEqual(x);
    expect(itself).toEqual(x);
    expect([...positive.data]).toEqual([1, 0, 3, 0, 5, 0]);
    expect(again).toEqual(positive);
    expect(constant).toEqual({ type: 'float32', dims: [2], data: Float32Array.of(1, 2) });
    await session.release();
  });

  it('reads weights in half precision, quantised weights, and constants among the nodes', async () => {
    const node = (op: string, inputs: readonly string[], output: string, attributes: OnnxNode['attributes'] = {}): OnnxNode => (
      { name: output, op, domain: '', inputs, outputs: [output], attributes });
    const graph = model((b, a) => {
      // 1.5, -2 and 0.5 as halves; (levels 3, 5, 0 - 1) / 2.
      b.initializers.set('halves', new OnnxTensor([3], DataType.float16, new Uint8Array(Uint16Array.of(0x3e00, 0xc000, 0x3800).buffer)));
      b.initializers.set('levels', new OnnxTensor([3], DataType.uint8, Uint8Array.of(3, 5, 0)));
      b.initializers.set('scale', OnnxTensor.float32([], [0.5]));
      b.initializers.set('zero', new OnnxTensor([], DataType.uint8, Uint8Array.of(1)));
      b.alias(b.add(b.mul(a, 'widened'), b.add('weights', 'one')), 'y');
    }, ['y'], [
      node('Cast', ['halves'], 'widened', { to: { kind: 'int', value: DataType.float32 } }), node('DequantizeLinear', ['levels', 'scale', 'zero'], 'weights'),
      node('Constant', [], 'one', { value: { kind: 'tensor', value: OnnxTensor.float32([1], [1]) } }),
    ]);
    const session = await load(graph);
    // By hand: x * (1.5, -2, 0.5) + (1, 2, -0.5) + 1.
    expect([...(await session.run({ x })).y.data]).toEqual([3.5, 7, 2, -4, -7, -2.5]);
    await session.release();
  });

  it('keeps integers exact beyond 2^24, where floats are not', async () => {
    const inputs = [{ name: 'k', type: DataType.int64, shape: ['N'] }];
    const b = new GraphBuilder({ nodes: [], initializers: new Map(), inputs });
    b.alias(b.add('k', b.ints(1)), 'next');
    const session = await load({ ...model(() => undefined, []), graph: {
      name: 'g', nodes: b.nodes, initializers: b.initializers, inputs, outputs: [{ name: 'next', type: DataType.int64, shape: undefined }],
    } });
    const { next } = await session.run({ k: { type: 'int64', dims: [2], data: BigInt64Array.of(2n ** 40n, -1n) } });
    expect(next).toEqual({ type: 'int64', dims: [2], data: BigInt64Array.of(2n ** 40n + 1n, 0n) });
    await session.release();
  });

  it('names the operator and the node that it cannot run, when it is loaded', async () => {
    const strange: OnnxNode = { name: 'fourier', op: 'DFT', domain: '', inputs: ['x'], outputs: ['y'], attributes: {} };
    await expect(load(model(() => undefined, ['y'], [strange]))).rejects.toMatchObject({
      name: 'UserError', message: expect.stringContaining('DFT \'fourier\'') as string, hint: expect.stringContaining('--runtime ort') as string,
    });
  });

  it('names the node that failed, and inputs that are not given', async () => {
    const session = await load(model((b, a) => { b.alias(b.matmul(a, b.floats([1, 2], [2, 1])), 'y'); }, ['y']));
    await expect(session.run({ x })).rejects.toThrow(/^TensorFlow.js failed at MatMul 'MatMul_1'/);
    await expect(session.run({})).rejects.toThrow('the graph\'s input \'x\' is missing');
    await session.release();
  });

  it('refuses what is no graph', async () => {
    await expect(runtime.load(new Uint8Array(10).fill(7), { threads: 1 })).rejects.toMatchObject({ name: 'UserError' });
  });
});

describe('plain JavaScript', () => {
  it('gives what ONNX Runtime gives, in one thread with WebAssembly', async () => {
    const { modelPath, runs: [{ input, shape }] } = loadCase('mobilenet-v2-like');
    const feeds = { input: { type: 'float32' as const, dims: shape, data: input } };
    const cpu = tfjsRuntime(await loadTfjs('cpu'));
    const sessions = await Promise.all([ortRuntime, cpu, runtime].map((each) => each.load(readFileSync(modelPath), { threads: 1 })));
    for (let round = 0; round < 2; round++) {
      const [expected, ...others] = await Promise.all(sessions.map((session) => session.run(feeds)));
      for (const { logits } of others) expect(relativeError(logits.data as Float32Array, expected.logits.data as Float32Array)).toBeLessThan(1e-5);
    }
    for (const session of sessions) await session.release();
  });
});
