import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import type { FeatureLayer } from '../../src/classifier/layers.js';
import { resolveLayer, strideAliases } from '../../src/classifier/layers.js';
import { NetworkGraph } from '../../src/classifier/network.js';
import { parseModel, readModel } from '../../src/onnx/file/read.js';
import { DataType } from '../../src/onnx/tensor.js';
import { serializeModel } from '../../src/onnx/file/write.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import { loadCase, loadCases } from '../fixtures/load.js';
import { hasShared, shared } from '../helpers.js';
import { noise } from '../random.js';

const networkOf = (name: string): NetworkGraph => new NetworkGraph(parseModel(readFileSync(loadCase(name).modelPath)), 'logits');

describe('a stride stands for the output of its stage', () => {
  // From the builders of these networks: the last activation of each stage behind residual sums and concatenations.
  const stages: Record<string, Record<string, string>> = {
    'resnet-like': { '/4': 'feat_a', '/8': 'feat_b', '/16': 'feat_c' },
    'googlenet-like': { '/4': 'feat_a', '/8': 'feat_b', '/16': 'feat_c' },
    'mobilenet-v1-like': { '/4': 'feat_a', '/8': 'feat_b', '/16': 'feat_c' },
    'squeezenet-like': { '/4': 'feat_a' },
    'vgg-like': { '/4': 'feat_a', '/8': 'feat_b' },
    'mobilenet-v2-like': { '/8': 'feat_e' },
  };
  for (const [name, expected] of Object.entries(stages)) {
    it(name, () => {
      const { layers } = networkOf(name);
      expect(Object.fromEntries(Object.keys(expected).map((alias) => [alias, resolveLayer(layers, alias).name]))).toEqual(expected);
    });
  }

  it('mobilenet-v2-like: in a network of linear block outputs, the expansion behind the last of them', () => {
    const { layers, model } = networkOf('mobilenet-v2-like');
    const layer = resolveLayer(layers, '/4');
    expect([layer.op, layer.rectified, layer.cut]).toEqual(['Clip', true, true]);
    // It is what the 1x1 convolution makes of feat_b, the sum that ends the stage.
    const [clip] = model.graph.nodes.filter(({ outputs }) => outputs[0] === layer.name);
    const [conv] = model.graph.nodes.filter(({ outputs }) => outputs[0] === clip.inputs[0]);
    expect([conv.op, conv.inputs[0]]).toEqual(['Conv', 'feat_b']);
  });
});

describe('feature layers', () => {
  for (const testCase of loadCases('network')) {
    it(`${testCase.name}: channels, sizes and signs are those that ONNX Runtime computes`, async () => {
      const { model, layers } = networkOf(testCase.name);
      const outputs = layers.map(({ name }) => ({ name, type: DataType.float32, shape: undefined }));
      const session = await ortRuntime.load(serializeModel({ ...model, graph: { ...model.graph, outputs } }), { threads: 1 });
      // Twice as large by whole strides: each map grows by pixels / stride.
      const [height, width] = testCase.fixedSize ? testCase.runs[0].shape.slice(2) : [64, 96];
      const run = async (h: number, w: number) => session.run({ input: { type: 'float32', dims: [1, 3, h, w], data: noise(3 * h * w, 7, 2) } });
      const small = await run(height, width);
      const large = testCase.fixedSize ? undefined : await run(2 * height, 2 * width);
      await session.release();
      const negative: boolean[] = [];
      for (const { name, channels, stride, rectified } of layers) {
        const { dims, data } = small[name];
        expect(dims[1], name).toBe(channels);
        if (large === undefined) expect([height / dims[2], width / dims[3]], name).toEqual([stride, stride]);
        else expect([large[name].dims[2] - dims[2], large[name].dims[3] - dims[3]], name).toEqual([height / stride, width / stride]);
        const lowest = (data as Float32Array).reduce((a, b) => Math.min(a, b), Infinity);
        if (rectified) expect(lowest, name).toBeGreaterThanOrEqual(0);
        else negative.push(lowest < 0);
      }
      // A tensor of both signs may be positive by chance, but hardly often.
      expect(negative.filter(Boolean).length).toBeGreaterThan(0.8 * negative.length);
    });

    it(`${testCase.name}: a cut is a tensor without which the logits cannot be reached`, () => {
      const { model, layers } = networkOf(testCase.name);
      const reachable = (without: string): boolean => {
        const reached = new Set(['input']);
        for (const { op, inputs, outputs } of model.graph.nodes) {
          if (op === 'Shape' || !inputs.some((name) => reached.has(name))) continue;
          for (const name of outputs) if (name !== without) reached.add(name);
        }
        return reached.has('logits');
      };
      expect(reachable('')).toBe(true);
      for (const { name, cut } of layers) expect(cut, name).toBe(!reachable(name));
    });

    it(`${testCase.name}: shallowest first`, () => {
      const strides = networkOf(testCase.name).layers.map(({ stride }) => stride);
      expect(strides).toEqual([...strides].sort((a, b) => a - b));
    });
  }
});

