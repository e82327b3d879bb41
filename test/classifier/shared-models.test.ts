import { resolve } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import { openCam, prepareCam } from '../../src/cam/plan.js';
import { readModel } from '../../src/onnx/file/read.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import { camInput, loadCamFixtures, samePixels } from '../fixtures/load.js';
import { camRequests, hasShared, relativeError, shared } from '../helpers.js';

describe.skipIf(!hasShared)('LayerCAM maps of real classifiers on real photographs equal PyTorch\'s', () => {
  for (const fixture of loadCamFixtures()) {
    it(fixture.name, async () => {
      const classifier = new ClassifierGraph(await readModel(resolve(shared, fixture.model)), 'logits');
      const layers = classifier.resolveLayers(['/8', '/16', '/32']);
      expect(layers.map(({ name }) => name)).toEqual(fixture.layers);
      const program = await openCam(prepareCam(classifier, camRequests(layers)), ortRuntime, { threads: 2 });
      for (const run of fixture.runs) {
        const { left, top, width, height } = run.window;
        const pixels = await sharp(resolve(shared, run.image)).extract({ left, top, width, height }).removeAlpha().raw().toBuffer();
        expect(samePixels(pixels, run), `${run.image} was decoded to other pixels than the fixture's`).toBe(true);
        const result = await program.run(camInput(pixels, run, fixture.preprocess), [height, width], run.classes);
        run.classes.forEach((c, i) => { expect(result.logits[c]).toBeCloseTo(run.logits[i], 3); });
        fixture.layers.forEach((name, i) => {
          const expected = run.layers[name];
          expect([result.maps[i].height, result.maps[i].width]).toEqual([expected.height, expected.width]);
          const area = expected.height * expected.width;
          run.classes.forEach((c, k) => {
            const window = [k * area, (k + 1) * area] as const;
            const error = relativeError(result.maps[i].data.subarray(...window), expected.layercam.subarray(...window));
            if (process.env.REPORT) process.stdout.write(`${fixture.name} ${run.image.slice(-15)} ${name} class ${c}: ${error.toExponential(1)}\n`);
            expect(error, `${run.image}, ${name}, class ${c}`).toBeLessThan(1e-3);
          });
        });
      }
      await program.release();
    });
  }
});
