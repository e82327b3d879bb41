import { UserError } from '../../errors.js';

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

/** What the files of a shard have in their names, `1of4`; the only process has nothing there. */
export function shardPart(shard: Shard | undefined): string {
  return shard === undefined ? '' : `${shard.index}of${shard.count}`;
}

/** The items of a shard: every n-th, so that all shards take about as long. */
export function itemsOfShard<T>(items: readonly T[], { index, count }: Shard): T[] {
  return items.filter((_, i) => i % count === index - 1);
}
