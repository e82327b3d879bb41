import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ForwardPass } from '../../../src/faithfulness/forward.js';
import { ClassifierGraph } from '../../../src/classifier/classifier.js';
import { buildActivationGraph } from '../../../src/cam/channel-graphs.js';
import { blurred } from '../../../src/metrics/faithfulness/blur.js';
import type { Picture } from '../../../src/metrics/faithfulness/perturb.js';
import { columnsOf, hazeOf, runTests, Subject } from '../../../src/metrics/faithfulness/tests.js';
import type { TestOptions } from '../../../src/metrics/faithfulness/tests.js';
import { readModel } from '../../../src/onnx/file/read.js';
import { serializeModel } from '../../../src/onnx/file/write.js';
import { ortRuntime } from '../../../src/runtime/ort/ort.js';
import { relativeError, repository } from '../../helpers.js';

const folder = join(repository, 'test/fixtures/faithfulness');

interface Fixture {
  size: [number, number]; steps: number; thresholds: number[]; areas: number[];
  runs: {
    image: string; map: string; blurred: string; class: number; confidence: number;
    drop: number; increase: number; insertion: number; deletion: number; occlusion: [number, number, number, number][];
  }[];
}

const fixture = JSON.parse(readFileSync(join(folder, 'faithfulness.json'), 'utf8')) as Fixture;

function floats(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
}

async function forwardPass(batch: number): Promise<ForwardPass> {
  const classifier = new ClassifierGraph(await readModel(join(folder, 'network.onnx')), 'logits');
  return ForwardPass.load(serializeModel(buildActivationGraph(classifier, [])), 'input', batch, ortRuntime, { threads: 1 });
}

describe.each(fixture.runs.map((run, i) => [i, run] as const))('photograph %i', (_, run) => {
  const picture: Picture = { data: floats(run.image), size: fixture.size, fill: [0, 0, 0] };
  const options: TestOptions = { tests: ['occlusion', 'drop', 'insertion', 'deletion'], ...fixture };

  it('is blurred as by RISE', () => {
    expect(relativeError(blurred(picture), floats(run.blurred))).toBeLessThan(1e-5);
  });

  it.each([1, 8])('has the results of RISE, torch-cam and numpy, in batches of %i', async (batch) => {
    const forward = await forwardPass(batch);
    const [plain] = await forward.scores(picture, run.class, [(out) => { out.set(picture.data); }]);
    expect(plain.rank).toBe(0);
    expect(Math.abs(plain.confidence - run.confidence)).toBeLessThan(1e-5);
    const subject = new Subject(picture, floats(run.map), plain, hazeOf(picture));
    const values = await runTests(subject, options, (pictures) => forward.scores(picture, run.class, pictures));
    const expected = [...run.occlusion.flat(), run.drop, run.increase, run.insertion, run.deletion];
    expect(columnsOf(options)).toHaveLength(expected.length);
    values.forEach((value, i) => { expect(Math.abs(value - expected[i]), JSON.stringify(columnsOf(options)[i])).toBeLessThan(1e-5); });
  });
});
