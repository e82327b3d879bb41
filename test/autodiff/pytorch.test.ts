import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import { openCam, prepareCam } from '../../src/cam/plan.js';
import { resolveLayer } from '../../src/classifier/layers.js';
import { parseModel } from '../../src/onnx/file/read.js';
import { serializeModel } from '../../src/onnx/file/write.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import type { AutodiffCase, CaseRun } from '../fixtures/load.js';
import { loadCases } from '../fixtures/load.js';
import { camRequests, relativeError } from '../helpers.js';
import { gradientGraph, GRADIENT } from './gradient-graph.js';

/** The bar for every gradient and map against PyTorch in double precision. */
const TOLERANCE = 1e-4;

function classifierOf({ modelPath }: AutodiffCase): ClassifierGraph {
  return new ClassifierGraph(parseModel(readFileSync(modelPath)), 'logits');
}

function feeds(run: CaseRun, input: string) {
  return {
    [input]: { type: 'float32' as const, dims: run.shape, data: run.input },
    'cam/classes': { type: 'int64' as const, dims: [run.classes.length], data: BigInt64Array.from(run.classes, BigInt) },
  };
}

describe('gradients and LayerCAM maps of single operators and small networks equal PyTorch\'s', () => {
  for (const testCase of loadCases()) {
    it(`${testCase.group}: ${testCase.name}`, async () => {
      const classifier = classifierOf(testCase);
      const names = Object.keys(testCase.runs[0].layers);
      const session = await ortRuntime.load(serializeModel(gradientGraph(classifier, names)), { threads: 1 });
      const layers = names.map((name) => resolveLayer(classifier.layers, name));
      const program = await openCam(prepareCam(classifier, camRequests(layers)), ortRuntime, { threads: 1 });
      for (const run of testCase.runs) {
        const gradients = await session.run(feeds(run, classifier.input.name));
        const result = await program.run(run.input, [run.shape[2], run.shape[3]], run.classes);
        expect(relativeError(result.logits, run.logits)).toBeLessThan(TOLERANCE);
        names.forEach((name, i) => {
          const expected = run.layers[name];
          const actual = gradients[`${GRADIENT}${name}`];
          expect(actual.dims).toEqual([run.classes.length, expected.channels, expected.height, expected.width]);
          expect(relativeError(actual.data as Float32Array, expected.gradient), `gradient of ${name} at ${run.shape.join('x')}`).toBeLessThan(TOLERANCE);
          expect([result.maps[i].height, result.maps[i].width]).toEqual([expected.height, expected.width]);
          expect(relativeError(result.maps[i].data, expected.layercam), `map of ${name} at ${run.shape.join('x')}`).toBeLessThan(TOLERANCE);
        });
      }
      await session.release();
      await program.release();
    });
  }
});
