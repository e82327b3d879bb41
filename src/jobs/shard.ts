import { UserError } from '../errors.js';

/** One of several equal parts of a list, each worked on by a process of its own. `index` counts from 1. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/**
 * Parses `i/n`, 1 <= i <= n.
 *
 * @throws UserError for anything else
 */
export function parseShard(text: string): Shard {
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(text)?.map(Number) ?? [];
  if (index === undefined || index < 1 || index > count) {
    throw new UserError(`'${text}' is no shard`, 'give i/n, the first of four being 1/4');
  }
  return { index, count };
}

/**
 * The shard that a job scheduler has given this process: a SLURM array task, or an indexed Kubernetes job, whose number
 * of parts has to be named, since Kubernetes does not tell it.
 *
 * @param count the number of shards, where it is known from elsewhere
 * @throws UserError where the scheduler says which part this is but not of how many, or another number than `count`
 */
export function shardOfEnvironment(environment: Readonly<Record<string, string | undefined>>, count?: number): Shard | undefined {
  const number = (name: string): number | undefined => (/^\d+$/.test(environment[name] ?? '') ? Number(environment[name]) : undefined);
  const task = number('SLURM_ARRAY_TASK_ID');
  const known = number('SLURM_ARRAY_TASK_COUNT');
  const tasks = count ?? known;
  if (task !== undefined && known !== undefined && known !== tasks) {
    // An array of a few parts that are run again: SLURM no longer tells where the whole one began.
    throw new UserError(`the SLURM array has ${known} tasks, but --shards is ${tasks}`, 'name the part with --shard i/n');
  }
  if (task !== undefined && tasks !== undefined) {
    const index = (task - (number('SLURM_ARRAY_TASK_MIN') ?? 0)) / (number('SLURM_ARRAY_TASK_STEP') ?? 1) + 1;
    return parseShard(`${index}/${tasks}`);
  }
  const completion = number('JOB_COMPLETION_INDEX');
  if (completion === undefined) return undefined;
  if (count === undefined) {
    throw new UserError('JOB_COMPLETION_INDEX is set, but not how many parts the job has', 'give --shards N, or --no-shard to work on the whole list');
  }
  return parseShard(`${completion + 1}/${count}`);
}

/** The items of a shard: every n-th, so that all shards take about as long. */
export function itemsOfShard<T>(items: readonly T[], { index, count }: Shard): T[] {
  return items.filter((_, i) => i % count === index - 1);
}
