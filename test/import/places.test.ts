import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { buildNetwork } from '../../src/import/build.js';
import type { Head } from '../../src/import/heads.js';
import type { PlanChoices, PlannedNetwork } from '../../src/import/recognise.js';
import { AUTO, planFor } from '../../src/import/recognise.js';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import { openCam, prepareCam } from '../../src/cam/plan.js';
import { UserError } from '../../src/errors.js';
import { resolveLayer } from '../../src/classifier/layers.js';
import type { Size } from '../../src/size.js';
import { DataType, sizeOf } from '../../src/onnx/tensor.js';
import { serializeModel } from '../../src/onnx/file/write.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import { withWeights } from '../../src/formats/weights/open.js';
import type { StoredDictionary, StoredTensor } from '../../src/formats/weights/stored-tensor.js';
import { camRequests, relativeError } from '../helpers.js';
import { noise } from '../random.js';
import { fixture, networkFixtures } from '../formats/weights/fixtures.js';

const networks = await networkFixtures();
const FC: Head = { kind: 'fc' };
const GAP: Head = { kind: 'gap', classes: 20, seed: 1 };

interface IrnRun {
  size: [number, number];
  seed: number;
  logits: number[];
  maps: { class: number; layers: { name: string; shape: [number, number]; values: number[] }[] }[];
}
const irn = JSON.parse(await readFile(fixture('irn.json'), 'utf8')) as { runs: IrnRun[] };

/** A tensor of numbers that come from nowhere. */
const tensor = (shape: readonly number[], value = 1): StoredTensor => ({
  type: DataType.float32, shape, read: () => Promise.resolve(new Float32Array(sizeOf(shape)).fill(value)),
});

/** The tensors of a file of PyTorch's, in memory: every name a copy of its own, as `{k: v.clone()}` makes them. */
async function tensorsOf(file: string): Promise<Map<string, StoredTensor>> {
  return withWeights(fixture(file), async ({ dictionaries: [{ tensors }] }) => {
    const copies = new Map<string, StoredTensor>();
    for (const [name, { type, shape, read }] of tensors) {
      if (type !== DataType.float32) continue;
      const numbers = await read();
      copies.set(name, { type, shape, read: () => Promise.resolve(numbers.slice()) });
    }
    return copies;
  });
}

const resnet18 = await tensorsOf('resnet18.pth');
const vgg16 = new Map([...await tensorsOf('vgg16.pth')].map(([name, one]) => [name.replace('module.', ''), one]));
const irnTensors = await tensorsOf('irn.pth');

type Edit = (name: string) => string | undefined;
function renamed(tensors: ReadonlyMap<string, StoredTensor>, edit: Edit): Map<string, StoredTensor> {
  const edited = [...tensors].map(([name, one]) => [edit(name), one] as const);
  return new Map(edited.filter((entry): entry is [string, StoredTensor] => entry[0] !== undefined));
}
const dictionary = (tensors: ReadonlyMap<string, StoredTensor>, wrapper?: string): StoredDictionary => ({ tensors, wrapper });

type Source = ReadonlyMap<string, StoredTensor> | StoredDictionary[];

async function plan(source: Source, choices: PlanChoices = {}, head = FC): Promise<PlannedNetwork> {
  return planFor(AUTO, { dictionaries: Array.isArray(source) ? source : [dictionary(source)] }, head, [224, 224], 'weights.pth', choices);
}

async function refusal(...args: Parameters<typeof plan>): Promise<string> {
  const error: unknown = await plan(...args).then(() => undefined, (thrown: unknown) => thrown);
  if (!(error instanceof UserError)) throw new Error(`expected was a UserError, not ${String(error)}`);
  return `${error.message}\n${error.hint ?? ''}`;
}

async function logitsOf(network: PlannedNetwork, size: Size, seed: number): Promise<Float32Array> {
  const session = await ortRuntime.load(serializeModel(await buildNetwork(network)), { threads: 1 });
  const { logits } = await session.run({ image: { type: 'float32', dims: [1, 3, ...size], data: noise(3 * size[0] * size[1], seed) } });
  await session.release();
  return logits.data as Float32Array;
}

/** Fails unless a network computes what PyTorch did with a fixture. */
async function expectLogits(network: PlannedNetwork, name: 'resnet18' | 'vgg16'): Promise<void> {
  const { size, seed, logits } = networks[name].runs[0];
  expect(relativeError(await logitsOf(network, size, seed), logits.fc)).toBeLessThan(1e-5);
}

