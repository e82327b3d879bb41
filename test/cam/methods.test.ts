import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import { camMethods } from '../../src/cam/methods/index.js';
import { openCam, prepareCam } from '../../src/cam/plan.js';
import type { CamOptions } from '../../src/cam/plan.js';
import { camTargets } from '../../src/cam/target.js';
import { CAM_METHODS, CAM_TARGETS } from '../../src/cam/names.js';
import type { CamMethodName, CamTargetName } from '../../src/cam/names.js';
import { parseModel } from '../../src/onnx/file/read.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import { loadCase } from '../fixtures/load.js';
import { camRequests, relativeError, repository } from '../helpers.js';

interface Stored {
  classes: number[];
  cases: {
    target: CamTargetName; method: CamMethodName; layer: string; topK?: number; finerStrength?: number; shape: [number, number]; maps: string;
  }[];
}

const networks = ['resnet-like', 'vgg-like', 'mobilenet-v2-like', 'googlenet-like'];
const load = (name: string): Stored => JSON.parse(readFileSync(resolve(repository, `test/fixtures/cam-methods/${name}.json`), 'utf8')) as Stored;
const classifierOf = (name: string): ClassifierGraph => new ClassifierGraph(parseModel(readFileSync(loadCase(name).modelPath)), 'logits');

/** Whether a case needs a plan of its own. */
const hasOwnOptions = ({ topK, finerStrength }: Stored['cases'][number]): boolean => topK !== undefined || finerStrength !== undefined;

type Pair = readonly [method: CamMethodName, layer: string];

/** All maps of one plan, by method and layer: every method at every layer, or `pairs`. */
async function mapsOf(
  name: string, layers: readonly string[], classes: readonly number[],
  { methods, pairs, ...options }: CamOptions & { readonly methods: readonly CamMethodName[]; readonly pairs?: readonly Pair[] },
) {
  const classifier = classifierOf(name);
  const [{ input, shape: [, , height, width] }] = loadCase(name).runs;
  const resolved = classifier.resolveLayers(layers);
  const requests = camRequests(resolved, methods)
    .filter(({ method, layer }) => pairs === undefined || pairs.some((pair) => pair[0] === method && pair[1] === layer.name));
  const cam = await openCam(prepareCam(classifier, requests, options), ortRuntime, { threads: 1 });
  const { maps, logits } = await cam.run(input, [height, width], classes);
  await cam.release();
  const at = (method: CamMethodName, layer: string) => (
    maps[requests.findIndex((request) => request.method === method && request.layer.name === layer)]);
  return { at, logits, maps };
}

function expectMaps(actual: { height: number; width: number; data: Float32Array }, expected: Stored['cases'][number], classes: number): void {
  const [height, width] = expected.shape;
  expect([actual.height, actual.width]).toEqual([height, width]);
  const bytes = Buffer.from(expected.maps, 'base64');
  expect(bytes).toHaveLength(4 * classes * height * width);
  for (let k = 0; k < classes; k++) {
    const map = Float32Array.from({ length: height * width }, (_, i) => bytes.readFloatLE(4 * (k * height * width + i)));
    const own = actual.data.subarray(k * height * width, (k + 1) * height * width);
    if (map.every((value) => value === 0)) expect([...own]).toEqual([...map]);
    else expect(relativeError(own, map), `${expected.method} of ${expected.target} at ${expected.layer}, class ${k}`).toBeLessThan(2e-5);
  }
}

