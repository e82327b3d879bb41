import { UserError } from '../../errors.js';

/** One of several equal parts of a list, each processed by its own process. `index` counts from 1. */
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
    throw new UserError(`'${text}' is not a shard`, 'give i/n, for example 1/4 for the first of four');
  }
  return { index, count };
}

/** The part of file names that identifies a shard, `1of4`; empty for a single process. */
export function shardPart(shard: Shard | undefined): string {
  return shard === undefined ? '' : `${shard.index}of${shard.count}`;
}

/** The items of a shard: every n-th, so that all shards take about as long. */
export function itemsOfShard<T>(items: readonly T[], { index, count }: Shard): T[] {
  return items.filter((_, i) => i % count === index - 1);
}
