import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import type { OnnxModel } from '../../src/onnx/model.js';
import { parseModel } from '../../src/onnx/file/read.js';
import { serializeModel } from '../../src/onnx/file/write.js';
import type { RuntimeChoice } from '../../src/runtime/open.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import { trainableParameters } from '../../src/train/parameters.js';
import { Trainer } from '../../src/train/trainer.js';
import { buildTrainingGraph, gradientOutput, TARGETS } from '../../src/train/training-graph.js';
import type { FixtureTensor, TrainingFixture } from '../fixtures/load.js';
import { loadTrainingFixture } from '../fixtures/load.js';
import { relativeError } from '../helpers.js';

/** The bar for losses and gradients against PyTorch in double precision. */
const TOLERANCE = 1e-4;

/**
 * The bar for parameters, relative to how far the ten steps moved them: rounding adds up, and PyTorch's own float32 ends
 * up to 3e-5 away. A slip in the update (no decay, Nesterov's momentum, a rate of the wrong step, ...) is beyond 6e-4.
 */
const MOVED_TOLERANCE = 3e-4;

const fixture = loadTrainingFixture();
const { settings, batches, imageShape: [batchSize, , imageSize] } = fixture;

function classifierOf(): ClassifierGraph {
  return new ClassifierGraph(parseModel(readFileSync(fixture.modelPath)), 'logits');
}

function trainerOf(imagesPerPass: number, threads = 1, runtime: RuntimeChoice = { runtime: 'ort' }): Promise<Trainer> {
  const classifier = classifierOf();
  return Trainer.create(classifier, trainableParameters(classifier), {
    optimiser: 'sgd', momentum: settings.momentum, weightDecay: settings.weightDecay, headRate: settings.headFactor, average: true,
    batchSize: imagesPerPass, imageSize, threads, runtime,
  });
}

function numbersOf(model: OnnxModel, name: string): Float32Array {
  return model.graph.initializers.get(name)!.toFloat32();
}

/** Compares all parameters of a model with what PyTorch has after the same steps. */
function expectParameters(model: OnnxModel, expected: TrainingFixture['afterLast'], when: string): void {
  const initial = classifierOf().model;
  for (const [name, { values }] of Object.entries(expected)) {
    const [before, actual] = [initial, model].map((of) => numbersOf(of, name));
    const last = fixture.afterLast[name].values;
    const moved = Math.max(...last.map((value, i) => Math.abs(value - before[i])));
    const difference = Math.max(...values.map((value, i) => Math.abs(actual[i] - value)));
    expect(difference / moved, `${name} ${when}`).toBeLessThanOrEqual(MOVED_TOLERANCE);
  }
}

describe('which weights are trained', () => {
  it('are all kernels and biases; the head is the last of them; kernels decay', () => {
    const parameters = trainableParameters(classifierOf());
    expect(Object.fromEntries(parameters.map(({ name, dims, head, decays }) => [name, { dims, head, decays }]))).toEqual(
      Object.fromEntries(Object.entries(fixture.afterLast).map(([name, { shape }]) => [
        name, { dims: shape, head: fixture.head.includes(name), decays: shape.length > 1 },
      ])),
    );
  });
});

describe('training steps equal PyTorch\'s', () => {
  it('the gradients of a pass', async () => {
    const classifier = classifierOf();
    const parameters = trainableParameters(classifier);
    const graph = buildTrainingGraph(classifier, parameters, { images: batchSize, batch: batchSize, size: imageSize });
    const session = await ortRuntime.load(serializeModel(graph), { threads: 1 });
    const feed = ({ shape, values }: FixtureTensor) => ({ type: 'float32' as const, dims: shape, data: values });
    const [{ images, targets }] = batches;
    const results = await session.run({
      [classifier.input.name]: feed(images), [TARGETS]: feed(targets),
      ...Object.fromEntries(parameters.map(({ name, dims }) => [name, { type: 'float32' as const, dims, data: numbersOf(classifier.model, name) }])),
    });
    await session.release();
    parameters.forEach(({ name, dims }, i) => {
      const { dims: actual, data } = results[gradientOutput(i)];
      expect(actual).toEqual(dims);
      expect(relativeError(data as Float32Array, fixture.firstGradients[name].values), name).toBeLessThanOrEqual(TOLERANCE);
    });
  });

  // Batches of four: in one worker, in two, in three of which one has two images, in four and one to spare.
  it.each([
    [1, { runtime: 'ort' }], [2, { runtime: 'ort' }], [3, { runtime: 'ort' }], [5, { runtime: 'ort' }], [2, { runtime: 'tfjs', device: 'wasm' }],
  ] as const)('ten steps on %i threads of %o: the loss of each, the weights after the first and the last, their moving average', async (threads, runtime) => {
    const trainer = await trainerOf(batchSize, threads, runtime);
    expect(trainer.runtime).toMatch(runtime.runtime === 'ort' ? /^onnxruntime/ : /wasm/);
    expect(trainer.workerCount).toBe(Math.min(threads, batchSize));
    for (const [t, { images, targets }] of batches.entries()) {
      const loss = await trainer.pass(images.values, targets.values);
      expect(Math.abs(loss / fixture.losses[t] - 1), `loss of step ${t}`).toBeLessThanOrEqual(TOLERANCE);
      await trainer.update(fixture.rates[t], settings.averageDecay);
      if (t === 0) expectParameters(trainer.model('weights'), fixture.afterFirst, 'after the first step');
    }
    expectParameters(trainer.model('weights'), fixture.afterLast, 'after the last step');
    expectParameters(trainer.model('average'), fixture.average, 'on average');
    await trainer.release();
  });

  it('the same in two runs, bit by bit', async () => {
    const results: OnnxModel[] = [];
    for (let run = 0; run < 2; run++) {
      const trainer = await trainerOf(batchSize, 3);
      for (const { images, targets } of batches.slice(0, 3)) {
        await trainer.pass(images.values, targets.values);
        await trainer.update(0.01, 0.9);
      }
      results.push(trainer.model('weights'));
      await trainer.release();
    }
    for (const { name } of trainableParameters(classifierOf())) expect(numbersOf(results[1], name)).toEqual(numbersOf(results[0], name));
  });

  it.each([1, 2])('a batch in two halves on %i threads, the gradients accumulated', async (threads) => {
    const trainer = await trainerOf(batchSize / 2, threads);
    const [{ images, targets }] = batches;
    const halves = (values: Float32Array): Float32Array[] => [values.subarray(0, values.length / 2), values.subarray(values.length / 2)];
    const losses: number[] = [];
    for (const half of [0, 1]) losses.push(await trainer.pass(halves(images.values)[half], halves(targets.values)[half]));
    expect(Math.abs((losses[0] + losses[1]) / 2 / fixture.losses[0] - 1)).toBeLessThanOrEqual(TOLERANCE);
    await trainer.update(fixture.rates[0], settings.averageDecay);
    expectParameters(trainer.model('weights'), fixture.afterFirst, 'after the first step');
    await trainer.release();
  });
});
