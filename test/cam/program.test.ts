import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import { buildCamGraph } from '../../src/cam/gradient-graph.js';
import { camMethods } from '../../src/cam/methods/index.js';
import type { GradientMethod } from '../../src/cam/methods/method.js';
import type { FeatureLayer } from '../../src/classifier/layers.js';
import type { CamRunner } from '../../src/cam/plan.js';
import { openCam, prepareCam } from '../../src/cam/plan.js';
import { UserError } from '../../src/errors.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import type { OnnxModel } from '../../src/onnx/model.js';
import { parseModel } from '../../src/onnx/file/read.js';
import { DataType } from '../../src/onnx/tensor.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import type { AutodiffCase } from '../fixtures/load.js';
import { loadCase, loadCases } from '../fixtures/load.js';
import { noise } from '../random.js';
import { camRequests } from '../helpers.js';

const layerCamAt = (layers: readonly FeatureLayer[]) => layers.map((layer) => ({ layer, method: camMethods['layer-cam'] as GradientMethod }));
const classifierOf = ({ modelPath }: AutodiffCase): ClassifierGraph => new ClassifierGraph(parseModel(readFileSync(modelPath)), 'logits');

async function load(classifier: ClassifierGraph, layers: readonly string[]): Promise<CamRunner> {
  return openCam(prepareCam(classifier, camRequests(classifier.resolveLayers(layers))), ortRuntime, { threads: 1 });
}

/** The error that is thrown, which must be meant for the user. */
function userError(action: () => unknown): { message: string; hint: string } {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    const { message, hint } = error as UserError;
    return { message, hint: hint ?? '' };
  }
  throw new Error('nothing was thrown');
}

/** A network [N, 3, H, W] -> feat_a -> the part under test -> logits. */
function network(part: (b: GraphBuilder, x: string) => string, classes = 4): OnnxModel {
  const input = { name: 'input', type: DataType.float32, shape: ['N', 3, 'H', 'W'] };
  const b = new GraphBuilder({ nodes: [], initializers: new Map(), inputs: [input] });
  const feature = b.alias(b.relu(b.conv('input', b.floats(noise(4 * 3, 1), [4, 3, 1, 1]))), 'feat_a');
  b.alias(part(b, feature), 'logits');
  return {
    irVersion: 8, opset: 18, otherOpsets: new Map(), producer: '', metadata: new Map(),
    graph: { name: 'network', nodes: b.nodes, initializers: b.initializers, inputs: [input], outputs: [{ name: 'logits', type: DataType.float32, shape: ['N', classes] }] },
  };
}

const head = (b: GraphBuilder, x: string): string => b.matmul(b.reduceMean(x, [2, 3], false), b.floats(noise(16, 2), [4, 4]));

describe('classes', () => {
  for (const { name } of loadCases('network')) {
    it(`of one run are the classes of single runs, in the order asked for: ${name}`, async () => {
      const testCase = loadCase(name);
      const program = await load(classifierOf(testCase), Object.keys(testCase.runs[0].layers));
      const [{ input, shape: [, , height, width] }] = testCase.runs;
      const order = [3, 0, 4, 0];
      const together = await program.run(input, [height, width], order);
      for (const [k, c] of order.entries()) {
        const alone = await program.run(input, [height, width], [c]);
        expect(alone.logits).toEqual(together.logits);
        alone.maps.forEach((maps, i) => {
          const area = maps.height * maps.width;
          expect(maps.data).toHaveLength(area);
          const part = together.maps[i].data.subarray(k * area, (k + 1) * area);
          const scale = Math.max(...maps.data);
          part.forEach((value, at) => { expect(Math.abs(value - maps.data[at])).toBeLessThanOrEqual(1e-6 * scale); });
        });
      }
      await program.release();
    });
  }
});

