import { afterAll, describe, expect, it } from 'vitest';
import { buildNetwork } from '../../src/import/build.js';
import type { BuildOptions } from '../../src/import/build.js';
import type { Head } from '../../src/import/heads.js';
import { AUTO, planFor } from '../../src/import/recognise.js';
import type { OnnxModel } from '../../src/onnx/model.js';
import { NetworkGraph } from '../../src/classifier/network.js';
import type { Size } from '../../src/size.js';
import { DataType } from '../../src/onnx/tensor.js';
import { serializeModel } from '../../src/onnx/file/write.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import type { Session } from '../../src/runtime/runtime.js';
import { withWeights } from '../../src/formats/weights/open.js';
import { relativeError } from '../helpers.js';
import { noise } from '../random.js';
import { fixture, networkFixtures } from '../formats/weights/fixtures.js';

const networks = await networkFixtures();
const sessions: Session[] = [];
afterAll(async () => { for (const session of sessions) await session.release(); });

function imported(file: string, head: Head, size: Size = [224, 224], options: BuildOptions = {}): Promise<OnnxModel> {
  return withWeights(fixture(file), async (weights) => buildNetwork(await planFor(AUTO, weights, head, size, file), options));
}

/** Runs a network and hands out the tensors of the given names. */
async function runNetwork(model: OnnxModel, size: Size, seed: number, names: readonly string[]): Promise<Record<string, Float32Array>> {
  const { graph } = model;
  const outputs = names.map((name) => ({ name, type: DataType.float32, shape: undefined }));
  const session = await ortRuntime.load(serializeModel({ ...model, graph: { ...graph, outputs } }), { threads: 1 });
  sessions.push(session);
  const results = await session.run({ image: { type: 'float32', dims: [1, 3, ...size], data: noise(3 * size[0] * size[1], seed) } });
  return Object.fromEntries(names.map((name) => [name, results[name].data as Float32Array]));
}

// PyTorch's results are in float64; ONNX Runtime's are within rounding of them.
const TOLERANCE = 1e-5;

describe('imported networks compute what PyTorch computes', () => {
  const folded = Object.entries(networks).map(([name, network]) => ({ name, network, keepBatchNorm: false }));
  const kept = folded.filter(({ name }) => name !== 'vgg16').map((one) => ({ ...one, keepBatchNorm: true }));

  it.each([...folded, ...kept])('$name, batch normalisations kept: $keepBatchNorm', async ({ network: { file, architecture, runs }, keepBatchNorm }) => {
    for (const { size, seed, logits, layers } of runs) {
      const model = await imported(file, { kind: 'fc' }, size, { keepBatchNorm });
      expect(model.graph.name).toBe(architecture);
      expect(model.graph.nodes.some(({ op }) => op === 'BatchNormalization')).toBe(keepBatchNorm);
      const results = await runNetwork(model, size, seed, ['logits', ...Object.keys(layers)]);
      expect(relativeError(results.logits, logits.fc), `logits at ${size.join('x')}`).toBeLessThan(TOLERANCE);
      for (const [layer, { values }] of Object.entries(layers)) expect(relativeError(results[layer], values), `${layer} at ${size.join('x')}`).toBeLessThan(TOLERANCE);
    }
  });

  it.each(['vgg11_bn', 'vgg16'])('%s with its fully connected layers as convolutions', async (name) => {
    const { file, runs } = networks[name];
    const model = await imported(file, { kind: 'conv' });
    expect(model.graph.inputs).toEqual([{ name: 'image', type: DataType.float32, shape: ['N', 3, 'H', 'W'] }]);
    const sizes = runs.filter(({ logits }) => logits.conv !== undefined);
    expect(sizes).toHaveLength(2);
    for (const { size, seed, logits } of sizes) expect(relativeError((await runNetwork(model, size, seed, ['logits'])).logits, logits.conv!)).toBeLessThan(TOLERANCE);
  });

  it('ResNet with its linear layer as a convolution', async () => {
    const { file, runs: [{ size, seed, logits }] } = networks.resnet50;
    const model = await imported(file, { kind: 'conv' });
    expect(model.graph.nodes.filter(({ op }) => op === 'Gemm')).toEqual([]);
    expect(relativeError((await runNetwork(model, size, seed, ['logits'])).logits, logits.fc)).toBeLessThan(TOLERANCE);
  });
});

describe('the new head', () => {
  it.each(['vgg16', 'resnet18'])('averages the last feature map of %s, and weighs it', async (name) => {
    const { file, runs: [{ size, seed, layers }] } = networks[name];
    const last = name === 'vgg16' ? 'features.30' : 'layer4.1.relu';
    const model = await imported(file, { kind: 'gap', classes: 3, seed: 1 });
    const weights = model.graph.initializers.get('head.weight')!;
    const { shape: [, channels, height, width], values } = layers[last];
    expect(weights.dims).toEqual([3, channels, 1, 1]);
    expect(model.graph.initializers.get('head.bias')!.toNumbers()).toEqual([0, 0, 0]);
    const w = weights.toNumbers();
    const area = height * width;
    const expected = [0, 1, 2].map((k) => values.reduce((sum, value, i) => sum + value * w[k * channels + Math.floor(i / area)], 0) / area);
    expect(relativeError((await runNetwork(model, size, seed, ['logits'])).logits, expected)).toBeLessThan(TOLERANCE);
    expect(model.graph.outputs[0].shape).toEqual(['N', 3]);
    expect([...model.graph.initializers.keys()].filter((parameter) => /^(?:classifier|fc)\./.test(parameter))).toEqual([]);
  });

  it('is normally distributed with the variance 2 / channels, and the same for the same seed', async () => {
    const weights = async (seed: number, classes: number) => (await imported(networks.vgg16.file, { kind: 'gap', classes, seed })).graph.initializers.get('head.weight')!.toNumbers();
    const many = await weights(1, 5000);
    const channels = many.length / 5000;
    const moment = (power: number) => many.reduce((sum, value) => sum + (value * Math.sqrt(channels / 2)) ** power, 0) / many.length;
    // Moments of the normal distribution; four standard errors of 20,000 draws are 0.03, 0.04 and 0.28.
    expect(many.length).toBeGreaterThanOrEqual(20_000);
    expect(Math.abs(moment(1))).toBeLessThan(0.03);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.04);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.28);
    expect(await weights(1, 2)).toEqual(await weights(1, 2));
    expect(await weights(2, 2)).not.toEqual(await weights(1, 2));
  });
});

describe('names', () => {
  it.each([
    ['vgg11_bn', ['features.2', 'features.6', 'features.13', 'features.20', 'features.27', 'features.28']],
    ['vgg16', ['features.3', 'features.8', 'features.15', 'features.22', 'features.29', 'features.30']],
    ['resnet18', ['relu', 'layer1.1.relu', 'layer2.1.relu', 'layer3.1.relu', 'layer4.1.relu', 'layer1.0.relu1']],
    ['resnet50', ['relu', 'layer1.2.relu', 'layer2.3.relu', 'layer3.5.relu', 'layer4.2.relu', 'layer1.0.relu2']],
  ])('%s has torchvision\'s', async (name, layers) => {
    const model = await imported(networks[name].file, { kind: 'gap', classes: 2, seed: 1 });
    const names = new Set(new NetworkGraph(model, 'logits').layers.map((layer) => layer.name));
    expect(layers.filter((layer) => !names.has(layer))).toEqual([]);
    for (const { name: node, outputs } of model.graph.nodes) expect(outputs).toEqual([node]);
  });
});
