import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadClassifier } from '../../src/classifier/load.js';
import { MODEL_SPEC_KEY, preprocessPresets } from '../../src/classifier/spec.js';
import { UserError } from '../../src/errors.js';
import { annotateModel } from '../../src/onnx/file/metadata.js';
import { writeModel } from '../../src/onnx/file/write.js';
import { loadCase } from '../fixtures/load.js';
import { linearHead, smallModel } from '../onnx/small-model.js';

const classes = ['a', 'b', 'c', 'd', 'e'];
const spec = { logits: 'logits', ...preprocessPresets.torchvision, classes };

let folder: string;
let model: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-classifier-'));
  model = join(folder, 'model.onnx');
  await annotateModel(loadCase('resnet-like').modelPath, model, new Map([[MODEL_SPEC_KEY, JSON.stringify(spec)]]));
});
afterEach(async () => { await rm(folder, { recursive: true }); });

describe('loadClassifier', () => {
  it('takes the specification from the metadata', async () => {
    const loaded = await loadClassifier(model);
    expect(loaded.spec).toEqual(spec);
    expect([loaded.path, loaded.graph.classCount, loaded.graph.input.name]).toEqual([model, 5, 'input']);
  });

  it('prefers a file beside the model, and flags above all', async () => {
    await writeFile(`${model}.yaml`, 'channelOrder: bgr\nscale: 2\n');
    expect((await loadClassifier(model, { scale: 3 })).spec).toEqual({ ...spec, channelOrder: 'bgr', scale: 3 });
  });

  it('names all that is not told anywhere', async () => {
    const error: unknown = await loadClassifier(loadCase('resnet-like').modelPath, { logits: 'logits' }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toMatch(/channelOrder, scale, mean, std, classes$/);
  });

  it('wants one class name per logit', async () => {
    await expect(loadClassifier(model, { classes: ['one'] })).rejects.toThrow(/5 logits in 'logits', but 1 class names/);
  });

  it('of probabilities takes the scores before them, and says which are', async () => {
    const probabilities = smallModel((b, x) => b.alias(b.sigmoid(linearHead(b, x)), 'probs'));
    await writeModel(model, probabilities);
    const flags = { ...preprocessPresets.torchvision, classes };
    const loaded = await loadClassifier(model, { ...flags, logits: 'probs' });
    expect([loaded.spec.logits, loaded.graph.logits, loaded.graph.activation?.op]).toEqual(['logits', 'logits', 'Sigmoid']);
    const error: unknown = await loadClassifier(model, flags).catch((reason: unknown) => reason);
    expect((error as UserError).hint).toContain('its outputs are probs (after Sigmoid; the scores before it are \'logits\')');
  });

  it('names the file if the network cannot be used', async () => {
    const custom = smallModel(linearHead);
    const nodes = custom.graph.nodes.map((node) => (node.op === 'Gemm' ? { ...node, op: 'FusedGemm', domain: 'com.microsoft' } : node));
    await writeModel(model, { ...custom, graph: { ...custom.graph, nodes } });
    await expect(loadClassifier(model, { ...preprocessPresets.torchvision, classes, logits: 'logits' }))
      .rejects.toThrow(`${model}: com.microsoft.FusedGemm '`);
  });
});
