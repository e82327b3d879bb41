import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { trainClassifier } from '../../../src/train/workflow/train-classifier.js';
import type { TrainOptions } from '../../../src/train/workflow/train-classifier.js';
import { makeDevkit } from '../../pipeline/tiny.js';
import type { TinyDevkit } from '../../pipeline/tiny.js';

let devkit: TinyDevkit;
beforeAll(async () => {
  devkit = await makeDevkit(Object.fromEntries(['boat', 'cow', 'boat', 'cow'].map((name, i) => [`${name}${i}`, [70, 60, [name]]])));
});
afterAll(() => rm(devkit.folder, { recursive: true }));

it('is stopped by a signal and goes on from there, and prints nothing', async () => {
  const printed = [vi.spyOn(process.stderr, 'write'), vi.spyOn(process.stdout, 'write')];
  const options: TrainOptions = {
    settings: {
      mode: 'full', backbone: devkit.model, out: join(devkit.folder, 'trained.onnx'), vocRoot: devkit.root, split: 'train', labels: 'xml',
      crop: 64, resize: [64, 72], batchSize: 2, epochs: 2, workers: 1, threads: 1,
    },
  };
  const stop = new AbortController();
  const steps: [step: number, unit: string][] = [];
  const running: boolean[] = [];
  const onWork = (_: number, unit: string) => ({
    advance: (step: number) => {
      steps.push([step, unit]);
      stop.abort();
    },
    stop: () => undefined,
  });
  expect(await trainClassifier({ ...options, signal: stop.signal, onWork, onFineTuning: (runs) => { running.push(runs); } })).toBeUndefined();
  // Four photographs in batches of two: the first of four steps.
  expect([steps, running]).toEqual([[[1, 'steps']], [true, false]]);

  const messages: string[] = [];
  const result = await trainClassifier({ ...options, onMessage: (text) => { messages.push(text); } });
  expect(messages).toContain('continuing at step 1 of 4');
  expect(result).toMatchObject({ listed: 4, report: { mode: 'full', images: 4, epoch: 2, missing: 0, failures: [] } });
  for (const spy of printed) expect(spy).not.toHaveBeenCalled();
});
