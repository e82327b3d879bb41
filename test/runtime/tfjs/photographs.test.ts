import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadClassifier } from '../../../src/classifier/load.js';
import { openCam, prepareCam } from '../../../src/cam/plan.js';
import { toTensor } from '../../../src/image/normalise.js';
import { readPhoto } from '../../../src/image/photo.js';
import { defaultModelPath } from '../../../src/package.js';
import { openRuntime } from '../../../src/runtime/open.js';
import { camRequests, relativeError, repository } from '../../helpers.js';

describe('LayerCAM maps of the default classifier on TensorFlow.js and on ONNX Runtime', () => {
  it.each(['cat_on_floor.jpg', 'dogs_at_window.jpg'])('agree on %s', async (file) => {
    const { graph, spec } = await loadClassifier(defaultModelPath());
    const plan = prepareCam(graph, camRequests(graph.resolveLayers(['/8', '/16', '/32'])));
    const photo = await readPhoto(resolve(repository, 'data/sample/JPEGImages', file), { input: { kind: 'short', pixels: 224 }, maxPixels: Infinity });
    const tensor = toTensor(photo.pixels, photo.size, spec);
    const [expected, actual] = await Promise.all(([{ runtime: 'ort' }, { runtime: 'tfjs', device: 'wasm' }] as const).map(async (choice) => {
      const cam = await openCam(plan, (await openRuntime(choice)).runtime, { threads: 1 });
      const result = await cam.run(tensor, photo.size, [7, 11]);
      await cam.release();
      return result;
    }));
    expect(relativeError(actual.logits, expected.logits)).toBeLessThan(1e-5);
    // Nothing bends above the deepest layer.
    expect(relativeError(actual.maps[2].data, expected.maps[2].data)).toBeLessThan(1e-4);
    // Below, ReLU6 bends at 0 and 6: where an activation is there but for rounding, its gradient is passed on by one runtime
    // and not by the other, and the cells below differ by more. They are few.
    for (const layer of [0, 1]) {
      const [a, b] = [actual, expected].map(({ maps }) => maps[layer].data);
      const most = b.reduce((largest, value) => Math.max(largest, value), 0);
      const mean = a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0) / a.length;
      expect(mean / most).toBeLessThan(1e-4);
    }
  });
});
