import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import { Batches } from '../../src/cam/batches.js';
import { camMethods } from '../../src/cam/methods/index.js';
import type { CamMethodName, CamTargetName } from '../../src/cam/names.js';
import type { CamResult } from '../../src/cam/gradient-program.js';
import { openCam, prepareCam } from '../../src/cam/plan.js';
import { parseModel } from '../../src/onnx/file/read.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { loadCase, loadCases } from '../fixtures/load.js';
import { noise } from '../random.js';

/** Counts the runs of every session. */
function counted(): Runtime & { readonly batches: number[] } {
  const batches: number[] = [];
  return {
    ...ortRuntime, batches,
    load: async (model, options) => {
      const session = await ortRuntime.load(model, options);
      return {
        run: async (feeds, outputs) => {
          batches.push(Object.values(feeds).find(({ type }) => type === 'float32')!.dims[0]);
          return session.run(feeds, outputs);
        },
        release: () => session.release(), [Symbol.asyncDispose]: () => session.release(),
      };
    },
  };
}

/** The largest difference, relative to the largest value. */
function difference(a: Float32Array, b: Float32Array): number {
  expect(a).toHaveLength(b.length);
  const scale = b.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-20);
  return a.reduce((max, value, i) => Math.max(max, Math.abs(value - b[i])), 0) / scale;
}

function expectSame(together: CamResult, alone: CamResult): void {
  expect(difference(together.logits, alone.logits)).toBeLessThan(1e-5);
  expect(together.maps).toHaveLength(alone.maps.length);
  together.maps.forEach(({ data, height, width }, i) => {
    expect([height, width]).toEqual([alone.maps[i].height, alone.maps[i].width]);
    expect(difference(data, alone.maps[i].data)).toBeLessThan(1e-4);
  });
}

/** The methods that are defined at every layer. */
const methods = Object.entries(camMethods).flatMap(([name, { kind, ...own }]) => (
  kind === 'channels' || kind === 'vectors' || 'linearHead' in own ? [] : [name as CamMethodName]));
const isEigen = (name: string): boolean => name.startsWith('eigen');
/** Principal components take long, and do not depend on the network. */
const methodsFor = (network: string): CamMethodName[] => methods.filter((name) => !isEigen(name) || network === 'vgg-like');

describe('images of a batch have the maps that they have alone', () => {
  const classesOf = [[3, 0], [4], [0, 1, 2]];

  for (const { name } of loadCases('network')) {
    const testCase = loadCase(name);
    const [{ shape: [, channels, height, width], layers: expected }] = testCase.runs;
    const classifier = new ClassifierGraph(parseModel(readFileSync(testCase.modelPath)), 'logits');
    const names = Object.keys(expected);
    const layers = classifier.resolveLayers([names[0], names.at(-1)!]);
    const images = classesOf.map((_, i) => noise(channels * height * width, i + 1));

    const compare = async (target: CamTargetName, own: readonly CamMethodName[]): Promise<void> => {
      const requests = own.flatMap((method) => layers.map((layer) => ({ layer, method })));
      const single = await openCam(prepareCam(classifier, requests, { target }), ortRuntime, { threads: 1 });
      const runtime = counted();
      const batched = await openCam(prepareCam(classifier, requests, { target, batch: 3 }), runtime, { threads: 1 });
      const together = await Promise.all(images.map((image, i) => batched.run(image, [height, width], classesOf[i])));
      for (const [i, image] of images.entries()) expectSame(together[i], await single.run(image, [height, width], classesOf[i]));
      expect(runtime.batches).toEqual([3]);
      await single.release();
      await batched.release();
    };

    it(`${name}: ${methodsFor(name).join(', ')}`, () => compare('logit', methodsFor(name)));
    it(`${name}: the target finer`, () => compare('finer', ['layer-cam', 'grad-cam']));
    it(`${name}: the target softmax`, () => compare('softmax', ['layer-cam', 'grad-cam++']));
  }
});

describe('batches', () => {
  const wait = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

  it('are of inputs with one key, the largest group first, and not larger than allowed', async () => {
    const runs: number[][] = [];
    const batches = new Batches<number, number>({
      size: 2, keyOf: (input) => String(Math.floor(input / 10)),
      run: async (inputs) => {
        runs.push([...inputs]);
        await wait();
        return inputs.map((input) => input * 2);
      },
    });
    expect(await Promise.all([1, 11, 12, 13, 21].map((input) => batches.run(input)))).toEqual([2, 22, 24, 26, 42]);
    expect(runs).toEqual([[11, 12], [1], [21], [13]]);
  });

  it('that fail are run again one by one, and only what fails alone is rejected', async () => {
    const runs: number[][] = [];
    const batches = new Batches<number, number>({
      size: 3, keyOf: () => '',
      run: async (inputs) => {
        runs.push([...inputs]);
        await wait();
        if (inputs.includes(2)) throw new Error('two');
        return inputs.map((input) => -input);
      },
    });
    const results = await Promise.allSettled([1, 2, 3].map((input) => batches.run(input)));
    expect(results.map((result) => (result.status === 'fulfilled' ? result.value : (result.reason as Error).message))).toEqual([-1, 'two', -3]);
    expect(runs).toEqual([[1, 2, 3], [1], [2], [3]]);
  });
});