describe('maps equal PyTorch\'s', () => {
  for (const name of networks) {
    const { cases, classes } = load(name);
    for (const target of new Set(cases.map((one) => one.target))) {
      it(`${name}, ${target}: all methods and layers of one plan`, async () => {
        const wanted = cases.filter((one) => one.target === target && !hasOwnOptions(one) && one.method !== 'cam');
        const methods = [...new Set(wanted.map(({ method }) => method))];
        const { at, logits } = await mapsOf(name, [...new Set(wanted.map(({ layer }) => layer))], classes, { methods, target, scoreCamBatch: 5 });
        for (const one of wanted) expectMaps(at(one.method, one.layer), one, classes.length);
        expect(relativeError(logits, loadCase(name).runs[0].logits)).toBeLessThan(1e-5);
        expect(wanted.length).toBeGreaterThanOrEqual(6);
      });
    }
    for (const one of cases.filter((each) => each.method === 'cam' || hasOwnOptions(each))) {
      const { method, layer, target, topK: scoreCamTopK, finerStrength } = one;
      it(`${name}, ${method} of ${target} at ${layer}, ${JSON.stringify({ scoreCamTopK, finerStrength })}`, async () => {
        const { at } = await mapsOf(name, [layer], classes, { methods: [method], target, scoreCamTopK, finerStrength });
        expectMaps(at(one.method, one.layer), one, classes.length);
      });
    }
  }

  it('cover every method, on networks with a linear head and with a hidden layer', () => {
    const methodsOf = (name: string): Set<string> => new Set(load(name).cases.map(({ method }) => method));
    // prototype-cam has its own reference: prototype-cam.test.ts.
    expect([...methodsOf('resnet-like'), 'prototype-cam'].sort()).toEqual([...CAM_METHODS].sort());
    expect([...methodsOf('vgg-like'), 'cam', 'prototype-cam'].sort()).toEqual([...CAM_METHODS].sort());
    expect(new Set(load('vgg-like').cases.map(({ target }) => target))).toEqual(new Set(CAM_TARGETS));
    expect(Object.keys(camMethods)).toEqual([...CAM_METHODS]);
  });
});

describe('requests', () => {
  it('are computed and nothing else is, so that CAM can be mixed with methods at other layers', async () => {
    const { classes, cases } = load('resnet-like');
    const picked = [['cam', 'feat_c'], ['layer-cam', 'feat_a'], ['score-cam', 'feat_b'], ['ablation-cam', 'feat_c']] as const;
    const methods = picked.map(([method]) => method);
    const layers = ['feat_a', 'feat_b', 'feat_c'];
    const { at, maps } = await mapsOf('resnet-like', layers, classes, { methods, pairs: picked });
    expect(maps).toHaveLength(picked.length);
    for (const [method, layer] of picked) {
      const expected = cases.find((one) => one.method === method && one.layer === layer && one.target === 'logit' && one.topK === undefined)!;
      expectMaps(at(method, layer), expected, classes.length);
    }
  });

  it('without gradients leave no gradient to compute', () => {
    const classifier = classifierOf('resnet-like');
    const layers = classifier.resolveLayers(['feat_a', 'feat_c']);
    const only = prepareCam(classifier, [{ layer: layers[1], method: 'layer-cam' }, { layer: layers[0], method: 'score-cam' }]);
    const both = prepareCam(classifier, camRequests(layers));
    expect(parseModel(only.gradient!.graph).graph.nodes.length).toBeLessThan(parseModel(both.gradient!.graph).graph.nodes.length);
    expect(only.channels!.requests).toEqual([{ layer: 'feat_a', method: 'score-cam' }]);
  });
});

describe('one class alone', () => {
  it.each(['score-cam', 'layer-cam', 'ablation-cam'] as const)('gets the map that it gets among others: %s', async (method) => {
    const together = await mapsOf('resnet-like', ['feat_b'], [4, 1, 0], { methods: [method], target: 'margin' });
    const alone = await mapsOf('resnet-like', ['feat_b'], [1], { methods: [method], target: 'margin' });
    const { data, height, width } = together.at(method, 'feat_b');
    expect(relativeError(alone.at(method, 'feat_b').data, data.subarray(height * width, 2 * height * width))).toBeLessThan(1e-6);
  });
});

