import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import type { LoadedClassifier } from '../../src/classifier/load.js';
import { loadClassifier } from '../../src/classifier/load.js';
import { preprocessPresets } from '../../src/classifier/spec.js';
import type { CamMethodName, CamTargetName } from '../../src/cam/names.js';
import { camProgramModel } from '../../src/maps/cam-program.js';
import { fusedInGraph } from '../../src/maps/fusion-graph.js';
import { DEFAULT_FUSION } from '../../src/maps/fusion.js';
import type { FusionOptions } from '../../src/maps/fusion.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { parseModel } from '../../src/onnx/file/read.js';
import { serializeModel } from '../../src/onnx/file/write.js';
import type { OnnxModel, OnnxValueInfo } from '../../src/onnx/model.js';
import { DataType } from '../../src/onnx/tensor.js';
import { camInput, loadCamFixtures, loadCase, loadCases, samePixels } from '../fixtures/load.js';
import { hasShared, camRequests, refusal, relativeError, repository, shared } from '../helpers.js';

/** A network of the fixtures, whose preprocessing is of no interest. */
function loaded(name: string): LoadedClassifier {
  const { modelPath, runs } = loadCase(name);
  const graph = new ClassifierGraph(parseModel(readFileSync(modelPath)), 'logits');
  const classes = Array.from(runs[0].logits, (_, i) => `class ${i}`);
  return { path: modelPath, graph, spec: { logits: 'logits', ...preprocessPresets.torchvision, classes } };
}

interface Result { readonly dims: readonly number[]; readonly data: Float32Array }

