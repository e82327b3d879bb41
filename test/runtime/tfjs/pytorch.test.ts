import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { backward } from '../../../src/autodiff/backward.js';
import { ClassifierGraph } from '../../../src/classifier/classifier.js';
import { openCam, prepareCam } from '../../../src/cam/plan.js';
import type { CamMethodName, CamTargetName } from '../../../src/cam/names.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { NetworkGraph } from '../../../src/classifier/network.js';
import { parseModel } from '../../../src/onnx/file/read.js';
import { DataType } from '../../../src/onnx/tensor.js';
import { serializeModel } from '../../../src/onnx/file/write.js';
import { openRuntime } from '../../../src/runtime/open.js';
import type { Runtime } from '../../../src/runtime/runtime.js';
import { trainableParameters } from '../../../src/train/parameters.js';
import { buildTrainingGraph, gradientOutput, LOSS, TARGETS } from '../../../src/train/training-graph.js';
import type { FixtureTensor } from '../../fixtures/load.js';
import { loadCases, loadTrainingFixture, loadWeightCases } from '../../fixtures/load.js';
import { camRequests, relativeError, repository } from '../../helpers.js';

/** The bar that ONNX Runtime has for the same values: maps, gradients and losses of PyTorch in double precision. */
const TOLERANCE = 1e-4;

let runtime: Runtime;
beforeAll(async () => { ({ runtime } = await openRuntime({ runtime: 'tfjs', device: 'wasm' })); });

const classifierOf = (path: string): ClassifierGraph => new ClassifierGraph(parseModel(readFileSync(path)), 'logits');
const feed = ({ shape, values }: FixtureTensor) => ({ type: 'float32' as const, dims: shape, data: values });

describe('on TensorFlow.js, logits and LayerCAM maps equal PyTorch\'s', () => {
  for (const testCase of loadCases()) {
    it(`${testCase.group}: ${testCase.name}`, async () => {
      const classifier = classifierOf(testCase.modelPath);
      const names = Object.keys(testCase.runs[0].layers);
      const cam = await openCam(prepareCam(classifier, camRequests(classifier.resolveLayers(names))), runtime, { threads: 1 });
      for (const run of testCase.runs) {
        const { logits, maps } = await cam.run(run.input, [run.shape[2], run.shape[3]], run.classes);
        expect(relativeError(logits, run.logits)).toBeLessThan(TOLERANCE);
        classifier.resolveLayers(names).forEach(({ name }, i) => {
          expect([maps[i].height, maps[i].width]).toEqual([run.layers[name].height, run.layers[name].width]);
          expect(relativeError(maps[i].data, run.layers[name].layercam), `map of ${name} at ${run.shape.join('x')}`).toBeLessThan(TOLERANCE);
        });
      }
      await cam.release();
    });
  }
});

interface StoredMethods {
  classes: number[];
  cases: {
    target: CamTargetName; method: CamMethodName; layer: string; topK?: number; finerStrength?: number; shape: [number, number]; maps: string;
  }[];
}

describe('on TensorFlow.js, the maps of every method equal PyTorch\'s', () => {
  for (const name of ['resnet-like', 'vgg-like', 'mobilenet-v2-like', 'googlenet-like']) {
    const { classes, cases } = JSON.parse(readFileSync(resolve(repository, `test/fixtures/cam-methods/${name}.json`), 'utf8')) as StoredMethods;
    const testCase = loadCases('network').find((each) => each.name === name)!;
    for (const { method, target, layer, topK, finerStrength, maps: stored } of cases) {
      it(`${name}: ${method} of ${target} at ${layer}, ${JSON.stringify({ topK, finerStrength })}`, async () => {
        const classifier = classifierOf(testCase.modelPath);
        const [{ input, shape: [, , height, width] }] = testCase.runs;
        const plan = prepareCam(classifier, camRequests(classifier.resolveLayers([layer]), [method]), { target, scoreCamTopK: topK, finerStrength });
        const cam = await openCam(plan, runtime, { threads: 1 });
        const { maps: [{ data }] } = await cam.run(input, [height, width], classes);
        await cam.release();
        const bytes = Buffer.from(stored, 'base64');
        const expected = Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
        if (expected.every((value) => value === 0)) expect(data).toEqual(expected);
        else expect(relativeError(data, expected)).toBeLessThan(TOLERANCE);
      });
    }
  }
});

describe('on TensorFlow.js, gradients of weights and activations equal PyTorch\'s', () => {
  for (const { name, modelPath, weights, activations, runs } of loadWeightCases()) {
    it(name, async () => {
      const targets = [...weights, ...activations];
      const { model, shapes } = new NetworkGraph(parseModel(readFileSync(modelPath)), 'output');
      const b = new GraphBuilder(model.graph);
      const gradients = backward(b, { nodes: model.graph.nodes, shapes, output: { name: 'output', gradient: b.reserve('seed') }, targets });
      const outputs = targets.map((target) => ({ name: b.alias(gradients.get(target)!, `gradient/${target}`), type: DataType.float32, shape: undefined }));
      const inputs = [...model.graph.inputs, { name: 'seed', type: DataType.float32, shape: undefined }];
      const session = await runtime.load(serializeModel({
        ...model, graph: { ...model.graph, nodes: b.nodes, initializers: b.initializers, inputs, outputs },
      }), { threads: 1 });
      for (const run of runs) {
        const results = await session.run({ input: feed(run.input), seed: feed(run.seed) });
        for (const target of targets) {
          const { dims, data } = results[`gradient/${target}`];
          expect(dims, target).toEqual(run.gradients[target].shape);
          expect(relativeError(data as Float32Array, run.gradients[target].values), `gradient of ${target}`).toBeLessThanOrEqual(TOLERANCE);
        }
      }
      await session.release();
    });
  }
});

describe('on TensorFlow.js, a pass of training equals PyTorch\'s', () => {
  it('loss and gradients', async () => {
    const fixture = loadTrainingFixture();
    const { batches: [{ images, targets }], imageShape: [batch, , size] } = fixture;
    const classifier = classifierOf(fixture.modelPath);
    const parameters = trainableParameters(classifier);
    const session = await runtime.load(serializeModel(buildTrainingGraph(classifier, parameters, { images: batch, batch, size })), { threads: 1 });
    const weights = parameters.map(({ name, dims }) => {
      const values = classifier.model.graph.initializers.get(name)!.toFloat32();
      return [name, feed({ shape: [...dims], values })] as const;
    });
    const results = await session.run({ [classifier.input.name]: feed(images), [TARGETS]: feed(targets), ...Object.fromEntries(weights) });
    await session.release();
    expect(Math.abs((results[LOSS].data[0] as number) / fixture.losses[0] - 1)).toBeLessThanOrEqual(TOLERANCE);
    parameters.forEach(({ name }, i) => {
      const { data } = results[gradientOutput(i)];
      expect(relativeError(data as Float32Array, fixture.firstGradients[name].values), name).toBeLessThanOrEqual(TOLERANCE);
    });
  });
});
