import { readdirSync } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import sharp from 'sharp';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import { chooseLayers } from '../../src/cam/layer-choice.js';
import type { ChosenLayers } from '../../src/cam/layer-choice.js';
import { prepareCam } from '../../src/cam/plan.js';
import { DEFAULT_LAYERS } from '../../src/cam/names.js';
import { readModel } from '../../src/onnx/file/read.js';
import { run } from '../cli/terminal.js';
import { camRequests, repository } from '../helpers.js';

const folder = resolve(repository, 'test/fixtures/conformance');
const models = readdirSync(folder).filter((file) => file.endsWith('.onnx')).sort();
const read = async (name: string) => new ClassifierGraph(await readModel(join(folder, `${name}.onnx`)), 'logits');

interface Inspection {
  operators: { name: string; gradient: boolean }[];
  layers: { alias?: string }[];
  problem?: string;
}

describe('model inspect', () => {
  for (const file of models) {
    it(`${file}: lists layers at several strides, and no operator is in their way`, async () => {
      const { code, stdout } = await run('model', 'inspect', join(folder, file), '--logits', 'logits', '--json');
      expect(code).toBe(0);
      const { operators, layers, problem } = JSON.parse(stdout) as Inspection;
      expect(problem).toBeUndefined();
      expect(operators.filter(({ gradient }) => !gradient)).toEqual([]);
      expect(layers.filter(({ alias }) => alias !== undefined).length).toBeGreaterThanOrEqual(file.startsWith('vit') ? 1 : 2);
    });
  }

  it('tells how a layer lies in its tensor', async () => {
    const vit = await run('model', 'inspect', join(folder, 'vit.onnx'), '--logits', 'logits');
    expect(vit.stdout).toMatch(/^ {2}\/16 .*12 channels, stride 16, tokens 4x4 after 1, not rectified$/m);
    expect(vit.stdout).toMatch(/^size {5}64x64 only$/m);
    const swin = await run('model', 'inspect', join(folder, 'swin.onnx'), '--logits', 'logits');
    expect(swin.stdout).toMatch(/^ {2}\/8 .*16 channels, stride 8, channels last, not rectified$/m);
  });
});

describe('the default layers', () => {
  const layersOf = ({ requests }: ChosenLayers) => requests.map(({ layer }) => layer);

  it('are all there in a network with three stages behind stride 4', async () => {
    const whole = chooseLayers(await read('resnet_basic'), DEFAULT_LAYERS, 'layer-cam');
    expect([whole.missing, layersOf(whole).map(({ stride }) => stride)]).toEqual([[], [8, 16, 32]]);
  });

  it('are those that there are in a dilated network and in a vision transformer', async () => {
    const dilated = chooseLayers(await read('resnet_dilated'), DEFAULT_LAYERS, 'layer-cam');
    expect([dilated.missing, layersOf(dilated).map(({ name }) => name)]).toEqual([['/16', '/32'], ['/layer4/layer4.0/relu_2/Relu_output_0']]);
    const transformer = chooseLayers(await read('vit'), DEFAULT_LAYERS, 'layer-cam');
    expect([transformer.missing, layersOf(transformer).map(({ stride }) => stride)]).toEqual([['/8', '/32'], [16]]);
  });

  it('with methods of their own, as presets have them, are treated alike', async () => {
    const { missing, names } = chooseLayers(await read('vit'), ['/8', '/16', '/32@grad-cam'], 'layer-cam');
    expect([missing, names]).toEqual([['/8', '/32@grad-cam'], ['/encoder/layers/encoder_layer_1/Add_1_output_0@layer-cam']]);
  });

  it('others than the default ones have to be there', async () => {
    const network = await read('resnet_dilated');
    expect(() => chooseLayers(network, ['/8', '/16'], 'layer-cam')).toThrow('no feature layer at stride 16');
  });
});

it('methods that change channels are refused at layers that are no maps of channels', async () => {
  const network = await read('vit');
  expect(() => prepareCam(network, camRequests(network.resolveLayers(['/16']), ['score-cam']))).toThrow(/Score-CAM and Ablation-CAM do not work at/);
});

describe('cam', () => {
  let work: string;
  beforeAll(async () => { work = await mkdtemp(join(tmpdir(), 'voc-seeds-conformance-')); });
  afterAll(() => rm(work, { recursive: true }));

  it('of a vision transformer: at the layers and the size that it has, which is said', async () => {
    const photo = join(work, 'photo.png');
    await sharp({ create: { width: 90, height: 70, channels: 3, background: '#84c' } }).png().toFile(photo);
    const classes = join(work, 'classes.txt');
    await writeFile(classes, 'ant\nbee\ncat\ndog\neel\n');
    const { code, stderr } = await run('cam', photo, '--model', join(folder, 'vit.onnx'), '--logits', 'logits', '--preprocess', 'torchvision', '--classes', classes, '--class', 'cat');
    expect([code, stderr]).toEqual([0, expect.stringContaining('using /encoder/layers/encoder_layer_1/Add_1_output_0 (/16)')]);
    expect((await stat(join(work, 'photo-cat.png'))).size).toBeGreaterThan(0);
  });
});
