import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openCam, prepareCam, requirePrototypes } from '../../src/cam/plan.js';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import { classVectors, mergedCentres, positiveCentres } from '../../src/classifier/prototypes.js';
import type { Prototypes } from '../../src/classifier/prototypes.js';
import { preprocessPresets } from '../../src/classifier/spec.js';
import { camProgramModel } from '../../src/maps/cam-program.js';
import { parseModel } from '../../src/onnx/file/read.js';
import { serializeModel } from '../../src/onnx/file/write.js';
import { openRuntime } from '../../src/runtime/open.js';
import type { RuntimeChoice } from '../../src/runtime/open.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import { loadCase } from '../fixtures/load.js';
import { refusal, relativeError } from '../helpers.js';
import { fixture, numbers } from '../prototypes/fixture.js';

const { modelPath, runs: [{ input, shape: [, , height, width], logits: { length: classCount } }] } = loadCase('resnet-like');
const classifier = new ClassifierGraph(parseModel(readFileSync(modelPath)), 'logits');
const layers = classifier.resolveLayers(fixture.layers.map(({ layer }) => layer));
const classes = Array.from({ length: classCount }, (_, i) => `class ${i}`);
const prototypes: Prototypes = {
  path: 'prototypes.npz', hash: 'abc',
  layers: new Map(fixture.layers.map(({ layer, centres, logits, positive }) => [layer, classVectors({
    centres: numbers(centres), channels: centres.shape[1], logits: Int32Array.from(logits), positive: Uint8Array.from(positive),
    members: new Int32Array(logits.length), scores: new Float32Array(logits.length),
  }, classCount)])),
  missing: new Map([[1, 'class 1'], [3, 'class 3']]),
};
const requests = layers.map((layer) => ({ layer, method: 'prototype-cam' as const }));

describe('prototype-cam', () => {
  it.each<RuntimeChoice>([{ runtime: 'ort', device: 'cpu' }, { runtime: 'tfjs', device: 'wasm' }])('has PyTorch\'s mean similarities: $runtime', async (choice) => {
    const { runtime } = await openRuntime(choice);
    const plan = prepareCam(classifier, [...requests, { layer: layers[0], method: 'layer-cam' }], { prototypes, target: 'softmax' });
    const cam = await openCam(plan, runtime, { threads: 1 });
    const { maps } = await cam.run(input, [height, width], fixture.classes);
    expect(maps).toHaveLength(3);
    fixture.layers.forEach(({ maps: expected }, i) => {
      expect([fixture.classes.length, maps[i].height, maps[i].width]).toEqual(expected.shape);
      expect(relativeError(maps[i].data, numbers(expected))).toBeLessThan(1e-5);
    });
    await cam.release();
  });

  it('has the same vectors with the means of positive and negative centres', () => {
    for (const { centres, logits, positive } of fixture.layers) {
      const all = {
        centres: numbers(centres), channels: centres.shape[1], logits: Int32Array.from(logits), positive: Uint8Array.from(positive),
        members: new Int32Array(logits.length).fill(2), scores: new Float32Array(logits.length).fill(0.5),
      };
      const merged = mergedCentres(all);
      expect(merged.logits).toHaveLength(new Set(logits.map((logit, i) => `${logit} ${positive[i]}`)).size);
      expect(merged.members.reduce((sum, count) => sum + count)).toBe(2 * logits.length);
      expect(relativeError(classVectors(merged, classCount).data, classVectors(all, classCount).data)).toBeLessThan(1e-6);
    }
  });

  it('needs no gradient', () => {
    const count = (graph: Uint8Array): number => parseModel(graph).graph.nodes.filter(({ op }) => op === 'Conv' || op === 'ConvTranspose').length;
    const own = classifier.model.graph.nodes.filter(({ op }) => op === 'Conv').length;
    expect(count(prepareCam(classifier, requests, { prototypes }).gradient!.graph)).toBe(own);
  });

  it('is part of a CAM program, which names the prototypes', async () => {
    const loaded = { path: 'network.onnx', graph: classifier, spec: { logits: 'logits', ...preprocessPresets.torchvision, classes }, prototypes };
    const model = camProgramModel(loaded, { requests, input: 'tensor' });
    expect(model.metadata.get('cam_prototypes')).toBe('abc');
    expect(model.metadata.get('cam_classes_without_prototypes')).toBe('["class 1","class 3"]');
    expect(model.metadata.get('cam_layers')).toBe(JSON.stringify(layers.map(({ name }) => `${name}@prototype-cam`)));
    const session = await ortRuntime.load(serializeModel(model), { threads: 1 });
    const results = await session.run({
      image: { type: 'float32', dims: [1, 3, height, width], data: input },
      classes: { type: 'int64', dims: [fixture.classes.length], data: BigInt64Array.from(fixture.classes, BigInt) },
    });
    fixture.layers.forEach(({ maps }, i) => { expect(relativeError(results[`layer_${i}`].data as Float32Array, numbers(maps))).toBeLessThan(1e-5); });
    await session.release();
    const plain = camProgramModel(loaded, { requests: [{ layer: layers[0], method: 'layer-cam' }], input: 'tensor' });
    expect(plain.metadata.has('cam_prototypes')).toBe(false);
  });
});

describe('errors', () => {
  it('says that there are no prototypes, or none at a layer', () => {
    expect(refusal(() => prepareCam(classifier, requests))).toMatchObject({
      message: expect.stringContaining('prototype-cam at \'feat_b\' needs prototypes') as string, hint: expect.stringContaining('--prototypes FILE') as string,
    });
    const [other] = classifier.resolveLayers(['feat_a']);
    const asked = [{ layer: other, method: 'prototype-cam' as const }];
    for (const act of [() => prepareCam(classifier, asked, { prototypes }), () => { requirePrototypes(asked, prototypes); }]) {
      expect(refusal(act)).toMatchObject({
        message: 'the prototypes prototypes.npz have none at the layer \'feat_a\', only at feat_b, feat_c',
        hint: expect.stringContaining('--layers feat_b,feat_c,feat_a') as string,
      });
    }
    expect(() => { requirePrototypes([{ layer: other, method: 'layer-cam' }], undefined); }).not.toThrow();
  });

  it('refuses a class without prototypes, and knows one that has some', async () => {
    const cam = await openCam(prepareCam(classifier, requests, { prototypes }), ortRuntime, { threads: 1 });
    await expect(cam.run(input, [height, width], [0, 3])).rejects.toThrow('the prototypes prototypes.npz have none of the class \'class 3\'');
    expect(cam.someClass).toBe(0);
    await cam.release();
    const others = await openCam(prepareCam(classifier, [{ layer: layers[0], method: 'layer-cam' }], { prototypes }), ortRuntime, { threads: 1 });
    await expect(others.run(input, [height, width], [3])).resolves.toBeDefined();
    await others.release();
  });
});

describe('positive centres', () => {
  it('have at least a share of the best score', () => {
    // 0.6 * 0.5 = 0.3
    expect([...positiveCentres([0.1, 0.5, 0.299, 0.3], 0.6)]).toEqual([0, 1, 0, 1]);
    expect([...positiveCentres([0.1, 0.5], 0)]).toEqual([1, 1]);
    // A class whose maps are zero everywhere: nothing is known, so all are positive.
    expect([...positiveCentres([0, 0], 0.6)]).toEqual([1, 1]);
  });
});
