import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '../../errors.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import { journalsIn } from '../../jobs/journal/journal-text.js';
import { runOfRecord, runRecordName } from '../../jobs/journal/run-record.js';
import type { Shard } from '../../jobs/journal/shard.js';
import { mergeRecords, readRecordFile, recordOf } from './record.js';

/** The result of {@link mergeRun}. */
export interface MergedRun {
  /** The file that was written. */
  readonly path: string;
  /** The number of parts of the run. */
  readonly shards: number;
  /** Parts without a record: not started, still running, or killed. */
  readonly missingShards: readonly number[];
  /** The contents of the merged run.json. */
  readonly record: Readonly<Record<string, unknown>>;
}

interface Part extends Shard {
  readonly name: string;
  readonly raw: Readonly<Record<string, unknown>>;
}

/**
 * Writes one run.json for a run in parts (`generate --shard`). It contains the fields that all parts share, the sums of their
 * counts, all failures and notes, and under `shards` a summary of each part.
 *
 * @param folder contains run-1of4.json and so on
 * @throws UserError if there are no parts, if they are from runs with different numbers of parts, or if their settings differ
 */
export async function mergeRun(folder: string): Promise<MergedRun> {
  const parts = await partsIn(folder);
  const { count } = parts[0];
  const other = parts.find((part) => part.count !== count);
  if (other !== undefined) {
    throw new UserError(`${folder} contains parts of two runs: ${parts[0].name} and ${other.name}`, 'remove the records of the old run');
  }
  const settings = JSON.stringify(parts[0].raw.settings);
  const differing = parts.find(({ raw }) => JSON.stringify(raw.settings) !== settings);
  if (differing !== undefined) throw new UserError(`the settings in ${join(folder, differing.name)} differ from those in ${parts[0].name}`, 'run all parts again with the same settings');
  const merged = mergeRecords(parts.map(({ raw }) => recordOf(raw)));
  const indices = new Set(parts.map(({ index }) => index));
  const record = {
    ...common(parts.map(({ raw }) => raw)), ...merged, shard: null,
    shards: parts.map(({ index, raw: { counts, started, finished, seconds, workers, threads, interrupted } }) => (
      { shard: { index, count }, counts, started, finished, seconds, workers, threads, interrupted })),
  };
  const path = join(folder, runRecordName());
  await writeFileAtomic(path, `${JSON.stringify(record, null, 2)}\n`);
  return { path, shards: count, missingShards: Array.from({ length: count }, (_, i) => i + 1).filter((index) => !indices.has(index)), record };
}

async function partsIn(folder: string): Promise<Part[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    throw new UserError(`the run ${folder} cannot be read: ${messageOf(error)}`, 'pass the --out folder of generate', { cause: error });
  }
  const parts: Part[] = [];
  for (const name of names) {
    const { shard } = runOfRecord(name) ?? {};
    if (shard !== undefined) parts.push({ name, ...shard, raw: await readRecordFile(join(folder, name)) });
  }
  if (parts.length === 0) {
    if ((await journalsIn(folder)).some((name) => /of\d+$/.test(name))) {
      throw new UserError(`${folder} contains no parts of generate (run-1of4.json and so on)`, 'parts of ablate, localize and faithfulness need no merge: the one that ends last computes the scores, and so does the same command without --shard');
    }
    throw new UserError(`${folder} contains no parts of a run (run-1of4.json and so on)`, names.includes(runRecordName()) ? 'it already contains one run.json: there is nothing to merge' : 'pass the --out folder of generate --shard');
  }
  return parts.sort((a, b) => a.count - b.count || a.index - b.index);
}

/** The fields that are equal in all records. */
function common(records: readonly Readonly<Record<string, unknown>>[]): Record<string, unknown> {
  const [first, ...others] = records;
  const inAll = ([name, value]: [string, unknown]): boolean => others.every((record) => JSON.stringify(record[name]) === JSON.stringify(value));
  return Object.fromEntries(Object.entries(first).filter(inAll));
}
