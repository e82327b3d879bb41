import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { XMLValidator } from 'fast-xml-parser';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import { readModel } from '../../src/onnx/file/read.js';
import type { OnnxModel } from '../../src/onnx/model.js';
import { fineTune } from '../../src/train/fine-tune.js';
import type { FineTuneOptions, FineTuneResult, FineTuneSettings } from '../../src/train/fine-tune.js';
import { trainableParameters } from '../../src/train/parameters.js';
import { photograph, tinySpec, writeTinyClassifier } from '../pipeline/tiny.js';

let folder: string;
let classifier: ClassifierGraph;
let samples: { path: string; labels: number[] }[];

const settings: FineTuneSettings = {
  epochs: 3, batchSize: 4, accumulate: 1, schedule: { rate: 0.1, warmUp: 0.1, decay: 'poly' }, optimiser: 'sgd', momentum: 0.9, weightDecay: 1e-4, headRate: 2,
  average: 0.9, sampler: 'shuffle', seed: 5,
  augmentation: { crop: 64, resize: [64, 80], flip: true, jitter: { brightness: 0.2, contrast: 0.2, saturation: 0.2 } },
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-fine-tune-'));
  const model = join(folder, 'tiny.onnx');
  await writeTinyClassifier(model, { classes: ['dark', 'bright'] });
  classifier = new ClassifierGraph(await readModel(model), 'logits', [64, 64]);
  samples = [];
  for (let i = 0; i < 12; i++) {
    const path = join(folder, `${i}.png`);
    const bright = i % 2 === 1;
    await sharp(await photograph(i, 90, 70)).linear(0.3, bright ? 150 : 10).png().toFile(path);
    samples.push({ path, labels: [bright ? 1 : 0] });
  }
});
afterAll(() => rm(folder, { recursive: true }));

async function train(name: string, changes: Partial<FineTuneOptions> = {}): Promise<FineTuneResult> {
  return fineTune({
    classifier, normalisation: tinySpec, parameters: trainableParameters(classifier), samples, settings, identity: {}, folder: join(folder, name),
    resume: true, threads: 2, workers: 1, checkpointEvery: 100, ...changes,
  });
}

function numbers(model: OnnxModel): number[][] {
  return trainableParameters(classifier).map(({ name }) => [...model.graph.initializers.get(name)!.toFloat32()]);
}

const log = async (name: string): Promise<Record<string, number>[]> => (await readFile(join(folder, name, 'log.jsonl'), 'utf8'))
  .trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, number>);

describe('training on photographs', () => {
  it('learns, and keeps a log and a page of it', async () => {
    const { epochs, steps, interrupted, failures } = await train('learn', { settings: { ...settings, epochs: 12 } });
    expect(steps).toBe(36);
    expect(interrupted).toBe(false);
    expect(failures).toEqual([]);
    expect(epochs.map(({ epoch }) => epoch)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    // Two classes of which always one is present: log 2 is what a coin would get.
    expect(epochs[11].loss).toBeLessThan(0.5 * Math.log(2));
    const lines = await log('learn');
    expect(lines.filter(({ step }) => step !== undefined).map(({ step }) => step)).toEqual(Array.from({ length: 36 }, (_, i) => i + 1));
    const mean = lines.slice(0, 3).reduce((sum, { loss }) => sum + loss, 0) / 3;
    expect(lines[3]).toEqual({ epoch: 1, loss: mean });
    expect(XMLValidator.validate(await readFile(join(folder, 'learn', 'training.html'), 'utf8'))).toBe(true);
  });

  it('comes to the same result after interruptions, and the log to the same lines', async () => {
    const whole = await train('whole');
    expect(numbers(whole.model)).not.toEqual(numbers(classifier.model));
    // Stops in the middle of an epoch, goes on, stops at the end of one, goes on.
    let stops = [5, 6];
    for (let runs = 0; runs < 3; runs++) {
      const stop = new AbortController();
      const count = (steps: number): void => { if (steps === stops[0]) stop.abort(); };
      const part = await train('parts', { onStart: count, onStep: count, signal: stop.signal });
      expect(part.interrupted).toBe(runs < 2);
      expect(part.steps).toBe([5, 6, 9][runs]);
      stops = stops.slice(1);
      if (runs === 2) {
        expect(numbers(part.model)).toEqual(numbers(whole.model));
        expect(part.epochs).toEqual(whole.epochs);
      }
    }
    const position = (line: Record<string, number>): number => line.step ?? 3 * line.epoch + 0.5;
    const inOrder = async (name: string) => (await log(name)).sort((a, b) => position(a) - position(b));
    expect(await inOrder('parts')).toEqual(await inOrder('whole'));
  });

  it('depends on the seed, and not on the number of workers', async () => {
    const once = { settings: { ...settings, epochs: 1 } };
    const [one, two] = [await train('one', once), await train('two', { ...once, workers: 2 })];
    expect(numbers(two.model)).toEqual(numbers(one.model));
    const other = await train('other', { settings: { ...once.settings, seed: 6 } });
    expect(numbers(other.model)).not.toEqual(numbers(one.model));
  });

  it('does not go on with other settings', async () => {
    await train('changed', { settings: { ...settings, epochs: 1 } });
    const changed = { settings: { ...settings, epochs: 2 } };
    await expect(train('changed', changed)).rejects.toThrow('from a run with other settings');
    expect((await train('changed', { ...changed, resume: false })).steps).toBe(6);
  });

  it('trains only what is asked for', async () => {
    const parameters = trainableParameters(classifier).filter(({ head }) => head);
    const { model } = await train('head', { parameters, settings: { ...settings, epochs: 1 } });
    const [before, after] = [numbers(classifier.model), numbers(model)];
    expect(after.slice(0, -1)).toEqual(before.slice(0, -1));
    expect(after.at(-1)).not.toEqual(before.at(-1));
  });

  it('tells which epoch was the best', async () => {
    const scores = [0.5, 0.7, 0.6];
    const best: number[] = [];
    let asked = 0;
    const { epochs } = await train('best', {
      validate: () => Promise.resolve(scores[asked++]),
      onEpoch: ({ epoch }, _, isBest) => {
        if (isBest) best.push(epoch);
        return Promise.resolve();
      },
    });
    expect(epochs.map(({ map }) => map)).toEqual(scores);
    expect(best).toEqual([1, 2]);
  });

  it('stops where the loss is no number any more, and says where', async () => {
    const exploding = { ...settings, schedule: { ...settings.schedule, rate: 1e30 } };
    await expect(train('exploding', { settings: exploding })).rejects.toThrow(/the loss is (NaN|Infinity) at step \d+ \(epoch 1, learning rate .*\), for the photographs .*\.png/);
  });

  it('leaves out photographs that cannot be read, and wants enough for a batch', async () => {
    const broken = join(folder, 'broken.png');
    await mkdir(join(folder, 'few'), { recursive: true });
    await writeFile(broken, 'no photograph');
    const { failures } = await train('broken', { samples: [...samples, { path: broken, labels: [0] }], settings: { ...settings, epochs: 4 } });
    expect(failures.map(({ path }) => path)).toEqual([broken]);
    await expect(train('few', { samples: samples.slice(0, 3) })).rejects.toThrow('3 photographs do not fill a batch of 4');
  });
});
