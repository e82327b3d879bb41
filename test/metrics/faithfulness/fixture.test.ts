import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { blurred } from '../../../src/metrics/faithfulness/blur.js';
import type { Picture } from '../../../src/metrics/faithfulness/perturb.js';
import { columnsOf, makerOf, runTests, Subject } from '../../../src/metrics/faithfulness/tests.js';
import type { TestOptions } from '../../../src/metrics/faithfulness/tests.js';
import { relativeError, repository } from '../../helpers.js';
import { floats, forwardPass } from './tiny-network.js';

interface Fixture {
  size: [number, number]; steps: number; thresholds: number[]; areas: number[];
  runs: {
    image: string; map: string; blurred: string; class: number; confidence: number;
    drop: number; increase: number; insertion: number; deletion: number; occlusion: [number, number, number, number][];
  }[];
}

const fixture = JSON.parse(readFileSync(join(repository, 'test/fixtures/faithfulness/faithfulness.json'), 'utf8')) as Fixture;

describe.each(fixture.runs.map((run, i) => [i, run] as const))('photograph %i', (_, run) => {
  const picture: Picture = { data: floats(run.image), size: fixture.size, fill: [0, 0, 0] };
  const options: TestOptions = { tests: ['occlusion', 'drop', 'insertion', 'deletion'], ...fixture, roadAreas: [], roadNoise: 0, roadTies: 'rows' };

  it('is blurred as by RISE', () => {
    expect(relativeError(blurred(picture), floats(run.blurred))).toBeLessThan(1e-5);
  });

  it.each([1, 8])('has the results of RISE, torch-cam and numpy, in batches of %i', async (batch) => {
    const forward = await forwardPass(batch);
    const [plain] = await forward.scores(picture, run.class, [(out) => { out.set(picture.data); }]);
    expect(plain.rank).toBe(0);
    expect(Math.abs(plain.confidence - run.confidence)).toBeLessThan(1e-5);
    const subject = new Subject(picture, floats(run.map), plain, makerOf(picture));
    const values = await runTests(subject, options, (pictures) => forward.scores(picture, run.class, pictures));
    const expected = [...run.occlusion.flat(), run.drop, run.increase, run.insertion, run.deletion];
    expect(columnsOf(options)).toHaveLength(expected.length);
    values.forEach((value, i) => { expect(Math.abs(value - expected[i]), JSON.stringify(columnsOf(options)[i])).toBeLessThan(1e-5); });
  });
});
