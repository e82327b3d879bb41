import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readReference, referenceImage } from '../../scripts/conformance/reference.mjs';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import { openCam, prepareCam } from '../../src/cam/plan.js';
import { CAM_METHODS } from '../../src/cam/names.js';
import { resolveLayer } from '../../src/classifier/layers.js';
import { readModel } from '../../src/onnx/file/read.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import { camRequests, relativeError, repository } from '../helpers.js';

/** The bar for every map against the framework's own gradients in double precision, relative to the largest value. */
const TOLERANCE = 1e-4;

const folder = resolve(repository, 'test/fixtures/conformance');
const names = readdirSync(folder).filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -'.json'.length)).sort();

describe('networks of torchvision and Keras, shrunk, as their exporters write them', () => {
  for (const name of names) {
    const reference = readReference(resolve(folder, `${name}.json`));
    const { layers, classes, size, exporter, opset } = reference;

    it(`${name}, ${exporter}, opset ${opset}: maps of all gradient methods are those of the framework's own gradients`, async () => {
      const classifier = new ClassifierGraph(await readModel(resolve(folder, `${name}.onnx`)), 'logits');
      const tensors = layers.map(({ tensor }) => tensor);
      const resolved = classifier.resolveLayers(tensors);
      const methods = CAM_METHODS.filter((method) => layers.some((layer) => layer.methods.some((each) => each.method === method)));
      expect(methods).toContain('layer-cam');
      const cam = await openCam(prepareCam(classifier, camRequests(resolved, methods)), ortRuntime, { threads: 1 });
      const { logits, maps } = await cam.run(referenceImage(reference), size, classes);
      await cam.release();
      expect(relativeError(logits, reference.logits)).toBeLessThan(TOLERANCE);
      for (const layer of layers) {
        const at = resolved.findIndex(({ name: tensor }) => tensor === layer.tensor);
        expect(resolved[at].channels).toBe(layer.channels);
        for (const { method, map } of layer.methods) {
          const { height, width, data } = maps[methods.indexOf(method as typeof methods[number]) * resolved.length + at];
          expect([height, width], layer.key).toEqual(layer.shape);
          const error = relativeError(data, map);
          if (process.env.REPORT) process.stdout.write(`${name} ${layer.key} ${method}: ${error.toExponential(1)}\n`);
          expect(error, `${method} at ${layer.key}`).toBeLessThan(TOLERANCE);
        }
      }
    });

    it(`${name}: strides name the layers that the stages end with`, async () => {
      const classifier = new ClassifierGraph(await readModel(resolve(folder, `${name}.onnx`)), 'logits');
      const aliased = layers.filter(({ key }) => key.startsWith('/'));
      expect(Object.fromEntries(aliased.map(({ key }) => [key, resolveLayer(classifier.layers, key).name])))
        .toEqual(Object.fromEntries(aliased.map(({ key, tensor }) => [key, tensor])));
    });
  }
});
