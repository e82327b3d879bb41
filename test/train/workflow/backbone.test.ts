import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VOC } from '../../../src/datasets/classes/voc.js';
import { openBackbone } from '../../../src/train/workflow/backbone.js';
import { preprocessPresets } from '../../../src/classifier/spec.js';
import { trainSchema } from '../../../src/settings/train.js';
import { UserError } from '../../../src/errors.js';
import { repository } from '../../helpers.js';

const open = (name: string, settings: object = {}) => (
  openBackbone(resolve(repository, 'test/fixtures/conformance', `${name}.onnx`), trainSchema.parse(settings), preprocessPresets.torchvision, VOC));

describe('the layer that a new head pools', () => {
  // Names and strides of the modules' last feature maps in torchvision and Keras.
  it.each([
    ['resnet_bottleneck', '/layer4/layer4.0/relu_2/Relu_output_0', 32], ['convnext', '/features/features.7/features.7.0/Add_output_0', 32],
    ['convnext_dynamo', 'add_54', 32], ['swin', '/permute/Transpose_output_0', 8], ['keras_mobile', 'functional_1/stage8_1/Relu6:0', 8],
  ])('%s: the last feature map', async (name, layer, stride) => {
    expect((await open(name)).layer).toMatchObject({ name: layer, stride, arrangement: { kind: 'channels-first' } });
  });

  it.each([['vit', '/conv_proj/Conv_output_0'], ['vit_dynamo', 'conv2d']])('%s: not the patch embedding, unless the user says so', async (name, layer) => {
    const error: unknown = await open(name).then(() => undefined, (thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toContain(`that can be pooled is '${layer}' (/16), but the network continues after it with attention, as vision transformers do`);
    expect((error as UserError).hint).toContain(`--layer ${layer}`);
    expect((await open(name, { layer })).layer.name).toBe(layer);
    await expect(open(name, { mode: 'full' })).rejects.toThrow('with attention');
  });
});