/** Runs a model with ONNX Runtime alone, as another program would. */
async function runAlone(model: OnnxModel, feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Result>> {
  const session = await InferenceSession.create(serializeModel(model));
  const results = await session.run(feeds);
  await session.release();
  return Object.fromEntries(Object.entries(results).map(([name, { dims, data }]) => [name, { dims, data: data as Float32Array }]));
}

const int64 = (values: readonly number[]): Tensor => new Tensor('int64', BigInt64Array.from(values, BigInt), [values.length]);
const floats = (text: string): Float32Array => {
  const bytes = Buffer.from(text, 'base64');
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
};

/** Each map relative to its own largest value. */
function expectMaps(actual: Float32Array, expected: Float32Array, area: number, limit: number, what: string): void {
  expect(actual, what).toHaveLength(expected.length);
  for (let start = 0; start < expected.length; start += area) {
    const [own, wanted] = [actual, expected].map((maps) => maps.subarray(start, start + area));
    if (wanted.every((value) => value === 0)) expect([...own]).toEqual([...wanted]);
    else expect(relativeError(own, wanted), what).toBeLessThan(limit);
  }
}

describe('a program that ONNX Runtime runs alone gives PyTorch\'s maps', () => {
  for (const { name, runs } of loadCases('network')) {
    it(`LayerCAM of every layer, at every size: ${name}`, async () => {
      const classifier = loaded(name);
      const layers = classifier.graph.resolveLayers(Object.keys(runs[0].layers));
      const model = camProgramModel(classifier, { requests: camRequests(layers), input: 'tensor' });
      expect(model.graph.outputs.map((output) => output.name)).toEqual(['logits', ...layers.map((_, i) => `layer_${i}`)]);
      for (const run of runs) {
        for (const k of [1, run.classes.length]) {
          const results = await runAlone(model, { image: new Tensor('float32', run.input, run.shape), classes: int64(run.classes.slice(0, k)) });
          expect(relativeError(results.logits.data, run.logits)).toBeLessThan(1e-5);
          layers.forEach((layer, i) => {
            const { height, width, layercam } = run.layers[layer.name];
            const { dims, data } = results[`layer_${i}`];
            expect(dims).toEqual([k, height, width]);
            expectMaps(data, layercam.subarray(0, k * height * width), height * width, 5e-5, `${layer.name} at ${run.shape.join('x')}`);
          });
        }
      }
    });
  }

  it('other methods and targets', async () => {
    interface Stored {
      classes: number[];
      cases: { target: CamTargetName; method: CamMethodName; layer: string; finerStrength?: number; shape: [number, number]; maps: string }[];
    }
    const { classes, cases } = JSON.parse(readFileSync(resolve(repository, 'test/fixtures/cam-methods/resnet-like.json'), 'utf8')) as Stored;
    const classifier = loaded('resnet-like');
    const [{ input, shape }] = loadCase('resnet-like').runs;
    const wanted = cases.filter(({ method }) => !['score-cam', 'ablation-cam', 'cam'].includes(method));
    const kinds = new Map(wanted.map(({ target, finerStrength }) => [`${target} ${finerStrength}`, { target, finerStrength }]));
    for (const { target, finerStrength } of kinds.values()) {
      const own = wanted.filter((one) => one.target === target && one.finerStrength === finerStrength);
      const requests = own.map(({ layer, method }) => ({ layer: classifier.graph.resolveLayers([layer])[0], method }));
      const model = camProgramModel(classifier, { requests, target, finerStrength, input: 'tensor' });
      const results = await runAlone(model, { image: new Tensor('float32', input, shape), classes: int64(classes) });
      own.forEach((one, i) => { expectMaps(results[`layer_${i}`].data, floats(one.maps), one.shape[0] * one.shape[1], 2e-5, `${one.method} ${target} ${one.layer}`); });
    }
    expect(new Set(wanted.map(({ method }) => method)).size).toBeGreaterThanOrEqual(7);
    expect(new Set(wanted.map(({ target }) => target)).size).toBeGreaterThanOrEqual(4);
  });

  interface StoredFusion {
    classes: number;
    layers: Record<string, { shape: [number, number]; maps: string }[]>;
    cases: { name: string; layers: string; size: [number, number]; options: FusionOptions; maps: string }[];
  }
  const fusion = JSON.parse(readFileSync(resolve(repository, 'test/fixtures/cam-fusion/fusion.json'), 'utf8')) as StoredFusion;
  for (const { name, layers, size, options, maps } of fusion.cases) {
    it(`fusion: ${name}`, async () => {
      const parts = fusion.layers[layers];
      const inputs: OnnxValueInfo[] = [
        ...parts.map((_, i) => ({ name: `part_${i}`, type: DataType.float32, shape: ['K', null, null] })),
        { name: 'size', type: DataType.int64, shape: [2] },
      ];
      const b = new GraphBuilder({ nodes: [], initializers: new Map(), inputs });
      b.alias(fusedInGraph(b, parts.map((_, i) => `part_${i}`), 'size', options), 'fused');
      const { fused } = await runAlone({
        irVersion: 8, opset: 18, otherOpsets: new Map(), producer: '', metadata: new Map(),
        graph: { name: 'fusion', nodes: b.nodes, initializers: b.initializers, inputs, outputs: [{ name: 'fused', type: DataType.float32, shape: ['K', null, null] }] },
      }, {
        ...Object.fromEntries(parts.map((part, i) => [`part_${i}`, new Tensor('float32', floats(part.maps), [fusion.classes, ...part.shape])])), size: int64(size),
      });
      expect(fused.dims).toEqual([fusion.classes, ...size]);
      const expected = floats(maps);
      expect(Math.max(...expected.map((value, i) => Math.abs(value - fused.data[i])))).toBeLessThan(2e-6);
    });
  }
});

describe.skipIf(!hasShared)('programs of real classifiers take pixels and give PyTorch\'s maps', () => {
  for (const fixture of loadCamFixtures()) {
    it(fixture.name, async () => {
      const { order, mean, divisor } = fixture.preprocess;
      const classes = readFileSync(resolve(shared, `models/labels_${fixture.name.startsWith('google') ? 1000 : 1001}.txt`), 'utf8').trim().split('\n');
      const classifier = await loadClassifier(resolve(shared, fixture.model), {
        logits: 'logits', channelOrder: order === 'RGB' ? 'rgb' : 'bgr', scale: 1, mean, std: [divisor, divisor, divisor], classes,
      });
      const requests = camRequests(classifier.graph.resolveLayers(fixture.layers));
      const [pixels, tensor] = (['pixels', 'tensor'] as const).map((input) => camProgramModel(classifier, { requests, input }));
      for (const run of fixture.runs) {
        const { left, top, width, height } = run.window;
        const photo = await sharp(resolve(shared, run.image)).extract({ left, top, width, height }).removeAlpha().raw().toBuffer();
        expect(samePixels(photo, run)).toBe(true);
        const results = await runAlone(pixels, { image: new Tensor('uint8', Uint8Array.from(photo), [1, height, width, 3]), classes: int64(run.classes) });
        const direct = await runAlone(tensor, {
          image: new Tensor('float32', camInput(photo, run, fixture.preprocess), [1, 3, height, width]), classes: int64(run.classes),
        });
        run.classes.forEach((c, i) => { expect(results.logits.data[c]).toBeCloseTo(run.logits[i], 3); });
        fixture.layers.forEach((name, i) => {
          const { height: h, width: w, layercam } = run.layers[name];
          expectMaps(results[`layer_${i}`].data, layercam, h * w, 1e-3, `${run.image} ${name}`);
          // The preprocessing gives the same numbers to the last bit.
          expect(results[`layer_${i}`].data).toEqual(direct[`layer_${i}`].data);
        });
      }
    });
  }
});

describe('a program', () => {
  it('keeps its own names apart from those of the network', () => {
    const classifier = loaded('resnet-like');
    const requests = camRequests(classifier.graph.resolveLayers(['feat_a']));
    const { graph } = camProgramModel(classifier, { requests, fusion: DEFAULT_FUSION, input: 'pixels', sizeInput: true });
    expect(graph.inputs.map(({ name, type, shape }) => [name, type, shape])).toEqual([
      ['image', DataType.uint8, [1, 'height', 'width', 3]], ['classes', DataType.int64, ['K']], ['size', DataType.int64, [2]],
    ]);
    expect(graph.outputs.map(({ name }) => name)).toEqual(['logits', 'maps', 'layer_0']);
    // Every tensor is made once.
    const made = [...graph.inputs.map(({ name }) => name), ...graph.initializers.keys(), ...graph.nodes.flatMap(({ outputs }) => outputs)];
    expect(new Set(made).size).toBe(made.length);
    expect(graph.nodes.every(({ domain }) => domain === '')).toBe(true);
  });

  it('has class names, layers, target and fusion in its metadata', () => {
    const classifier = loaded('resnet-like');
    const requests = camRequests(classifier.graph.resolveLayers(['feat_a', 'feat_c']), ['grad-cam']);
    const { metadata } = camProgramModel(classifier, { requests, target: 'softmax', fusion: DEFAULT_FUSION, input: 'pixels' });
    expect(JSON.parse(metadata.get('cam_classes')!)).toEqual(classifier.spec.classes);
    expect(JSON.parse(metadata.get('cam_layers')!)).toEqual(['feat_a@grad-cam', 'feat_c@grad-cam']);
    expect(JSON.parse(metadata.get('cam_fusion')!)).toEqual(DEFAULT_FUSION);
    expect(metadata.get('cam_target')).toBe('softmax');
    expect(metadata.has('cam_finer_strength')).toBe(false);
    const finer = camProgramModel(classifier, { requests, target: 'finer', finerStrength: 0.6, input: 'pixels' });
    expect(finer.metadata.get('cam_finer_strength')).toBe('0.6');
    expect(metadata.get('cam_version')).toMatch(/^voc-seeds \d/);
    expect(metadata.get('cam_input')).toContain('RGB');
    expect(camProgramModel(classifier, { requests, input: 'tensor' }).metadata.has('cam_fusion')).toBe(false);
  });

  it('cannot have methods that need several runs', () => {
    const classifier = loaded('resnet-like');
    const layers = classifier.graph.resolveLayers(['feat_c']);
    for (const method of ['score-cam', 'ablation-cam'] as const) {
      const { message, hint } = refusal(() => camProgramModel(classifier, { requests: camRequests(layers, [method]), input: 'pixels' }));
      expect(message).toBe(`${method} at 'feat_c' runs the network once per channel, which a CAM program cannot do`);
      expect(hint).toContain('cam, grad-cam, grad-cam++, xgrad-cam, hires-cam, layer-cam, eigen-cam, eigengrad-cam');
    }
  });
});
