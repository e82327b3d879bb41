import { describe, expect, it } from 'vitest';
import { itemsOfShard, parseShard, shardOfEnvironment } from '../../src/jobs/shard.js';
import { ownBytes, shareBytes } from '../../src/jobs/shared-bytes.js';
import { workerUrl } from '../../src/jobs/worker-url.js';

describe('parseShard', () => {
  it('reads i/n', () => {
    expect(parseShard('1/4')).toEqual({ index: 1, count: 4 });
    expect(parseShard('12/12')).toEqual({ index: 12, count: 12 });
  });

  it.each(['0/4', '5/4', '1', '/4', '1/', '-1/4', '1.5/4', 'a/b', '1/4/2', ''])('refuses %s', (text) => {
    expect(() => parseShard(text)).toThrow(`'${text}' is no shard`);
  });
});

describe('itemsOfShard', () => {
  it('deals the items out in turn', () => {
    const items = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    expect([1, 2, 3].map((index) => itemsOfShard(items, { index, count: 3 }))).toEqual([['a', 'd', 'g'], ['b', 'e'], ['c', 'f']]);
    expect(itemsOfShard(['a'], { index: 2, count: 2 })).toEqual([]);
  });
});

describe('shardOfEnvironment', () => {
  it('is none without a scheduler', () => {
    expect(shardOfEnvironment({})).toBeUndefined();
    expect(shardOfEnvironment({ SLURM_JOB_ID: '7' }, 4)).toBeUndefined();
    expect(shardOfEnvironment({ JOB_COMPLETION_INDEX: '' }, 4)).toBeUndefined();
  });

  it('reads a SLURM array that begins at 0, at 1, or goes in steps', () => {
    expect(shardOfEnvironment({ SLURM_ARRAY_TASK_ID: '0', SLURM_ARRAY_TASK_COUNT: '4', SLURM_ARRAY_TASK_MIN: '0', SLURM_ARRAY_TASK_STEP: '1' }))
      .toEqual({ index: 1, count: 4 });
    expect(shardOfEnvironment({ SLURM_ARRAY_TASK_ID: '4', SLURM_ARRAY_TASK_COUNT: '4', SLURM_ARRAY_TASK_MIN: '1', SLURM_ARRAY_TASK_STEP: '1' }))
      .toEqual({ index: 4, count: 4 });
    // --array=10-30:10
    expect(shardOfEnvironment({ SLURM_ARRAY_TASK_ID: '20', SLURM_ARRAY_TASK_COUNT: '3', SLURM_ARRAY_TASK_MIN: '10', SLURM_ARRAY_TASK_STEP: '10' }))
      .toEqual({ index: 2, count: 3 });
  });

  it('takes the number of shards from elsewhere where SLURM does not tell it', () => {
    expect(shardOfEnvironment({ SLURM_ARRAY_TASK_ID: '2' }, 8)).toEqual({ index: 3, count: 8 });
    expect(shardOfEnvironment({ SLURM_ARRAY_TASK_ID: '2' })).toBeUndefined();
  });

  it('does not guess which part an array of another size stands for', () => {
    // One part is run again, --array=2: its task is the first and only one of this array.
    expect(() => shardOfEnvironment({ SLURM_ARRAY_TASK_ID: '2', SLURM_ARRAY_TASK_COUNT: '1', SLURM_ARRAY_TASK_MIN: '2' }, 8))
      .toThrow('the SLURM array has 1 tasks, but --shards is 8');
  });

  it('reads an indexed Kubernetes job, whose number of parts has to be given', () => {
    expect(shardOfEnvironment({ JOB_COMPLETION_INDEX: '0' }, 4)).toEqual({ index: 1, count: 4 });
    expect(shardOfEnvironment({ JOB_COMPLETION_INDEX: '3' }, 4)).toEqual({ index: 4, count: 4 });
    expect(() => shardOfEnvironment({ JOB_COMPLETION_INDEX: '3' })).toThrow('not how many parts');
    expect(() => shardOfEnvironment({ JOB_COMPLETION_INDEX: '4' }, 4)).toThrow('\'5/4\' is no shard');
  });
});

describe('workerUrl', () => {
  it('is the neighbour of a compiled module', () => {
    expect(workerUrl('./seed-worker.js', 'file:///home/me/voc-seeds/dist/seeds/generate.js').href)
      .toBe('file:///home/me/voc-seeds/dist/seeds/seed-worker.js');
  });

  it('is the compiled twin for a module that runs from src', () => {
    expect(workerUrl('./seed-worker.js', 'file:///home/me/voc-seeds/src/seeds/generate.ts').href)
      .toBe('file:///home/me/voc-seeds/dist/seeds/seed-worker.js');
    expect(workerUrl('../a/b.js', 'file:///src/voc-seeds/src/seeds/generate.ts').href).toBe('file:///src/voc-seeds/dist/a/b.js');
  });
});

describe('shared bytes', () => {
  it('are copies', () => {
    const bytes = Uint8Array.from([1, 2, 3]);
    const shared = shareBytes(bytes);
    bytes[0] = 9;
    const own = ownBytes(shared);
    shared[1] = 9;
    expect([...own]).toEqual([1, 2, 3]);
    expect(shared.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(own.buffer).toBeInstanceOf(ArrayBuffer);
  });
});