describe('the program of a layer', () => {
  const layer = 'feat_c';
  const convolutionsAbove = { 'resnet-like': 0, 'googlenet-like': 0, 'mobilenet-v1-like': 1, 'squeezenet-like': 1 };
  for (const [name, convolutions] of Object.entries(convolutionsAbove)) {
    it(`differentiates nothing below it: ${name}`, () => {
      const classifier = classifierOf(loadCase(name));
      const { nodes, initializers } = classifier.model.graph;
      const programOf = (...layers: string[]) => buildCamGraph(classifier, layerCamAt(classifier.resolveLayers(layers))).graph;
      const forward = nodes.length;
      const below = new Set(nodes.slice(0, nodes.findIndex(({ outputs }) => outputs[0] === layer) + 1));
      const belowTensors = new Set([...below].flatMap(({ inputs, outputs }) => [...inputs, ...outputs]).filter((tensor) => tensor !== layer));
      const added = programOf(layer).nodes.slice(forward);
      // Of all that lies below the layer, the added nodes read nothing: no activation and no weight.
      expect(added.flatMap(({ inputs }) => inputs).filter((tensor) => belowTensors.has(tensor))).toEqual([]);
      // Nor is a weight from there laid out anew: the only convolutions are those of the convolutions above.
      expect(added.filter(({ op }) => op === 'Conv')).toHaveLength(convolutions);
      const all = programOf('feat_a', layer);
      expect(all.nodes.length - forward).toBeGreaterThan(2 * added.length);
      // The forward pass itself is unchanged but for the positions of the maxima, and there is no gradient of a weight.
      expect(all.nodes.slice(0, forward).map(({ op, inputs }) => ({ op, inputs }))).toEqual(nodes.map(({ op, inputs }) => ({ op, inputs })));
      for (const [tensor, weight] of initializers) expect(all.initializers.get(tensor)).toBe(weight);
    });
  }

  it('returns logits and maps only, under fixed names', () => {
    const classifier = classifierOf(loadCase('resnet-like'));
    const { inputs, outputs } = buildCamGraph(classifier, layerCamAt(classifier.resolveLayers(['feat_a', 'feat_b']))).graph;
    expect(inputs.map(({ name }) => name)).toEqual(['input', 'cam/classes']);
    expect(outputs.map(({ name }) => name)).toEqual(['cam/logits', 'cam/map_0', 'cam/map_1']);
  });

  it('takes layers in any order and gives them shallowest first', async () => {
    const testCase = loadCase('resnet-like');
    const [{ input, shape, classes, layers }] = testCase.runs;
    const program = await load(classifierOf(testCase), ['feat_c', 'feat_a', 'feat_b']);
    const result = await program.run(input, [shape[2], shape[3]], classes);
    await program.release();
    expect(result.maps.map(({ height }) => height)).toEqual(['feat_a', 'feat_b', 'feat_c'].map((name) => layers[name].height));
  });

  it('needs at least one layer', () => {
    expect(userError(() => buildCamGraph(classifierOf(loadCase('resnet-like')), [])).message).toContain('at least one layer');
  });
});

describe('logits', () => {
  it('may be [N, C, 1, 1]', async () => {
    const flat = network(head);
    const weights = noise(16, 2);
    const transposed = Float32Array.from(weights, (_, i) => weights[(i % 4) * 4 + Math.floor(i / 4)]);
    const convolved = network((b, x) => b.conv(b.reduceMean(x, [2, 3]), b.floats(transposed, [4, 4, 1, 1])));
    const image = noise(3 * 5 * 6, 4);
    const [a, b] = await Promise.all([flat, convolved].map(async (model) => {
      const program = await load(new ClassifierGraph(model, 'logits'), ['feat_a']);
      const result = await program.run(image, [5, 6], [2, 1]);
      await program.release();
      return result;
    }));
    expect(b.logits).toHaveLength(4);
    a.logits.forEach((value, i) => { expect(b.logits[i]).toBeCloseTo(value, 6); });
    expect(Math.max(...a.maps[0].data)).toBeGreaterThan(0);
    a.maps[0].data.forEach((value, i) => { expect(b.maps[0].data[i]).toBeCloseTo(value, 6); });
  });

  it('are refused where they are a feature map or do not exist', () => {
    const model = network((b, x) => b.relu(x));
    expect(userError(() => new ClassifierGraph(model, 'logits')).message).toMatch(/'logits' has the shape \[\?, 4, \?, \?\]/);
    const unknown = userError(() => new ClassifierGraph(model, 'scores'));
    expect(unknown.message).toContain('no tensor called \'scores\'');
    expect(unknown.hint).toContain('logits');
  });

  it('must be as many as the class names', () => {
    const classifier = new ClassifierGraph(network(head), 'logits');
    expect(() => { classifier.requireClasses(['a', 'b', 'c', 'd'], 'model.onnx'); }).not.toThrow();
    expect(userError(() => { classifier.requireClasses(['a', 'b'], 'model.onnx'); }).message).toMatch(/model\.onnx has 4 logits.*2 class names/);
  });
});

