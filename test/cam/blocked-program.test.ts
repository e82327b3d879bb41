import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { blockedCamGraph } from '../../src/cam/blocked-program.js';
import { buildCamGraph } from '../../src/cam/gradient-graph.js';
import { camMethods } from '../../src/cam/methods/index.js';
import type { GradientMethod } from '../../src/cam/methods/method.js';
import type { CamMethodName, CamTargetName } from '../../src/cam/names.js';
import { openCam, prepareCam } from '../../src/cam/plan.js';
import type { CamRequest } from '../../src/cam/plan.js';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { parseModel, readModel } from '../../src/onnx/file/read.js';
import type { OnnxModel } from '../../src/onnx/model.js';
import { DataType } from '../../src/onnx/tensor.js';
import { defaultModelPath } from '../../src/package.js';
import { BLOCKED_DOMAIN } from '../../src/runtime/blocked/blocked-graph.js';
import { channelBlock } from '../../src/runtime/blocked/channel-block.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import type { AutodiffCase } from '../fixtures/load.js';
import { loadCase, loadCases } from '../fixtures/load.js';
import { camRequests, relativeError, repository } from '../helpers.js';
import { noise } from '../random.js';

const block = await channelBlock(ortRuntime);
const classifierOf = ({ modelPath }: AutodiffCase): ClassifierGraph => new ClassifierGraph(parseModel(readFileSync(modelPath)), 'logits');

/** The bar for every map against PyTorch in double precision, as in the plain layout. */
const TOLERANCE = 1e-4;

interface StoredMaps {
  target: CamTargetName; method: CamMethodName; layer: string; topK?: number; finerStrength?: number; maps: string;
}

describe.skipIf(block === undefined)('in blocks, maps equal PyTorch\'s', () => {
  for (const testCase of loadCases()) {
    it(`LayerCAM and logits of ${testCase.group}: ${testCase.name}`, async () => {
      const classifier = classifierOf(testCase);
      const names = Object.keys(testCase.runs[0].layers);
      const plan = prepareCam(classifier, camRequests(classifier.resolveLayers(names)), { block });
      await using cam = await openCam(plan, ortRuntime, { threads: 1 });
      for (const run of testCase.runs) {
        const { logits, maps } = await cam.run(run.input, [run.shape[2], run.shape[3]], run.classes);
        expect(relativeError(logits, run.logits)).toBeLessThan(TOLERANCE);
        for (const [i, name] of names.entries()) {
          expect([maps[i].height, maps[i].width]).toEqual([run.layers[name].height, run.layers[name].width]);
          expect(relativeError(maps[i].data, run.layers[name].layercam), `map of ${name} at ${run.shape.join('x')}`).toBeLessThan(TOLERANCE);
        }
      }
    });
  }

  for (const name of ['resnet-like', 'vgg-like', 'mobilenet-v2-like', 'googlenet-like']) {
    it(`all methods with gradients: ${name}`, async () => {
      const testCase = loadCase(name);
      const classifier = classifierOf(testCase);
      const [{ input, shape: [, , height, width] }] = testCase.runs;
      const text = readFileSync(resolve(repository, `test/fixtures/cam-methods/${name}.json`), 'utf8');
      const { classes, cases } = JSON.parse(text) as { classes: number[]; cases: StoredMaps[] };
      for (const { method, target, layer, topK, finerStrength, maps: stored } of cases) {
        if (camMethods[method].kind === 'channels' || topK !== undefined) continue;
        const plan = prepareCam(classifier, camRequests(classifier.resolveLayers([layer]), [method]), { target, finerStrength, block });
        await using cam = await openCam(plan, ortRuntime, { threads: 1 });
        const { maps: [{ data }] } = await cam.run(input, [height, width], classes);
        const bytes = Buffer.from(stored, 'base64');
        const expected = Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
        if (expected.every((value) => value === 0)) expect(data).toEqual(expected);
        else expect(relativeError(data, expected), `${method} of ${target} at ${layer}`).toBeLessThan(TOLERANCE);
      }
    });
  }
});