describe('IRN\'s classifier', () => {
  it('computes what PyTorch computes, logits and LayerCAM, with the 1x1 convolution as its head', async () => {
    await withWeights(fixture('irn.pth'), async (weights) => {
      const network = await planFor(AUTO, weights, FC, [224, 224], 'irn.pth');
      expect(network).toMatchObject({ prefix: 'resnet50.', classifier: 'classifier', irn: true, stride: 16, classes: 20, bound: false, leftOver: [] });
      const model = await buildNetwork(network);
      expect(model.graph.initializers.get('fc.weight')!.dims).toEqual([20, 12, 1, 1]);
      expect(model.graph.initializers.has('fc.bias')).toBe(false);
      const graph = new ClassifierGraph(model, 'logits');
      const layers = irn.runs[0].maps[0].layers.map(({ name }) => resolveLayer(graph.layers, name));
      expect(layers.map(({ stride }) => stride)).toEqual([8, 16, 16]);
      const cam = await openCam(prepareCam(graph, camRequests(layers)), ortRuntime, { threads: 1 });
      for (const { size, seed, logits, maps } of irn.runs) {
        const result = await cam.run(noise(3 * size[0] * size[1], seed), size, maps.map((one) => one.class));
        expect(relativeError(result.logits, logits)).toBeLessThan(1e-5);
        for (const [l, made] of result.maps.entries()) {
          expect([made.height, made.width]).toEqual(maps[0].layers[l].shape);
          expect(relativeError(made.data, maps.flatMap(({ layers: own }) => own[l].values)), layers[l].name).toBeLessThan(1e-5);
        }
      }
      await cam.release();
    });
  });

  const { size, seed, logits } = irn.runs[1];
  it.each<[string, Edit, string]>([
    ['copies under every name, as safetensors holds them', (name) => name, 'resnet50.'],
    ['behind DataParallel\'s prefix', (name) => `module.${name}`, 'module.resnet50.'],
    ['the first names alone', (name) => (/^(?:resnet50|classifier)\./.test(name) ? name : undefined), 'resnet50.'],
    ['the stages alone', (name) => (/^(?:stage\d|classifier)\./.test(name) ? name : undefined), ''],
    ['the lists of modules alone', (name) => (/^(?:backbone|newly_added)\./.test(name) ? name : undefined), 'backbone.'],
  ])('%s', async (_, edit, prefix) => {
    const network = await plan(renamed(irnTensors, edit));
    expect(network).toMatchObject({ prefix, irn: true, stride: 16, classes: 20, leftOver: [] });
    expect(relativeError(await logitsOf(network, size, seed), logits)).toBeLessThan(1e-5);
  });

  it('names what its descendants add, and can be given torchvision\'s stride', async () => {
    const recam = new Map([...irnTensors, ['recam_predictor.classifier.weight', tensor([20, 12, 1, 1])], ['recam_predictor.scale', tensor([2])]]);
    expect(await plan(recam)).toMatchObject({ classifier: 'classifier', leftOver: ['recam_predictor.classifier.weight', 'recam_predictor.scale'] });
    expect(await plan(irnTensors, { lastStride: 2 })).toMatchObject({ stride: 32, irn: true });
    expect(await plan(irnTensors, {}, GAP)).toMatchObject({ stride: 16, classifier: undefined, leftOver: [] });
  });

  it('is not one network if the stages hold other numbers', async () => {
    const first = irnTensors.get('stage3.0.2.conv2.weight')!;
    const message = await refusal(new Map([...irnTensors, ['stage3.0.2.conv2.weight', tensor(first.shape)]]));
    expect(message).toContain('weights.pth contains several complete networks, with the prefixes \'resnet50.\', \'\'');
  });
});