describe('Eigen-CAM', () => {
  it('gives all classes the map of one, and needs no gradient', async () => {
    const { at } = await mapsOf('resnet-like', ['feat_b'], [4, 1], { methods: ['eigen-cam'] });
    const { data, height, width } = at('eigen-cam', 'feat_b');
    expect(data).toHaveLength(2 * height * width);
    expect([...data.subarray(0, height * width)]).toEqual([...data.subarray(height * width)]);
    const classifier = classifierOf('resnet-like');
    const layers = classifier.resolveLayers(['feat_a']);
    const operators = (method: CamMethodName): string[] => (
      parseModel(prepareCam(classifier, camRequests(layers, [method])).gradient!.graph).graph.nodes.map(({ op }) => op));
    const own = classifier.model.graph.nodes.filter(({ op }) => op === 'Conv').length;
    expect(operators('eigen-cam').filter((op) => op === 'Conv' || op === 'ConvTranspose')).toHaveLength(own);
    expect(operators('layer-cam').filter((op) => op === 'Conv' || op === 'ConvTranspose').length).toBeGreaterThan(own);
  });
});

describe('CAM', () => {
  it('takes class weights whatever the target is, and beside other methods', async () => {
    const { classes, cases } = load('resnet-like');
    const { at } = await mapsOf('resnet-like', ['feat_c'], classes, { methods: ['grad-cam', 'cam'], target: 'softmax' });
    for (const [method, target] of [['cam', 'logit'], ['grad-cam', 'softmax']]) {
      const expected = cases.find((one) => one.method === method && one.target === target && one.layer === 'feat_c')!;
      expectMaps(at(expected.method, 'feat_c'), expected, classes.length);
    }
  });

  it.each([
    ['resnet-like', 'feat_a', /is between/, /feat_c/],
    // A ReLU between the 1x1 convolution and pooling.
    ['squeezenet-like', 'feat_c', /Relu/, /relu_49/],
    ['vgg-like', 'feat_b', /Flatten/, /--method grad-cam/],
  ])('is refused where the head is not linear over pooling: %s, %s', (name, layer, message, hint) => {
    const classifier = classifierOf(name);
    const layers = classifier.resolveLayers([layer]);
    expect(() => prepareCam(classifier, camRequests(layers, ['cam']))).toThrow(expect.objectContaining({
      name: 'UserError', message: expect.stringMatching(message) as string, hint: expect.stringMatching(hint) as string,
    }));
  });

  it('may be taken below a 1x1 convolution that is pooled afterwards', () => {
    const classifier = classifierOf('squeezenet-like');
    expect(() => prepareCam(classifier, camRequests(classifier.resolveLayers(['relu_49']), ['cam']))).not.toThrow();
  });
});

describe('a network of batch 1', () => {
  it('takes channels one at a time and gives the same maps', async () => {
    const { classes, cases } = load('resnet-like');
    const model = parseModel(readFileSync(loadCase('resnet-like').modelPath));
    // As exporters write it: a declared batch of 1, and a Reshape to [1, channels] in place of Flatten.
    const nodes = model.graph.nodes.map((node) => (node.op === 'Flatten' ? { ...node, op: 'Reshape', inputs: [node.inputs[0], 'flat_shape'], attributes: {} } : node));
    const { OnnxTensor } = await import('../../src/onnx/tensor.js');
    const graph = {
      ...model.graph, nodes,
      initializers: new Map([...model.graph.initializers, ['flat_shape', OnnxTensor.int64([2], [1, 12])] as const]),
      inputs: model.graph.inputs.map((input) => ({ ...input, shape: [1, 3, 'H', 'W'] })),
    };
    const classifier = new ClassifierGraph({ ...model, graph }, 'logits');
    const plan = prepareCam(classifier, camRequests(classifier.resolveLayers(['feat_c']), ['score-cam', 'ablation-cam']));
    expect(plan.channels!.batch).toBe(1);
    const cam = await openCam(plan, ortRuntime, { threads: 1 });
    const [{ input, shape: [, , height, width] }] = loadCase('resnet-like').runs;
    const { maps } = await cam.run(input, [height, width], classes);
    await cam.release();
    for (const [m, method] of ['score-cam', 'ablation-cam'].entries()) {
      expectMaps(maps[m], cases.find((one) => one.method === method && one.layer === 'feat_c' && one.topK === undefined)!, classes.length);
    }
  });

  it('is told from one that declares it only', () => {
    const model = parseModel(readFileSync(loadCase('vgg-like').modelPath));
    const graph = { ...model.graph, inputs: model.graph.inputs.map((input) => ({ ...input, shape: [1, ...input.shape!.slice(1)] })) };
    const classifier = new ClassifierGraph({ ...model, graph }, 'logits');
    expect(prepareCam(classifier, camRequests(classifier.resolveLayers(['feat_b']), ['score-cam'])).channels!.batch).toBe(16);
  });
});

