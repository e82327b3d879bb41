import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import type { CamPlan, CamRunner } from '../../src/cam/plan.js';
import { openCam, prepareCam } from '../../src/cam/plan.js';
import { parseModel } from '../../src/onnx/file/read.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import type { Runtime, RuntimeTensor } from '../../src/runtime/runtime.js';
import { loadCase } from '../fixtures/load.js';
import { camRequests } from '../helpers.js';

/** A device whose results are those of the processor, changed. */
function device(name: string, change: (output: string, value: number, i: number) => number): Runtime & { loaded: number; released: number } {
  const runtime = {
    ...ortRuntime, device: name, loaded: 0, released: 0,
    load: async (...words: Parameters<Runtime['load']>) => {
      const session = await ortRuntime.load(...words);
      runtime.loaded++;
      const release = async (): Promise<void> => {
        runtime.released++;
        await session.release();
      };
      return {
        run: async (feeds: Readonly<Record<string, RuntimeTensor>>) => {
          const results = await session.run(feeds);
          return Object.fromEntries(Object.entries(results).map(([output, tensor]): [string, RuntimeTensor] => (
            [output, tensor.type === 'float32' ? { ...tensor, data: tensor.data.map((value, i) => change(output, value, i)) } : tensor])));
        },
        release, [Symbol.asyncDispose]: release,
      };
    },
  };
  return runtime;
}

const testCase = loadCase('resnet-like');
const classifier = new ClassifierGraph(parseModel(readFileSync(testCase.modelPath)), 'logits');
const plan = (batch = 1): CamPlan => prepareCam(classifier, camRequests(classifier.resolveLayers(Object.keys(testCase.runs[0].layers))), { batch });
const open = (runtime: Runtime, batch?: number): Promise<CamRunner> => openCam(plan(batch), runtime, { threads: 1 });

describe('an accelerator', () => {
  it.each([1, 4])('that computes what the processor computes, but for rounding, is used (batch %i)', async (batch) => {
    const gpu = device('cuda', (_, value, i) => value * (1 + (i % 2 === 0 ? 1e-4 : -1e-4)));
    const runner = await open(gpu, batch);
    expect(gpu.loaded - gpu.released).toBe(1);
    await runner.release();
  });

  it('that makes another map at one layer is refused', async () => {
    const gpu = device('webgpu', (output, value) => (output === 'cam/map_1' ? value * 0.9 : value));
    await expect(open(gpu)).rejects.toThrow('the device \'webgpu\' makes other maps of this network than the processor: they differ by 10.0 % on average');
    expect(gpu.released).toBe(gpu.loaded);
  });

  it('whose maps are not numbers is refused', async () => {
    await expect(open(device('webgpu', (output, value) => (output === 'cam/map_0' ? NaN : value)))).rejects.toThrow('makes other maps');
  });

  it('with other logits is refused', async () => {
    await expect(open(device('webgpu', (output, value, i) => (output === 'cam/logits' && i === 0 ? value + 100 : value)))).rejects.toThrow('makes other maps');
  });

  it('that cannot run the program is refused, with its reason', async () => {
    const gpu = device('webgpu', () => { throw new Error('The Indices output is not supported yet.\nat somewhere'); });
    await expect(open(gpu)).rejects.toMatchObject({
      message: 'the device \'webgpu\' cannot run the CAM program of this network: The Indices output is not supported yet.', hint: 'use --device cpu',
    });
    expect(gpu.released).toBe(gpu.loaded);
  });
});

describe('the processor', () => {
  it('is not compared with itself', async () => {
    const own = device('cpu', (_, value) => value + 1);
    const runner = await open(own);
    expect(own.loaded).toBe(1);
    await runner.release();
  });
});
