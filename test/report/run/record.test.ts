import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRunRecord, RecordSum } from '../../../src/report/run/record.js';

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-report-')); });
afterAll(() => rm(folder, { recursive: true }));

describe('run records', () => {
  it('adds up the parts of a run', () => {
    const part = (written: number, cam: number, id: string) => ({
      counts: { written, failed: 1, missing: 2 }, failures: [{ id, reason: 'r' }], missing: ['x', 'y'], stages: { cam }, seconds: 10 * written, imagesPerSecond: 2, workers: 1, split: 'train',
    });
    const sum = new RecordSum();
    expect(sum.record).toEqual({});
    sum.add(part(3, 10, 'a'));
    sum.add(part(1, 30, 'b'));
    expect(sum.record).toMatchObject({
      // (3 * 10 + 1 * 30) / 4
      counts: { written: 4, failed: 2, missing: 2 }, missing: ['x', 'y'], stages: { cam: 15 }, seconds: 30, imagesPerSecond: 4, workers: 2, split: 'train',
      failures: [{ id: 'a', reason: 'r' }, { id: 'b', reason: 'r' }], interrupted: false,
    });
  });

  it('leaves out fields that are not as expected, and names a file that is no JSON', async () => {
    const run = await mkdtemp(join(folder, 'run-'));
    expect(await readRunRecord(run)).toEqual({});
    await writeFile(join(run, 'run.json'), JSON.stringify({ split: 'train', seconds: 'long', settings: { threshold: 0.4 }, more: 1 }));
    expect(await readRunRecord(run)).toEqual({ split: 'train', settings: { threshold: 0.4 } });
    await writeFile(join(run, 'run.json'), '{"split":');
    await expect(readRunRecord(run)).rejects.toThrow(/cannot read .*run\.json/);
  });
});
