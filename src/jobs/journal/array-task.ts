import { UserError } from '../../errors.js';
import { parseShard } from './shard.js';
import type { Shard } from './shard.js';

/** A task of an array job, with what its scheduler tells us. */
export interface ArrayTask {
  readonly scheduler: 'SLURM' | 'SGE' | 'PBS' | 'Kubernetes';
  readonly id: number;
  /** The lowest and the highest id of the array, and the step between ids. */
  readonly first?: number;
  readonly last?: number;
  readonly step?: number;
  /** The number of tasks in the array. */
  readonly count?: number;
}

/** A task that worked on a shard before, from the journals of an output folder. */
export interface EarlierTask extends Shard {
  readonly task: number;
  readonly step: number;
}

/** The shard of a task, and a note for the user about the choice. */
export interface TaskShard {
  readonly shard: Shard;
  readonly note?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The array task of this process; `undefined` outside an array job. */
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
  // Outside an array, the variable is the word 'undefined'.
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
 * A full array (`--array=1-8`, `0-7`, `10-80:10`) takes the shards in order. An array with fewer tasks than the output folder
 * has shards is treated as a second run of some tasks: the journals tell which shard each task had. If the scheduler does not
 * tell enough, nothing is guessed that could silently skip a part of the list.
 *
 * @param wanted the number of shards, if the user gave it
 * @param earlier tasks that worked in the output folder before
 * @throws UserError if the shard cannot be determined
 */
export function shardOfTask(task: ArrayTask, wanted: number | undefined, earlier: readonly EarlierTask[]): TaskShard | undefined {
  const again = repeated(task, wanted, earlier);
  if (again !== undefined) {
    const { index, count } = again;
    return { shard: again, note: `task ${task.id} works on shard ${index} of ${count}, as in the earlier run in this folder (change it with --shards or --shard i/n)` };
  }
  const count = wanted ?? task.count;
  if (count === undefined) {
    // Old versions of SLURM do not tell the size of an array: every task does the whole list, as without an array.
    if (task.scheduler === 'SLURM') return undefined;
    throw new UserError(`${task.scheduler} says that this is task ${task.id}, but not how many tasks the job has`, 'give --shards N, or --no-shard to work on the whole list');
  }
  if (task.count === undefined) return { shard: indexed(task, count) };
  if (wanted !== undefined && wanted !== task.count) return partial(task, wanted);
  return { shard: parseShard(`${placeOf(task)}/${count}`) };
}

/** The shard that this task had in an earlier run of a larger array, taken from its own journal or its neighbours'. */
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

/** The shard of a task if the scheduler only tells its id. */
function indexed({ id, first, step = 1, scheduler }: ArrayTask, count: number): Shard {
  // PBS does not tell if an array starts at 0 or 1. With the remainder, n tasks in a row take all n shards in both cases.
  if (scheduler === 'PBS') return { index: (id % count) + 1, count };
  return parseShard(`${(id - (first ?? 0)) / step + 1}/${count}`);
}

/** The shard of a task in an array that covers only some of the shards, if the output folder does not tell more. */
function partial(task: ArrayTask, count: number): TaskShard {
  const { id, first = 0, scheduler } = task;
  const base = first === 0 ? 0 : 1;
  const index = id - base + 1;
  if (index > count) {
    throw new UserError(`the ${scheduler} array has ${task.count} tasks, but --shards is ${count}, and task ${id} is not one of them`, 'choose the shard with --shard i/n');
  }
  return { shard: { index, count }, note: `task ${id} works on shard ${index} of ${count}: tasks are assumed to count from ${base}` };
}

/** The place of a task in its array, counted from 1. */
function placeOf({ scheduler, id, first = 0, last, step = 1, count = 1 }: ArrayTask): number {
  if (last === undefined || Math.floor((last - first) / step) + 1 === count) return (id - first) / step + 1;
  // Irregular ids, such as 1,5: SLURM tells only the lowest, the highest and their number.
  if (id === first) return 1;
  if (id === last) return count;
  if (count === 3) return 2;
  throw new UserError(
    `the place of task ${id} among the ${count} tasks of the array (${first} to ${last}) is unknown: ${scheduler} does not list them`,
    `use an array without gaps, for example 1-${count}, or choose the shard with --shard i/n`,
  );
}