/**
 * A network [N, 3, H, W] -> `feat_a` (stride 2) -> a depthwise convolution with a stride and a residual block -> `feat_b` (stride 4)
 * -> 4 logits, with ReLU6.
 */
function network(channels: number): OnnxModel {
  const input = { name: 'input', type: DataType.float32, shape: ['N', 3, 'H', 'W'] };
  const b = new GraphBuilder({ nodes: [], initializers: new Map(), inputs: [input] });
  let seed = 0;
  const weights = (...dims: number[]): string => {
    seed++;
    const values = noise(dims.reduce((a, c) => a * c), seed);
    return b.floats(values.map((value) => value * Math.sqrt(3 / (dims[1] * dims[2] * dims[3]))), dims);
  };
  const relu6 = (x: string): string => b.node('Clip', [x, b.floats(0), b.floats(6)]);
  const same = { pads: [1, 1, 1, 1] };
  const first = b.alias(relu6(b.conv('input', weights(channels, 3, 3, 3), { ...same, strides: [2, 2] })), 'feat_a');
  const deep = relu6(b.conv(first, weights(channels, 1, 3, 3), { ...same, strides: [2, 2], group: channels }));
  const second = b.conv(deep, weights(channels, channels, 1, 1));
  const wide = relu6(b.conv(second, weights(2 * channels, channels, 1, 1)));
  const third = b.add(b.conv(wide, weights(channels, 2 * channels, 3, 3), same), second);
  const last = b.alias(relu6(b.conv(third, weights(2 * channels, channels, 1, 1))), 'feat_b');
  b.alias(b.matmul(b.reduceMean(last, [2, 3], false), b.floats(noise(8 * channels, 99), [2 * channels, 4])), 'logits');
  return {
    irVersion: 8, opset: 18, otherOpsets: new Map(), producer: '', metadata: new Map(),
    graph: {
      name: 'network', nodes: b.nodes, initializers: b.initializers, inputs: [input],
      outputs: [{ name: 'logits', type: DataType.float32, shape: ['N', 4] }],
    },
  };
}

describe.skipIf(block === undefined)('in blocks, maps equal those of the plain layout', () => {
  /** Maps and logits of both layouts for some images of one size, as one batch if there are several. */
  async function compare(
    classifier: ClassifierGraph, requests: readonly CamRequest[], size: readonly [number, number], classes: readonly number[][],
  ): Promise<void> {
    await using plain = await openCam(prepareCam(classifier, requests), ortRuntime, { threads: 1 });
    await using blocked = await openCam(prepareCam(classifier, requests, { block, batch: classes.length }), ortRuntime, { threads: 1 });
    const images = classes.map((_, i) => noise(3 * size[0] * size[1], i + 7));
    const found = await Promise.all(images.map((image, i) => blocked.run(image, size, classes[i])));
    for (const [i, image] of images.entries()) {
      const expected = await plain.run(image, size, classes[i]);
      expect(relativeError(found[i].logits, expected.logits)).toBeLessThan(1e-5);
      expected.maps.forEach(({ data, height, width }, j) => {
        expect([found[i].maps[j].height, found[i].maps[j].width]).toEqual([height, width]);
        if (data.every((value) => value === 0)) expect(found[i].maps[j].data).toEqual(data);
        else expect(relativeError(found[i].maps[j].data, data), `map ${j} at ${size.join('x')}`).toBeLessThan(1e-5);
      });
    }
  }

  // Channels that fill blocks of 8 and 16, or do not.
  for (const channels of [16, 24, 8, 12, 20, 10]) {
    it(`${channels} channels: any size, number of classes and batch`, async () => {
      const classifier = new ClassifierGraph(network(channels), 'logits');
      const requests = camRequests(classifier.resolveLayers(['feat_a', 'feat_b']), ['layer-cam', 'grad-cam', 'grad-cam++', 'hires-cam']);
      for (const size of [[64, 48], [33, 21], [7, 50], [5, 5]] as const) {
        for (const classes of [[[2]], [[0, 3]], [[3, 1, 0, 2, 1]], [[1], [0, 2], [3]]]) await compare(classifier, requests, size, classes);
      }
    });
  }

  it('the bundled classifier', async () => {
    const classifier = new ClassifierGraph(await readModel(defaultModelPath()), 'logits');
    const requests = camRequests(classifier.resolveLayers(['/8', '/16', '/32']));
    await compare(classifier, requests, [97, 130], [[7, 11]]);
    await compare(classifier, requests, [64, 32], [[14]]);
  });
});

