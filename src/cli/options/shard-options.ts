import type { Command } from 'commander';
import { UserError } from '../../errors.js';
import { arrayTaskOf, shardOfTask } from '../../jobs/journal/array-task.js';
import type { ArrayTask, EarlierTask } from '../../jobs/journal/array-task.js';
import { parseShard } from '../../jobs/journal/shard.js';
import type { Shard } from '../../jobs/journal/shard.js';
import { GROUPS } from './groups.js';
import { parseCount } from './parsers.js';

/** The flags of {@link addShardOptions}. */
export interface ShardFlags {
  shard?: string | boolean;
  shards?: number;
}

/** A shard, and the array task that stands for it. */
export interface ChosenShard {
  readonly shard: Shard;
  readonly task?: ArrayTask;
  readonly note?: string;
}

/**
 * Adds the options that split a list between processes.
 *
 * @param automatic whether the variables of a job scheduler are looked at without `--shard auto`
 */
export function addShardOptions(command: Command, automatic: boolean): Command {
  const schedulers = 'SLURM, SGE, PBS or Kubernetes';
  command.optionsGroup(GROUPS.running).option('--shard <i/n>', `work on the i-th of n parts of the list; auto: on the part that ${schedulers} has given this process${automatic ? ' (default in an array job)' : ''}`);
  if (automatic) command.option('--no-shard', `do not take a part from the variables of ${schedulers}`);
  return command.option('--shards <n>', 'the number of parts, if the scheduler tells only which one this is, or if some are run again', parseCount);
}

/**
 * The shard that the flags name, or that a job scheduler has given this process; none for the whole list.
 *
 * @param automatic as for {@link addShardOptions}
 * @param earlier tells which tasks have worked in the output folder before
 * @throws UserError if the shard cannot be told
 */
export async function chosenShard(
  { shard, shards }: ShardFlags, automatic: boolean, environment: Readonly<Record<string, string | undefined>>,
  earlier: () => Promise<readonly EarlierTask[]>,
): Promise<ChosenShard | undefined> {
  if (shard === false) return undefined;
  if (typeof shard === 'string' && shard !== 'auto') return { shard: parseShard(shard) };
  const task = automatic || shard === 'auto' ? arrayTaskOf(environment) : undefined;
  const chosen = task === undefined ? undefined : shardOfTask(task, shards, await earlier());
  if (chosen !== undefined) return { task, ...chosen };
  if (shard === 'auto' || shards !== undefined) {
    throw new UserError(
      `${shards === undefined ? '--shard auto' : '--shards'} is given, but no scheduler says which part this is`,
      'name it with --shard i/n; SLURM_ARRAY_TASK_ID, SGE_TASK_ID, PBS_ARRAY_INDEX and JOB_COMPLETION_INDEX are looked at',
    );
  }
  return undefined;
}
