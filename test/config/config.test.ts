import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadClassifier } from '../../src/cam/load.js';
import { loadConfig } from '../../src/config/load.js';
import { mergeSpecs, preprocessPresets, readSidecar, requireSpec } from '../../src/config/model-spec.js';
import { UserError } from '../../src/errors.js';
import { VOC_CLASSES } from '../../src/voc/classes.js';
import { tinySpec, writeTinyClassifier } from '../seeds/tiny.js';

let folder: string;
let model: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-config-'));
  model = join(folder, 'model.onnx');
  await writeTinyClassifier(model);
});
afterAll(() => rm(folder, { recursive: true }));

describe('loadConfig', () => {
  const schema = z.strictObject({ one: z.number().default(1), two: z.number().max(10).default(2), three: z.string().optional() });

  async function load(text: string | undefined, flags: Record<string, unknown> = {}) {
    if (text === undefined) return loadConfig(schema, undefined, flags);
    const file = join(folder, 'config.yaml');
    await writeFile(file, text);
    return loadConfig(schema, file, flags);
  }

  it('takes flags before the file, and the file before defaults', async () => {
    expect(await load(undefined)).toEqual({ one: 1, two: 2 });
    expect(await load('two: 5\nthree: x\n', { three: 'y' })).toEqual({ one: 1, two: 5, three: 'y' });
    expect(await load('two: 5\n', { two: undefined })).toEqual({ one: 1, two: 5 });
    expect(await load('{"one": 3}')).toEqual({ one: 3, two: 2 });
  });

  it('takes an empty file for one without settings', async () => {
    expect(await load('')).toEqual({ one: 1, two: 2 });
    expect(await load('# nothing yet\n')).toEqual({ one: 1, two: 2 });
  });

  it('refuses what is wrong, all of it in one line', async () => {
    const error: unknown = await load('one: text\ntwo: 11\nfour: 4\n').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    const { message } = error as UserError;
    for (const part of ['config.yaml', 'one: ', 'two: ', '"four"']) expect(message).toContain(part);
    expect(message).not.toContain('\n');
    await expect(load('just text')).rejects.toThrow('no list of settings');
    await expect(loadConfig(schema, join(folder, 'nowhere.yaml'), {})).rejects.toThrow(`cannot read the configuration ${join(folder, 'nowhere.yaml')}`);
  });
});

describe('the specification of a model', () => {
  const sidecar = (ending: string): string => `${model}.${ending}`;
  afterEach(async () => { for (const ending of ['json', 'yaml', 'yml']) await rm(sidecar(ending), { force: true }); });

  it('comes from flags, then from the file beside the model, then from its metadata', async () => {
    expect((await loadClassifier(model)).spec).toEqual(tinySpec);
    await writeFile(sidecar('yaml'), 'channelOrder: rgb\nscale: 2\n');
    expect((await loadClassifier(model)).spec).toEqual({ ...tinySpec, channelOrder: 'rgb', scale: 2 });
    expect((await loadClassifier(model, { scale: 3, mean: [1, 2, 3] })).spec).toEqual({ ...tinySpec, channelOrder: 'rgb', scale: 3, mean: [1, 2, 3] });
  });

  it.each([['json', '{"scale": 7}'], ['yaml', 'scale: 7'], ['yml', 'scale: 7']])('reads a sidecar in .%s', async (ending, text) => {
    expect(await readSidecar(model)).toEqual({});
    await writeFile(sidecar(ending), text);
    expect(await readSidecar(model)).toEqual({ scale: 7 });
  });

  it.each([
    ['json', '{"scale": ', 'neither JSON nor YAML'], ['yaml', 'scale: no', 'scale: '], ['yaml', 'scales: 1', 'Unrecognized key: "scales"'],
    ['yaml', 'std: [1, 0, 1]', 'std.1: '], ['yaml', 'mean: 5', 'mean: '], ['json', '[]', 'expected object'], ['json', '', 'expected object'],
  ])('refuses a sidecar that is wrong: .%s %j', async (ending, text, message) => {
    await writeFile(sidecar(ending), text);
    await expect(loadClassifier(model)).rejects.toThrow(message);
    await expect(loadClassifier(model)).rejects.toThrow(`${model}.${ending}`);
  });

  it.each([['{"scale": ', 'is not JSON'], ['{"scale": "x"}', 'scale: '], ['{"colour": 1}', 'Unrecognized key']])('refuses metadata that is wrong: %j', async (metadata, message) => {
    const path = join(folder, 'metadata.onnx');
    await writeTinyClassifier(path, { metadata });
    await expect(loadClassifier(path)).rejects.toThrow(message);
    await expect(loadClassifier(path)).rejects.toThrow(path);
  });

  it('that is not complete is refused with the flags that are missing', () => {
    const call = (): unknown => requireSpec({ scale: 1, mean: [0, 0, 0] }, 'm.onnx', ['logits', 'channelOrder', 'scale', 'mean', 'std', 'classes'], 'its outputs are prob, aux');
    expect(call).toThrow('m.onnx does not say its logits, channelOrder, std, classes');
    try {
      call();
    } catch (error) {
      const { hint } = error as UserError;
      for (const flag of ['--logits', '--channel-order', '--preprocess', '--std', '--classes', 'm.onnx.yaml', 'prob, aux']) expect(hint).toContain(flag);
      expect(hint).not.toContain('--mean');
    }
    expect(requireSpec({ scale: 1 }, 'm.onnx', ['scale'])).toEqual({ scale: 1 });
  });

  it('must name as many classes as there are logits', async () => {
    await expect(loadClassifier(model, { classes: ['cat', 'dog'] })).rejects.toThrow(`${model} has 20 logits in 'logits', but 2 class names are given`);
    expect((await loadClassifier(model)).spec.classes).toEqual([...VOC_CLASSES]);
  });

  it('merges part by part', () => {
    expect(mergeSpecs({ metadata: { scale: 1, logits: 'a' }, sidecar: { scale: 2 }, flags: {} })).toEqual({ scale: 2, logits: 'a' });
    expect(mergeSpecs({ metadata: {}, sidecar: { scale: 2, logits: 'b' }, flags: { logits: 'c' } })).toEqual({ scale: 2, logits: 'c' });
  });

  it('has presets that give what the frameworks document', () => {
    const value = (name: string, pixel: number, channel: number): number => {
      const { scale, mean, std } = preprocessPresets[name];
      return (pixel * scale - mean[channel]) / std[channel];
    };
    // torchvision: ToTensor, then Normalize. TensorFlow: -1..1. Caffe: mean pixel of ILSVRC in BGR.
    expect(value('torchvision', 255, 0)).toBeCloseTo((1 - 0.485) / 0.229, 12);
    expect(value('torchvision', 0, 2)).toBeCloseTo(-0.406 / 0.225, 12);
    expect([value('tensorflow', 0, 1), value('tensorflow', 127.5, 1), value('tensorflow', 255, 1)]).toEqual([-1, 0, 1]);
    expect([0, 1, 2].map((channel) => value('caffe', 128, channel))).toEqual([24, 11, 5]);
    expect(preprocessPresets.caffe.channelOrder).toBe('bgr');
  });
});
