import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
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
