import { describe, expect, it } from 'vitest';
import { arrayTaskOf, shardOfTask } from '../../../src/jobs/journal/array-task.js';
import type { EarlierTask } from '../../../src/jobs/journal/array-task.js';
import type { Shard } from '../../../src/jobs/journal/shard.js';

/** The variables of SLURM 22.05, as `sbatch --array=...` really sets them for a task of an array of these ids. */
function slurm(ids: readonly number[], id: number, step = 1): Record<string, string> {
  return {
    SLURM_ARRAY_TASK_ID: String(id), SLURM_ARRAY_TASK_COUNT: String(ids.length), SLURM_ARRAY_TASK_MIN: String(Math.min(...ids)),
    SLURM_ARRAY_TASK_MAX: String(Math.max(...ids)), SLURM_ARRAY_TASK_STEP: String(step),
  };
}

function shardOf(environment: Record<string, string>, wanted?: number, earlier: readonly EarlierTask[] = []): string | undefined {
  const task = arrayTaskOf(environment);
  const shard: Shard | undefined = task === undefined ? undefined : shardOfTask(task, wanted, earlier)?.shard;
  return shard === undefined ? undefined : `${shard.index}/${shard.count}`;
}

/** What the journals of a folder say after a full array of these ids. */
const journalsOf = (ids: readonly number[], step = 1): EarlierTask[] => ids.map((task, i) => ({ task, step, index: i + 1, count: ids.length }));

describe('a full array', () => {
  it('is no shard outside of an array job', () => {
    expect(shardOf({})).toBeUndefined();
    expect(shardOf({ SLURM_JOB_ID: '7' }, 4)).toBeUndefined();
    expect(shardOf({ JOB_COMPLETION_INDEX: '' }, 4)).toBeUndefined();
    expect(shardOf({ SGE_TASK_ID: 'undefined' })).toBeUndefined();
  });

  it.each([
    ['0-3', [0, 1, 2, 3], 1], ['1-4', [1, 2, 3, 4], 1], ['10-30:10', [10, 20, 30], 10], ['2-8:3', [2, 5, 8], 3], ['5', [5], 1],
    // Ids without a rule: the lowest, the highest and the number of tasks are all that SLURM tells.
    ['1,5', [1, 5], 1], ['1,2,9', [1, 2, 9], 1], ['1,4,7 as a list', [1, 4, 7], 1],
  ])('of SLURM, --array=%s, takes every shard once', (_, ids, step) => {
    expect(ids.map((id) => shardOf(slurm(ids, id, step)))).toEqual(ids.map((__, i) => `${i + 1}/${ids.length}`));
  });

  it('of SLURM with gaps that cannot be placed is refused for the tasks in the middle', () => {
    const ids = [1, 3, 4, 9];
    expect(shardOf(slurm(ids, 1))).toBe('1/4');
    expect(shardOf(slurm(ids, 9))).toBe('4/4');
    expect(() => shardOf(slurm(ids, 3))).toThrow('the place of task 3 among the 4 tasks of the array (1 to 9) is unknown');
  });

  it('of an old SLURM, which tells the id alone, takes the number of shards from elsewhere', () => {
    expect(shardOf({ SLURM_ARRAY_TASK_ID: '2' }, 8)).toBe('3/8');
    expect(shardOf({ SLURM_ARRAY_TASK_ID: '2' })).toBeUndefined();
  });

  it('of Kubernetes needs the number of parts', () => {
    expect(shardOf({ JOB_COMPLETION_INDEX: '0' }, 4)).toBe('1/4');
    expect(shardOf({ JOB_COMPLETION_INDEX: '3' }, 4)).toBe('4/4');
    expect(() => shardOf({ JOB_COMPLETION_INDEX: '3' })).toThrow('not how many tasks');
    expect(() => shardOf({ JOB_COMPLETION_INDEX: '4' }, 4)).toThrow('\'5/4\' is not a shard');
  });

  it('of SGE, -t 1-9:2, takes every shard once', () => {
    const sge = (id: number) => shardOf({ SGE_TASK_ID: String(id), SGE_TASK_FIRST: '1', SGE_TASK_LAST: '9', SGE_TASK_STEPSIZE: '2' });
    expect([1, 3, 5, 7, 9].map(sge)).toEqual(['1/5', '2/5', '3/5', '4/5', '5/5']);
  });

  it.each(['PBS_ARRAY_INDEX', 'PBS_ARRAYID'])('of PBS (%s) takes every shard once, whether it begins at 0 or 1', (variable) => {
    const pbs = (id: number) => shardOf({ [variable]: String(id) }, 4);
    for (const ids of [[0, 1, 2, 3], [1, 2, 3, 4]]) expect(ids.map(pbs).sort()).toEqual(['1/4', '2/4', '3/4', '4/4']);
    expect(() => shardOf({ [variable]: '2' })).toThrow('PBS says that this is task 2, but not how many tasks the job has');
  });
});

describe('an array of some tasks that are run again', () => {
  it.each([['1-8', [1, 2, 3, 4, 5, 6, 7, 8], 1], ['0-7', [0, 1, 2, 3, 4, 5, 6, 7], 1], ['10-80:10', [10, 20, 30, 40, 50, 60, 70, 80], 10]])(
    'takes the shards that the tasks had in the earlier run of --array=%s', (_, ids, step) => {
      const again = [ids[2], ids[5]];
      expect(again.map((id) => shardOf(slurm(again, id), undefined, journalsOf(ids, step)))).toEqual(['3/8', '6/8']);
      expect(shardOf(slurm([ids[4]], ids[4]), 8, journalsOf(ids, step))).toBe('5/8');
    });

  it('finds the shard of a task that left no journal from its neighbours', () => {
    const others = journalsOf([0, 1, 2, 3]).filter(({ task }) => task !== 3);
    expect(shardOf(slurm([3], 3), undefined, others)).toBe('4/4');
  });

  it('says so', () => {
    expect(shardOfTask(arrayTaskOf(slurm([3], 3))!, undefined, journalsOf([1, 2, 3, 4]))?.note)
      .toBe('task 3 works on shard 3 of 4, as in the earlier run in this folder (change it with --shards or --shard i/n)');
  });

  it('is a full array if it is as large as the earlier one, or if --shards says so', () => {
    expect(shardOf(slurm([1, 2, 3, 4], 2), undefined, journalsOf([0, 1, 2, 3]))).toBe('2/4');
    expect(shardOf(slurm([1, 2], 2), 2, journalsOf([1, 2, 3, 4]))).toBe('2/2');
  });

  it('counts tasks from 1, or from 0 if 0 is among them, in a folder that tells nothing', () => {
    expect(shardOf(slurm([1, 5], 5), 8)).toBe('5/8');
    expect(shardOf(slurm([0, 5], 5), 8)).toBe('6/8');
    expect(shardOfTask(arrayTaskOf(slurm([5], 5))!, 8, [])?.note).toBe('task 5 works on shard 5 of 8: tasks are assumed to count from 1');
    expect(() => shardOf(slurm([9], 9), 8)).toThrow('the SLURM array has 1 tasks, but --shards is 8, and task 9 is not one of them');
  });

  it('of SGE, -t 5, takes the shard of the earlier run', () => {
    expect(shardOf({ SGE_TASK_ID: '5', SGE_TASK_FIRST: '5', SGE_TASK_LAST: '5', SGE_TASK_STEPSIZE: '1' }, undefined, journalsOf([1, 2, 3, 4, 5, 6]))).toBe('5/6');
  });
});