describe('a network behind a prefix, its head inside or outside of it', () => {
  it.each(['backbone.', 'encoder.', 'net.', 'model.', 'module.', '_orig_mod.', 'resnet.', 'base_model.', 'student.', 'module._orig_mod.model.encoder.', 'a.b.c.'])('%s', async (prefix) => {
    const inside = await plan(renamed(resnet18, (name) => prefix + name));
    expect(inside).toMatchObject({ prefix, classifier: `${prefix}fc`, leftOver: [], irn: false, stride: 32 });
    await expectLogits(inside, 'resnet18');
    for (const head of ['fc', 'classifier', 'head', 'classifier.1', 'last_linear', 'cls_head', 'my_layer']) {
      const outside = await plan(renamed(resnet18, (name) => (name.startsWith('fc.') ? name.replace('fc', head) : prefix + name)));
      expect(outside).toMatchObject({ prefix, classifier: head, leftOver: [] });
    }
    const vgg = await plan(renamed(vgg16, (name) => prefix + name));
    expect(vgg).toMatchObject({ prefix, classes: 20, bound: true, leftOver: [] });
    expect(await plan(renamed(vgg16, (name) => (name.startsWith('features.') ? prefix + name : name)))).toMatchObject({ prefix, bound: true, leftOver: [] });
  });

  it('under a key of the checkpoint', async () => {
    expect(await plan([dictionary(new Map([['a', tensor([3])]]), 'ema'), dictionary(resnet18, 'checkpoint.model')])).toMatchObject({ wrapper: 'checkpoint.model', prefix: '', classifier: 'fc' });
  });

  it('numbered modules, as nn.Sequential of a network\'s children has them', async () => {
    const number: Record<string, string> = { conv1: '0', bn1: '1', layer1: '4', layer2: '5', layer3: '6', layer4: '7', fc: 'fc' };
    const network = await plan(renamed(resnet18, (name) => name.replace(/^\w+/, (module) => (module === 'fc' ? 'fc' : `features.${number[module]}`))));
    expect(network).toMatchObject({ prefix: 'features.', classifier: 'fc', leftOver: [] });
    await expectLogits(network, 'resnet18');
    const vgg = await plan(renamed(vgg16, (name) => name.replace('features.', 'body.')));
    expect(vgg).toMatchObject({ prefix: 'body.', leftOver: [] });
    await expectLogits(vgg, 'vgg16');
  });

  it('a 1x1 convolution or a matrix, with or without bias', async () => {
    const weight = resnet18.get('fc.weight')!;
    const kernel: StoredTensor = { ...weight, shape: [...weight.shape, 1, 1] };
    const { size, seed, logits } = networks.resnet18.runs[0];
    const bias = await resnet18.get('fc.bias')!.read();
    for (const form of [weight, kernel]) {
      const biased = new Map([...resnet18, ['fc.weight', form]]);
      await expectLogits(await plan(biased), 'resnet18');
      biased.delete('fc.bias');
      const network = await plan(biased);
      expect(relativeError(await logitsOf(network, size, seed), logits.fc.map((value, i) => value - bias[i]))).toBeLessThan(1e-5);
    }
  });

  it('a VGG with one linear layer behind the pooling', async () => {
    const channels = vgg16.get('features.28.weight')!.shape[0];
    const network = await plan(new Map([...vgg16].filter(([name]) => name.startsWith('features.')).concat([['classifier.weight', tensor([5, channels, 1, 1], 2)]])));
    expect(network).toMatchObject({ classes: 5, bound: false, classifier: 'classifier' });
    const { size, seed, layers: { 'features.30': { shape: [,, h, w], values } } } = networks.vgg16.runs[0];
    // All weights are 2: each logit is twice the sum over channels of their means.
    const sum = 2 * values.reduce((a, b) => a + b, 0) / (h * w);
    expect(relativeError(await logitsOf(network, size, seed), Array.from({ length: 5 }, () => sum))).toBeLessThan(1e-5);
  });
});

