import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { earlierTasks } from '../../../src/jobs/journal/array-journal.js';

describe('the array tasks that journals tell of', () => {
  let folder: string;
  beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'array-journal-')); });
  afterEach(() => rm(folder, { recursive: true }));

  it('reads the task in the first line of each shard\'s journal, and leaves out one that does not tell', async () => {
    await writeFile(join(folder, 'journal-2of4'), '{"settings":"x","values":{},"task":{"id":3,"step":2}}\n{"id":"a","status":"done"}\n');
    await writeFile(join(folder, 'journal-1of4'), '{"settings":"x","values":{}}\n');
    await writeFile(join(folder, 'journal-3of4'), '{"settings":"x",');
    expect(await earlierTasks(folder)).toEqual([{ task: 3, step: 2, index: 2, count: 4 }]);
  });

  it.skipIf(process.platform === 'win32')('does not wait for a pipe of a journal\'s name', async () => {
    spawnSync('mkfifo', [join(folder, 'journal-1of4')]);
    await writeFile(join(folder, 'journal-2of4'), '{"settings":"x","values":{},"task":{"id":3}}\n');
    expect(await earlierTasks(folder)).toEqual([{ task: 3, step: 1, index: 2, count: 4 }]);
  });
});