describe('layers that cannot be used', () => {
  it('unknown names and strides are listed with what there is', () => {
    const classifier = classifierOf(loadCase('resnet-like'));
    const name = userError(() => classifier.resolveLayers(['layer4']));
    expect(name.message).toContain('\'layer4\'');
    expect(name.hint).toMatch(/\/2, .*\/8/);
    expect(userError(() => classifier.resolveLayers(['/64']))).toEqual({ message: expect.stringContaining('stride 64') as string, hint: expect.stringContaining('/8') as string });
    expect(userError(() => classifier.resolveLayers(['feat_a', 'feat_a'])).message).toContain('named twice');
  });

  it('a layer that the logits do not depend on is no layer', () => {
    const classifier = classifierOf(loadCase('unused-branch'));
    const names = new Set(classifier.layers.map(({ name }) => name));
    const unused = parseModel(readFileSync(loadCase('unused-branch').modelPath)).graph.nodes.map(({ outputs }) => outputs[0]).filter((name) => !names.has(name));
    expect(unused.length).toBeGreaterThan(0);
    expect(names.has('feat_a')).toBe(true);
  });

  it('an operator without gradient rule is named, with its node and the tensors above it', () => {
    const model = network((b, x) => head(b, b.relu(b.alias(b.node('ThresholdedRelu', [x]), 'odd'))));
    const classifier = new ClassifierGraph(model, 'logits');
    const error = userError(() => buildCamGraph(classifier, layerCamAt(classifier.resolveLayers(['feat_a']))));
    expect(error.message).toMatch(/operator ThresholdedRelu has no gradient rule: ThresholdedRelu 'ThresholdedRelu_\d+'/);
    expect(error.hint).toContain('odd');
    // What lies above it still works.
    expect(() => buildCamGraph(classifier, layerCamAt(classifier.resolveLayers(['odd'])))).not.toThrow();
  });

  it('an operator of another domain is named with its domain', () => {
    const model = network(head);
    const nodes = model.graph.nodes.map((node) => (node.op === 'ReduceMean' ? { ...node, domain: 'com.example' } : node));
    const custom = { ...model, otherOpsets: new Map([['com.example', 1]]), graph: { ...model.graph, nodes } };
    expect(userError(() => new ClassifierGraph(custom, 'logits')).message).toMatch(/^com\.example\.ReduceMean 'ReduceMean_\d+' is a custom operator/);
  });

  it('weights and other operands that depend on the layer are no silent zero', () => {
    const dynamic = (part: (b: GraphBuilder, x: string, pooled: string) => string) => {
      const classifier = new ClassifierGraph(network((b, x) => part(b, x, b.reduceMean(x, [2, 3], false))), 'logits');
      return userError(() => buildCamGraph(classifier, layerCamAt(classifier.resolveLayers(['feat_a'])))).message;
    };
    expect(dynamic((b, _, pooled) => b.pow(b.exp(pooled), pooled))).toMatch(/Pow/);
    // The weights of the convolution are the layer's own mean.
    expect(dynamic((b, x, pooled) => head(b, b.mul(x, b.conv(x, b.reshape(b.reduceMean(pooled, [0]), [1, 4, 1, 1])))))).toMatch(/Conv/);
  });
});

describe('a network of one input size', () => {
  it('runs at that size and knows it', async () => {
    const testCase = loadCase('vgg-like');
    const classifier = classifierOf(testCase);
    const [{ shape, input, classes, logits }] = testCase.runs;
    expect(classifier.input.fixedSize).toEqual([shape[2], shape[3]]);
    const program = await load(classifier, Object.keys(testCase.runs[0].layers));
    const result = await program.run(input, [shape[2], shape[3]], classes);
    await program.release();
    logits.forEach((value, i) => { expect(result.logits[i]).toBeCloseTo(value, 4); });
  });

  it('that declares a free size is refused with the way out, and works once its size is given', () => {
    const model = parseModel(readFileSync(loadCase('vgg-like').modelPath));
    const [{ shape }] = loadCase('vgg-like').runs;
    const inputs = model.graph.inputs.map((input) => ({ ...input, shape: ['N', shape[1], 'H', 'W'] }));
    const free = { ...model, graph: { ...model.graph, inputs } };
    const error = userError(() => new ClassifierGraph(free, 'logits'));
    expect(error.message).toContain('does not work at');
    expect(error.hint).toContain('--model-input-size');
    expect(new ClassifierGraph(free, 'logits', [shape[2], shape[3]]).classCount).toBe(5);
  });

  it('cannot be given another', () => {
    const model = parseModel(readFileSync(loadCase('vgg-like').modelPath));
    expect(userError(() => new ClassifierGraph(model, 'logits', [64, 64])).message).toContain('64x64');
  });
});