describe('what cannot be told', () => {
  const twice = (a: string, b: string) => new Map([...renamed(resnet18, (name) => a + name), ...renamed(resnet18, (name) => b + name)]);
  const changed = (tensors: Map<string, StoredTensor>, name: string) => tensors.set(name, tensor(tensors.get(name)!.shape, 3));

  it('several networks: asks for --prefix, and takes it', async () => {
    const both = changed(twice('student.', 'teacher.'), 'teacher.layer3.1.conv2.weight');
    expect(await refusal(both)).toBe('weights.pth contains several complete networks, with the prefixes \'student.\', \'teacher.\'\nchoose one, for instance --prefix teacher.');
    for (const prefix of ['student', 'student.']) {
      const network = await plan(both, { prefix });
      expect(network).toMatchObject({ prefix: 'student.', classifier: 'student.fc' });
      await expectLogits(network, 'resnet18');
      expect(network.leftOver).toContain('teacher.layer3.1.conv2.weight');
    }
    expect(await refusal(both, { prefix: 'ema' })).toBe('weights.pth has no network with the prefix \'ema.\'\nthere is one with \'student.\', \'teacher.\'');
  });

  it('several networks under keys of the checkpoint', async () => {
    const ema = changed(new Map(resnet18), 'conv1.weight');
    const both = [dictionary(resnet18, 'state_dict'), dictionary(ema, 'state_dict_ema')];
    expect(await refusal(both)).toContain('with the prefixes \'state_dict.\', \'state_dict_ema.\'\nchoose one, for instance --prefix state_dict_ema.');
    expect(await plan(both, { prefix: 'state_dict_ema' })).toMatchObject({ wrapper: 'state_dict_ema', prefix: '' });
    // A moving average before the first update is the network itself.
    expect(await plan([dictionary(resnet18, 'model'), dictionary(new Map(resnet18), 'model_ema')])).toMatchObject({ wrapper: 'model' });
  });

  it('several classifiers: asks for --classifier, and takes it', async () => {
    const both = renamed(resnet18, (name) => `backbone.${name}`).set('classifier.weight', tensor([20, 7]));
    expect(await refusal(both)).toContain('weights.pth has several layers that may be the classifier: backbone.fc, classifier\n');
    const network = await plan(both, { classifier: 'classifier' });
    expect(network).toMatchObject({ classes: 20, classifier: 'classifier', leftOver: ['backbone.fc.weight', 'backbone.fc.bias'] });
    expect(await refusal(both, { classifier: 'fc' })).toBe('weights.pth has no layer \'fc\' outside the network\nlinear layers with 7 inputs: backbone.fc.weight, classifier.weight'.replaceAll('.weight', ''));
  });

  it.each<[string, (name: string) => string | undefined, [string, number[]][], string]>([
    ['MoCo', (name) => `module.encoder_q.${name}`, [['module.queue', [7, 64]]], 'module.encoder_q.'],
    ['MoCo v2', (name) => (name.startsWith('fc') ? undefined : `module.encoder_q.${name}`), [['module.encoder_q.fc.0.weight', [7, 7]], ['module.encoder_q.fc.2.weight', [4, 7]]], 'module.encoder_q.'],
    ['SimCLR', (name) => (name.startsWith('fc') ? undefined : `encoder.${name}`), [['projector.0.weight', [7, 7]], ['projector.2.weight', [4, 7]]], 'projector.0.weight'],
  ])('%s was trained without labels: --head gap', async (_, edit, more, sign) => {
    const tensors = new Map([...renamed(resnet18, edit), ...more.map(([name, shape]): [string, StoredTensor] => [name, tensor(shape)])]);
    const message = await refusal(tensors);
    expect(message).toContain('missing fc.weight, fc.bias\n');
    expect(message).toContain(`'${sign}' shows that it was trained without labels; to import weights without a classifier, add a new one with --head gap`);
    expect(await plan(tensors, {}, GAP)).toMatchObject({ classes: 20, classifier: undefined });
  });

  it('a classifier beside a projection is one all the same', async () => {
    const tensors = new Map([...resnet18, ['projector.0.weight', tensor([9, 7])], ['projector.2.weight', tensor([3, 9])]]);
    expect(await plan(tensors)).toMatchObject({ classifier: 'fc', leftOver: ['projector.0.weight', 'projector.2.weight'] });
  });

  it('a head of several layers', async () => {
    const tensors = renamed(resnet18, (name) => (name.startsWith('fc.') ? undefined : name)).set('head.0.weight', tensor([5, 7])).set('head.2.weight', tensor([4, 5]));
    const message = await refusal(tensors);
    expect(message).toContain('missing fc.weight, fc.bias\n');
    expect(message).toContain('if the classifier is one of head.0.weight, head.2.weight, name it with --classifier NAME');
  });

  it('a head for other features', async () => {
    const tensors = renamed(resnet18, (name) => name.replace(/^fc\./, 'classifier.')).set('classifier.weight', tensor([4, 9]));
    expect(await refusal(tensors)).toContain('fc.weight is [4, 9], not [any, 7]\n\'fc\' is called \'classifier\' in the file');
  });

  it('layers inside the network that no known network has', async () => {
    expect(await refusal(new Map([...resnet18, ['layer1.0.se.fc1.weight', tensor([1, 4])]]))).toContain('unexpected layer1.0.se.fc1.weight');
    expect(await refusal(renamed(new Map([...resnet18, ['layer1.0.se.fc1.weight', tensor([1, 4])]]), (name) => `net.${name}`))).toContain('unexpected layer1.0.se.fc1.weight');
  });

  it('PSA\'s ResNet38 and vision transformers are named', async () => {
    const psa = new Map(['conv1a.weight', 'b2.conv_branch2a.weight', 'b2.bn_branch2b1.weight', 'bn7.weight', 'fc8.weight'].map((name) => [name, tensor([3])]));
    expect(await refusal(psa)).toContain(', like the ResNet38 of PSA and SEAM\n');
    const vit = new Map(['cls_token', 'pos_embed', 'patch_embed.proj.weight', 'blocks.0.norm1.weight'].map((name) => [name, tensor([3])]));
    const message = await refusal(vit);
    expect(message).toContain(', like vision transformers\n');
    expect(message).toContain('export other networks to ONNX');
  });

  it('names that every object has are names like others', async () => {
    const odd = new Map([...resnet18, ['__proto__', tensor([3])], ['constructor.weight', tensor([3])], ['toString', tensor([2, 7])]]);
    expect((await plan(odd)).leftOver).toEqual(['__proto__', 'constructor.weight', 'toString']);
  });

  it('more networks than any file holds', async () => {
    const many = new Map(Array.from({ length: 70 }, (_, i) => [`${i}.layer1.0.conv1.weight`, tensor([1, 1, 1, 1])]));
    expect(await refusal(many)).toContain('weights.pth contains more than 64 networks');
  });
});
