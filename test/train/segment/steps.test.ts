import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { NetworkGraph } from '../../../src/classifier/network.js';
import { ClassSet } from '../../../src/datasets/classes/class-set.js';
import { parseModel } from '../../../src/onnx/file/read.js';
import { serializeModel } from '../../../src/onnx/file/write.js';
import type { OnnxModel } from '../../../src/onnx/model.js';
import { DataType } from '../../../src/onnx/tensor.js';
import { ortRuntime } from '../../../src/runtime/ort/ort.js';
import { studentParameters } from '../../../src/train/segment/decoder.js';
import { ABSENT, cachedTensors, segmentBatches } from '../../../src/train/segment/pass.js';
import { countCells, writeTargets } from '../../../src/train/segment/targets.js';
import { Trainer } from '../../../src/train/trainer.js';
import { fixtureTensor } from '../../fixtures/load.js';

/** The bars of `training-step.test.ts`: losses, and parameters relative to how far ten steps moved them. */
const TOLERANCE = 1e-4;
const MOVED_TOLERANCE = 3e-4;

type Tensors = Record<string, { shape: number[]; values: string }>;

const folder = new URL('../../fixtures/segment-step/', import.meta.url);
const fixture = JSON.parse(readFileSync(new URL('steps.json', folder), 'utf8')) as {
  frozen: string; labels: number; settings: { factor: number; weightDecay: number }; imageShape: [number, number, number, number];
  batches: { images: string; labels: string; classes: number[][] }[]; losses: number[]; rates: number[];
  firstGradients: Tensors; afterFirst: Tensors; afterLast: Tensors;
};
const [images, channels, height, width] = fixture.imageShape;
const classes = new ClassSet({ name: 'test', classes: ['a', 'b', 'c', 'd'] });
const student = new NetworkGraph(parseModel(readFileSync(new URL('network.onnx', folder))), 'logits', [height, width]);
const parameters = studentParameters(student, { name: fixture.frozen });
const [cells, columns] = [height * width / 16, width / 4];

/** The frozen part of the network, image in, `feat` out. */
async function features(pixels: Uint8Array): Promise<Float32Array> {
  const { model } = student;
  const graph = { ...model.graph, outputs: [{ name: fixture.frozen, type: DataType.float32, shape: undefined }] };
  const session = await ortRuntime.load(serializeModel({ ...model, graph }), { threads: 1 });
  const data = Float32Array.from(pixels, (pixel) => pixel / 64 - 2);
  const results = await session.run({ input: { type: 'float32', dims: fixture.imageShape, data } });
  await session.release();
  return results[fixture.frozen].data as Float32Array;
}

async function inputsOf({ images: pixels, labels, classes: own }: typeof fixture.batches[number]): Promise<Float32Array[]> {
  const maps = Buffer.from(labels, 'base64');
  const counted = own.map((list, i) => {
    const data = maps.subarray(i * height * width, (i + 1) * height * width);
    return countCells({ width, height, data }, list, [height, width], classes);
  });
  const total = counted.reduce((sum, each) => sum + each.total, 0);
  const targets = new Float32Array(images * fixture.labels * cells);
  const present = new Float32Array(images * fixture.labels).fill(ABSENT);
  counted.forEach((each, i) => {
    writeTargets(each, columns, false, total, targets.subarray(i * fixture.labels * cells, (i + 1) * fixture.labels * cells));
    for (const label of each.labels) present[i * fixture.labels + label] = 0;
  });
  return [await features(Buffer.from(pixels, 'base64')), targets, present];
}

function expectParameters(model: OnnxModel, expected: Tensors, when: string): void {
  const numbersOf = (of: OnnxModel, name: string): Float32Array => of.graph.initializers.get(name)!.toFloat32();
  for (const [name, tensor] of Object.entries(expected)) {
    const before = numbersOf(student.model, name);
    const actual = numbersOf(model, name);
    const moved = Math.max(...fixtureTensor(fixture.afterLast[name]).values.map((value, i) => Math.abs(value - before[i])));
    const difference = Math.max(...fixtureTensor(tensor).values.map((value, i) => Math.abs(actual[i] - value)));
    expect(difference / moved, `${name} ${when}`).toBeLessThanOrEqual(MOVED_TOLERANCE);
  }
}

describe('steps of a student equal PyTorch\'s', () => {
  it('what is trained, and what is read from the cache', () => {
    expect(parameters.map(({ name }) => name).sort()).toEqual(Object.keys(fixture.afterLast).sort());
    expect(cachedTensors(student, fixture.frozen, [height, width])).toEqual([{ name: fixture.frozen, dims: [8, height / 4, width / 4] }]);
    expect(channels).toBe(3);
  });

  it.each([1, 2])('ten steps of AdamW on the softmax over the labels of each image, on %i threads', async (threads) => {
    const kind = segmentBatches(student, parameters, cachedTensors(student, fixture.frozen, [height, width]), fixture.labels, [height / 4, columns]);
    const trainer = await Trainer.of(student.model, parameters, [kind], {
      batchSize: images, threads, runtime: { runtime: 'ort' }, optimiser: 'adamw', momentum: 0.9, weightDecay: fixture.settings.weightDecay,
      headRate: fixture.settings.factor, average: false,
    });
    for (const [t, batch] of fixture.batches.entries()) {
      const loss = await trainer.passOf(0, await inputsOf(batch));
      expect(Math.abs(loss / fixture.losses[t] - 1), `loss of step ${t}`).toBeLessThanOrEqual(TOLERANCE);
      await trainer.update(fixture.rates[t]);
      if (t === 0) expectParameters(trainer.model('weights'), fixture.afterFirst, 'after the first step');
    }
    expectParameters(trainer.model('weights'), fixture.afterLast, 'after the last step');
    await trainer.release();
  });
});
