import { UserError } from '../../errors.js';
import { parseShard } from './shard.js';
import type { Shard } from './shard.js';

/** A task of an array job, as far as its scheduler tells. */
export interface ArrayTask {
  readonly scheduler: 'SLURM' | 'SGE' | 'PBS' | 'Kubernetes';
  readonly id: number;
  /** The lowest and the highest id of the array, and the distance of neighbours. */
  readonly first?: number;
  readonly last?: number;
  readonly step?: number;
  /** How many tasks the array has. */
  readonly count?: number;
}

/** A task that has worked on a shard before, as the journals of an output folder tell. */
export interface EarlierTask extends Shard {
  readonly task: number;
  readonly step: number;
}

/** The shard of a task, and what is worth saying about the choice. */
export interface TaskShard {
  readonly shard: Shard;
  readonly note?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The array task that a job scheduler has started this process as; none outside of an array job. */
export function arrayTaskOf(environment: Environment): ArrayTask | undefined {
  const number = (name: string): number | undefined => (/^\d+$/.test(environment[name] ?? '') ? Number(environment[name]) : undefined);
  const slurm = number('SLURM_ARRAY_TASK_ID');
  if (slurm !== undefined) {
    return {
      scheduler: 'SLURM', id: slurm, first: number('SLURM_ARRAY_TASK_MIN'), last: number('SLURM_ARRAY_TASK_MAX'),
      step: number('SLURM_ARRAY_TASK_STEP'), count: number('SLURM_ARRAY_TASK_COUNT'),
    };
  }
  const completion = number('JOB_COMPLETION_INDEX');
  if (completion !== undefined) return { scheduler: 'Kubernetes', id: completion, first: 0 };
  // Outside of an array the variable holds the word 'undefined'.
  const sge = number('SGE_TASK_ID');
  if (sge !== undefined) {
    const [first, last, step = 1] = [number('SGE_TASK_FIRST'), number('SGE_TASK_LAST'), number('SGE_TASK_STEPSIZE')];
    const count = first === undefined || last === undefined ? undefined : Math.floor((last - first) / step) + 1;
    return { scheduler: 'SGE', id: sge, first, last, step, count };
  }
  // OpenPBS and PBS Pro; Torque.
  const pbs = number('PBS_ARRAY_INDEX') ?? number('PBS_ARRAYID');
  return pbs === undefined ? undefined : { scheduler: 'PBS', id: pbs };
}

/**
 * The shard that an array task works on.
 *
 * A full array (`--array=1-8`, `0-7`, `10-80:10`) takes the shards in order. An array of fewer tasks than the output folder
 * has shards is taken for a second run of some of them: the journals tell which shard each task had. Where the scheduler does not
 * tell enough, nothing is guessed that could leave out a part of the list in silence.
 *
 * @param wanted the number of shards, if the user gives it
 * @param earlier tasks that have worked in the output folder before
 * @throws UserError if the shard cannot be told
 */
export function shardOfTask(task: ArrayTask, wanted: number | undefined, earlier: readonly EarlierTask[]): TaskShard | undefined {
  const again = repeated(task, wanted, earlier);
  if (again !== undefined) {
    const { index, count } = again;
    return { shard: again, note: `task ${task.id} works on shard ${index} of ${count}, as in the earlier run of this folder (--shards or --shard i/n choose otherwise)` };
  }
  const count = wanted ?? task.count;
  if (count === undefined) {
    // Old versions of SLURM do not tell the size of an array: the whole list is done by every task, as without an array.
    if (task.scheduler === 'SLURM') return undefined;
    throw new UserError(`${task.scheduler} tells that this is task ${task.id}, but not how many parts the job has`, 'give --shards N, or --no-shard to work on the whole list');
  }
  if (task.count === undefined) return { shard: indexed(task, count) };
  if (wanted !== undefined && wanted !== task.count) return partial(task, wanted);
  return { shard: parseShard(`${placeOf(task)}/${count}`) };
}

/** The shard that this task, or by the same count its neighbours, had in an earlier run of a larger array. */
function repeated({ id, count: own, scheduler }: ArrayTask, wanted: number | undefined, earlier: readonly EarlierTask[]): Shard | undefined {
  if (scheduler === 'Kubernetes' || own === undefined) return undefined;
  const candidates = earlier.filter(({ count }) => count > own && (wanted === undefined || count === wanted));
  const counts = new Set(candidates.map(({ count }) => count));
  if (counts.size !== 1) return undefined;
  const exact = candidates.find(({ task }) => task === id);
  if (exact !== undefined) return { index: exact.index, count: exact.count };
  const [{ task, index, step, count }] = candidates;
  const place = index + (id - task) / step;
  return Number.isInteger(place) && place >= 1 && place <= count ? { index: place, count } : undefined;
}

/** The shard of a task whose scheduler tells its id alone. */
function indexed({ id, first, step = 1, scheduler }: ArrayTask, count: number): Shard {
  // Whether a PBS array begins at 0 or 1 is not told: by the remainder, n tasks in a row take all n shards in either case.
  if (scheduler === 'PBS') return { index: (id % count) + 1, count };
  return parseShard(`${(id - (first ?? 0)) / step + 1}/${count}`);
}

/** The shard of a task of an array that covers only some of the shards, in a folder that does not tell more. */
function partial(task: ArrayTask, count: number): TaskShard {
  const { id, first = 0, scheduler } = task;
  const base = first === 0 ? 0 : 1;
  const index = id - base + 1;
  if (index > count) {
    throw new UserError(`the ${scheduler} array has ${task.count} tasks, but --shards is ${count}, and task ${id} is none of them`, 'name the part with --shard i/n');
  }
  return { shard: { index, count }, note: `task ${id} works on shard ${index} of ${count}: tasks are taken to count from ${base}` };
}

/** Which of its array's tasks a task is, counted from 1. */
function placeOf({ scheduler, id, first = 0, last, step = 1, count = 1 }: ArrayTask): number {
  if (last === undefined || Math.floor((last - first) / step) + 1 === count) return (id - first) / step + 1;
  // Ids without a rule, such as 1,5: SLURM tells the lowest, the highest and how many there are.
  if (id === first) return 1;
  if (id === last) return count;
  if (count === 3) return 2;
  throw new UserError(
    `the place of task ${id} among the ${count} tasks of the array (${first} to ${last}) cannot be told: ${scheduler} does not list them`,
    `use an array without gaps, for example 1-${count}, or name the part with --shard i/n`,
  );
}