describe('targets', () => {
  // By hand: z = (1, 3, 2), exp z = (2.71828, 20.08554, 7.38906), their sum 30.19287.
  const logits = [1, 3, 2];
  it.each([
    ['logit', 3, 1],
    ['softmax', 0.66524096, 0.09003057],
    ['sigmoid', 0.95257413, 0.73105858],
    ['log-softmax', -0.40760596, -2.40760596],
    ['margin', 1, -2],
    // The others of the second class: 3 - (2.71828 * 1 + 7.38906 * 2) / 10.10734; of the first: 1 - (20.08554 * 3 + 7.38906 * 2) / 27.47459.
    ['finer', 1.26894142, -1.73105858],
  ] as const)('%s', (name, second, first) => {
    expect(camTargets[name].value(logits, 1)).toBeCloseTo(second, 7);
    expect(camTargets[name].value(logits, 0)).toBeCloseTo(first, 7);
  });

  it('finer compares with the three nearest logits', () => {
    // 7 - alpha * (8 e^8 + 6 e^6 + 5 e^5) / (e^8 + e^6 + e^5), without 4 and 10.
    expect(camTargets.finer.value([4, 8, 7, 6, 10, 5], 2)).toBeCloseTo(7 - 7.64557940, 7);
    expect(camTargets.finer.value([4, 8, 7, 6, 10, 5], 2, { finerStrength: 0.5 })).toBeCloseTo(7 - 3.82278970, 7);
    // The classes are those of the unchanged image: 1, 3 and 5; with 8, 8 and 8 their mean is 8 whatever their weights are.
    expect(camTargets.finer.value([7, 8, 7, 8, 7, 8], 2, { plain: [4, 8, 7, 6, 10, 5] })).toBeCloseTo(-1, 12);
  });

  it('keep their digits for large logits', () => {
    expect(camTargets['log-softmax'].value([1000, 0], 1)).toBe(-1000);
    expect(camTargets.softmax.value([1000, 0], 0)).toBe(1);
  });
});

describe('weights without gradients', () => {
  const weights = (name: 'score-cam' | 'ablation-cam', plain: number, changed: number[]): number[] => {
    const method = camMethods[name];
    if (method.kind !== 'channels') throw new Error('unexpected kind');
    return [...method.weights({ plain, changed: Float64Array.from(changed) })];
  };

  it('of Score-CAM are a softmax over the channels', () => {
    // 1 / (1 + e^-ln 3) = 3/4
    const [a, b] = weights('score-cam', 9, [Math.log(3) + 800, 800]);
    expect(a).toBeCloseTo(0.75, 12);
    expect(b).toBeCloseTo(0.25, 12);
  });

  it('of Ablation-CAM are shares of what the target loses', () => {
    expect(weights('ablation-cam', 4, [1, 4, 6])).toEqual([0.75, 0, -0.5]);
    expect(weights('ablation-cam', -2, [-3])).toEqual([-0.5]);
    expect(weights('ablation-cam', 0, [1])).toEqual([0]);
  });
});
