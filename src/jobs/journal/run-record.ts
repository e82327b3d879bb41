import type { Shard } from './shard.js';
import { shardPart } from './shard.js';

const NAME = /^run(?:-(\d+)of(\d+))?\.json$/;

/** The name of the record that a run writes beside its results: `run.json`, or `run-2of4.json` for a shard. */
export function runRecordName(shard?: Shard): string {
  return shard === undefined ? 'run.json' : `run-${shardPart(shard)}.json`;
}

/** The run that a file name is the record of, `shard` only if it is of a shard; `undefined` for other names. */
export function runOfRecord(name: string): { readonly shard?: Shard } | undefined {
  const [whole, index, count] = NAME.exec(name) ?? [];
  if (whole === undefined) return undefined;
  return index === undefined ? {} : { shard: { index: Number(index), count: Number(count) } };
}