describe('resolveLayer', () => {
  const layer = (name: string, stride: number, ending: FeatureLayer['ending'], cut: boolean): FeatureLayer => (
    { name, op: 'Relu', channels: 1, stride, arrangement: { kind: 'channels-first' }, rectified: false, ending, cut }
  );

  it('prefers an activation on every path, then a join, then what is on every path, then an activation; each time the last', () => {
    const layers = [
      layer('a', 2, 'activation', true), layer('b', 2, 'activation', true), layer('c', 2, 'join', true), layer('d', 2, 'activation', false),
      layer('e', 4, 'join', true), layer('f', 4, 'linear', true), layer('g', 4, 'activation', false),
      layer('h', 8, 'linear', true), layer('i', 8, 'activation', false), layer('j', 8, 'join', false),
      layer('k', 16, 'activation', false), layer('l', 16, 'join', false),
      layer('m', 32, 'linear', false), layer('n', 32, 'linear', false),
      layer('o', 64 / 21, 'activation', true),
    ];
    expect([...strideAliases(layers)].map(([alias, { name }]) => [alias, name]))
      .toEqual([['/2', 'b'], ['/4', 'e'], ['/8', 'h'], ['/16', 'k'], ['/32', 'n']]);
    expect(resolveLayer(layers, '/8').name).toBe('h');
    expect(resolveLayer(layers, 'o').name).toBe('o');
  });

  it('refuses what there is not, and lists what there is', () => {
    const layers = [layer('a', 8, 'activation', true), layer('b', 16, 'activation', true)];
    for (const [wanted, message] of [['/32', 'no feature layer at stride 32'], ['c', 'no feature layer called \'c\''], ['16', 'called \'16\'']]) {
      try {
        resolveLayer(layers, wanted);
        expect.unreachable();
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        expect((error as UserError).message).toContain(message);
        expect((error as UserError).hint).toContain('/8, /16');
      }
    }
  });
});

describe.skipIf(!hasShared)('strides of real classifiers', () => {
  const expected: Record<string, Record<string, string>> = {
    mobilenet_v1_imagenet: { '/2': '02_conv', '/4': '06_conv', '/8': '10_conv', '/16': '22_conv', '/32': '26_conv' },
    mobilenet_v2_imagenet: { '/4': '10_conv', '/8': '21_conv', '/16': '47_conv', '/32': '61_conv' },
    googlenet_imagenet: { '/8': 'inception_3b_output', '/16': 'inception_4e_output', '/32': 'inception_5b_output' },
  };
  for (const [name, aliases] of Object.entries(expected)) {
    it(name, async () => {
      const { layers } = new NetworkGraph(await readModel(resolve(shared, `models/${name}.onnx`)), 'logits');
      expect(Object.fromEntries(Object.keys(aliases).map((alias) => [alias, resolveLayer(layers, alias).name]))).toEqual(aliases);
    });
  }
});