describe('a CAM program in blocks', () => {
  const programOf = (classifier: ClassifierGraph): OnnxModel => buildCamGraph(
    classifier, classifier.resolveLayers(['feat_a', 'feat_b']).map((layer) => ({ layer, method: camMethods['layer-cam'] as GradientMethod })));

  it('converts nothing but what enters and leaves: no feature map between convolutions and masks', () => {
    const classifier = new ClassifierGraph(network(16), 'logits');
    const { nodes, initializers } = blockedCamGraph(classifier, programOf(classifier), 8).graph;
    const count = (op: string): number => nodes.filter((node) => node.op === op && node.domain === BLOCKED_DOMAIN).length;
    // Six of the forward pass, and the gradients of the five after the first.
    expect(count('Conv')).toBe(6 + 5);
    expect(nodes.filter(({ op, domain }) => op === 'Conv' && domain === '')).toEqual([]);
    // The means of `feat_b` for the logits leave. Maps are summed to one channel in blocks, and the gradient of the means is spread there.
    expect([count('ReorderOutput'), count('ReorderInput')]).toEqual([1, 0]);
    // Activations and the residual sum are parts of convolutions: there is no Clip, and no Add of feature maps.
    expect(nodes.filter(({ op }) => op === 'Clip')).toEqual([]);
    // Every weight is there once, and the matrix of the head.
    const stored = [...initializers.values()].filter(({ type, size }) => type === DataType.float32 && size > 64).length;
    expect(stored).toBe(6 + 5 + 1);
  });

  it('is the program itself if the network does not work at several sizes', () => {
    const model = network(16);
    const reshaped = new GraphBuilder(model.graph);
    reshaped.nodes.splice(reshaped.nodes.findIndex(({ outputs }) => outputs[0] === 'feat_b'));
    const rest = reshaped.reshape(reshaped.nodes.at(-1)!.outputs[0], [1, 16 * 7 * 11]);
    reshaped.alias(reshaped.matmul(rest, reshaped.floats(noise(16 * 7 * 11 * 4, 1), [16 * 7 * 11, 4])), 'other');
    const { graph } = { ...model, graph: { ...model.graph, nodes: reshaped.nodes, initializers: reshaped.initializers } };
    const classifier = new ClassifierGraph(model, 'logits');
    const program: OnnxModel = { ...model, graph: { ...graph, outputs: [{ name: 'other', type: DataType.float32, shape: ['N', 4] }] } };
    expect(blockedCamGraph(classifier, program, 8)).toBe(program);
  });

  it('is for ONNX Runtime on the processor only', async () => {
    const classifier = new ClassifierGraph(network(16), 'logits');
    const plan = prepareCam(classifier, camRequests(classifier.resolveLayers(['feat_a'])), { block: 8 });
    await expect(openCam(plan, { ...ortRuntime, device: 'cuda' }, { threads: 1 })).rejects.toThrow(TypeError);
    await expect(openCam(plan, { ...ortRuntime, name: 'tensorflow.js' }, { threads: 1 })).rejects.toThrow(/blocked layout/);
    expect(await channelBlock({ ...ortRuntime, device: 'webgpu' })).toBeUndefined();
  });
});
