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

/** A shard, and the array task that processes it. */
export interface ChosenShard {
  readonly shard: Shard;
  readonly task?: ArrayTask;
  readonly note?: string;
}

/**
 * Adds the options that split a list between processes.
 *
 * @param automatic whether the variables of a job scheduler are used even without `--shard auto`
 */
export function addShardOptions(command: Command, automatic: boolean): Command {
  const schedulers = 'SLURM, SGE, PBS or Kubernetes';
  command.optionsGroup(GROUPS.running).option('--shard <i/n>', `process only part i of n of the list; auto: the part that ${schedulers} assigns to this process${automatic ? ' (default in an array job)' : ''}`);
  if (automatic) command.option('--no-shard', `ignore the variables of ${schedulers}`);
  return command.option('--shards <n>', 'the number of parts, if the scheduler does not set it or only some of them run', parseCount);
}

/** What a part says that ends while others are at work. */
export function leftToOthers(images: number): string {
  return `${images} images are left to the other shards. The last shard to finish computes the scores. So does the same command without --shard.`;
}

/**
 * The shard from the flags or the job scheduler. Undefined for the whole list.
 *
 * @param automatic see {@link addShardOptions}
 * @param earlier returns the tasks that have used the output folder before
 * @throws UserError if the shard cannot be determined
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
      'set it with --shard i/n; schedulers set SLURM_ARRAY_TASK_ID, SGE_TASK_ID, PBS_ARRAY_INDEX or JOB_COMPLETION_INDEX',
    );
  }
  return undefined;
}
