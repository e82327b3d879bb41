import { describe, expect, it } from 'vitest';
import { architectures } from '../../src/import/architectures.js';
import { buildNetwork } from '../../src/import/build.js';
import type { Head } from '../../src/import/heads.js';
import { AUTO, planFor } from '../../src/import/recognise.js';
import { UserError } from '../../src/errors.js';
import { DataType, sizeOf } from '../../src/onnx/tensor.js';
import { withWeights } from '../../src/formats/weights/open.js';
import type { StateDict, StoredTensor } from '../../src/formats/weights/stored-tensor.js';
import { fixture } from '../formats/weights/fixtures.js';

const FC = { kind: 'fc' } as const;
const GAP: Head = { kind: 'gap', classes: 20, seed: 1 };

/** A tensor of one number, everywhere. */
const tensor = (shape: readonly number[], value = 1): StoredTensor => ({
  type: DataType.float32, shape, read: () => Promise.resolve(new Float32Array(sizeOf(shape)).fill(value)),
});

/** The shapes and names of a narrow ResNet-50, as PyTorch saved them. */
const resnet50: StateDict = await withWeights(fixture('resnet50.pth'), ({ dictionaries: [{ tensors }] }) => (
  Promise.resolve(new Map([...tensors].map(([name, { shape }]) => [name, tensor(shape)])))));

function changed(edit: (tensors: Map<string, StoredTensor>) => void): StateDict {
  const copy = new Map(resnet50);
  edit(copy);
  return copy;
}

const plan = (name: string, tensors: StateDict, head: Head = FC) => planFor(name, { dictionaries: [{ tensors, wrapper: undefined }] }, head, [224, 224], 'weights.pth');

async function refusal(name: string, tensors: StateDict, head: Head = FC): Promise<string> {
  try {
    await plan(name, tensors, head);
  } catch (error) {
    if (error instanceof UserError) return `${error.message}\n${error.hint ?? ''}`;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('weights that do not fit', () => {
  it('missing, unexpected and misshapen parameters are named', async () => {
    const tensors = changed((copy) => {
      copy.delete('layer1.0.bn1.running_var');
      copy.delete('layer3.5.conv3.weight');
      copy.set('layer5.0.conv1.weight', tensor([1, 1, 1, 1]));
      copy.set('layer2.0.conv1.weight', tensor([2, 3, 1, 1]));
      copy.set('bn1.bias', tensor([5]));
    });
    const message = await refusal(AUTO, tensors);
    expect(message).toContain('weights.pth does not match resnet50, the closest architecture: ');
    expect(message).toContain('missing layer1.0.bn1.running_var, layer3.5.conv3.weight; ');
    expect(message).toContain('unexpected layer5.0.conv1.weight; ');
    expect(message).toContain('bn1.bias is [5], not [4]');
    expect(message).toContain('layer2.0.conv1.weight is [2, 3, 1, 1], not [any, 4, 1, 1]');
  });

  it('another architecture: the first few and how many more', async () => {
    const message = await refusal('resnet101', resnet50);
    expect(message).toMatch(/does not match resnet101: missing layer3\.6\.conv1\.weight, [^;]* and \d+ more\n/);
    expect(await refusal('vgg16', resnet50)).toContain('unexpected conv1.weight, ');
    expect(await refusal('vgg99', resnet50)).toContain('no architecture is called \'vgg99\'\nknown: vgg11, vgg11_bn, ');
  });

  it('no known architecture', async () => {
    const tensors = new Map([['stem.0.weight', tensor([1])], ['stem.1.weight', tensor([1])], ['a', tensor([])], ['b', tensor([])], ['c', tensor([])]]);
    expect(await refusal(AUTO, tensors)).toContain('the architecture of weights.pth is not recognised: it contains stem.0.weight, stem.1.weight, a, b and 1 more');
    expect(await refusal(AUTO, new Map())).toContain('the architecture of weights.pth is not recognised');
  });

  it('a network without its head needs a new one', async () => {
    const headless = new Map([...resnet50].filter(([name]) => !name.startsWith('fc.')));
    expect(await refusal(AUTO, headless)).toContain('missing fc.weight, fc.bias\nto import weights without a classifier, add a new one with --head gap');
    expect((await plan(AUTO, headless, GAP)).classes).toBe(20);
    expect((await plan(AUTO, resnet50, GAP)).classes).toBe(20);
    expect((await plan(AUTO, resnet50, FC)).classes).toBe(3);
  });

  it('other ranks, empty tensors, integers, and groups where there are none', async () => {
    expect(await refusal(AUTO, changed((copy) => copy.set('fc.bias', tensor([3, 1]))))).toContain('fc.bias is [3, 1], not [3]');
    expect(await refusal(AUTO, changed((copy) => copy.set('conv1.weight', tensor([0, 3, 7, 7]))))).toContain('conv1.weight is [0, 3, 7, 7], not [any, any, 7, 7]');
    expect(await refusal(AUTO, changed((copy) => copy.set('conv1.weight', tensor([4, 1, 7, 7]))))).toContain('conv1.weight is [4, 1, 7, 7], not [any, 3, 7, 7]');
    expect(await refusal(AUTO, changed((copy) => copy.set('fc.weight', { ...tensor([3, 8]), type: DataType.int8 })))).toContain('fc.weight has type int8, not floating point');
    expect(await refusal(AUTO, changed((copy) => {
      for (const part of ['conv3.weight', 'bn3.weight', 'bn3.bias', 'bn3.running_mean', 'bn3.running_var']) copy.set(`layer2.1.${part}`, tensor(part === 'conv3.weight' ? [4, 2, 1, 1] : [4]));
    }))).toContain('layer2.1.add adds 4 channels to 8');
  });

  it('num_batches_tracked does not matter', async () => {
    expect([...resnet50.keys()]).toContain('bn1.num_batches_tracked');
    const without = new Map([...resnet50].filter(([name]) => !name.endsWith('num_batches_tracked')));
    expect((await plan(AUTO, without, FC)).architecture.name).toBe('resnet50');
  });
});

describe('numbers that cannot be', () => {
  const build = async (tensors: StateDict) => buildNetwork(await plan(AUTO, tensors));

  it.each([NaN, Infinity, -Infinity])('%d', async (value) => {
    await expect(build(changed((copy) => copy.set('layer1.0.conv1.weight', tensor([1, 4, 1, 1], value))))).rejects.toThrow('\'layer1.0.conv1.weight\' contains values that are not finite');
  });

  it('a negative variance', async () => {
    await expect(build(changed((copy) => copy.set('bn1.running_var', tensor([4], -1))))).rejects.toThrow('\'bn1\' has a variance that is negative or too small');
  });
});

it('lists the architectures', () => {
  expect(architectures.map(({ name }) => name)).toEqual([
    'vgg11', 'vgg11_bn', 'vgg13', 'vgg13_bn', 'vgg16', 'vgg16_bn', 'vgg19', 'vgg19_bn', 'resnet18', 'resnet34', 'resnet50', 'resnet101', 'resnet152',
  ]);
});
