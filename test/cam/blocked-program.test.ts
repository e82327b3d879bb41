import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import { openCam, prepareCam } from '../../src/cam/plan.js';
import { parseModel } from '../../src/onnx/file/read.js';
import { channelBlock } from '../../src/runtime/blocked/channel-block.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import type { AutodiffCase } from '../fixtures/load.js';
import { loadCases } from '../fixtures/load.js';
import { camRequests, relativeError } from '../helpers.js';

const block = await channelBlock(ortRuntime);
const classifierOf = ({ modelPath }: AutodiffCase): ClassifierGraph => new ClassifierGraph(parseModel(readFileSync(modelPath)), 'logits');

/** The bar for every map against PyTorch in double precision, as in the plain layout. */
const TOLERANCE = 1e-4;

describe.skipIf(block === undefined)('in blocks, logits and LayerCAM maps equal PyTorch\'s', () => {
  for (const testCase of loadCases()) {
    it(`${testCase.group}: ${testCase.name}`, async () => {
      const classifier = classifierOf(testCase);
      const names = Object.keys(testCase.runs[0].layers);
      const plan = prepareCam(classifier, camRequests(classifier.resolveLayers(names)), { block });
      const nodes = parseModel(plan.gradient!.graph).graph.nodes;
      const dom = nodes.filter((n) => n.domain !== '');
      console.log('STAT', testCase.name, dom.length, nodes.length, dom.filter((n) => n.op === 'Conv').length, dom.filter((n) => n.op.startsWith('Reorder')).length);
      const cam = await openCam(plan, ortRuntime, { threads: 1 });
      for (const run of testCase.runs) {
        const { logits, maps } = await cam.run(run.input, [run.shape[2], run.shape[3]], run.classes);
        expect(relativeError(logits, run.logits)).toBeLessThan(TOLERANCE);
        classifier.resolveLayers(names).forEach(({ name }, i) => {
          expect([maps[i].height, maps[i].width]).toEqual([run.layers[name].height, run.layers[name].width]);
          expect(relativeError(maps[i].data, run.layers[name].layercam), `map of ${name} at ${run.shape.join('x')}`).toBeLessThan(TOLERANCE);
        });
      }
      await cam.release();
    });
  }
});
