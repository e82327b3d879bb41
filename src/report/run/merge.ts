import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '../../errors.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import { journalsIn } from '../../jobs/journal/journal-text.js';
import { runOfRecord, runRecordName } from '../../jobs/journal/run-record.js';
import type { Shard } from '../../jobs/journal/shard.js';
import { readRecordFile, recordOf, RecordSum } from './record.js';

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

type RawRecord = Readonly<Record<string, unknown>>;

interface Part extends Shard {
  readonly name: string;
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
  const sum = new RecordSum();
  const shards: RawRecord[] = [];
  let settings: string | undefined;
  let shared: ReadonlyMap<string, string> | undefined;
  for (const { name, index } of parts) {
    const { failures, notes, missing, ...raw } = await readRecordFile(join(folder, name));
    const own = JSON.stringify(raw.settings);
    if (shared === undefined) settings = own;
    else if (own !== settings) throw new UserError(`the settings in ${join(folder, name)} differ from those in ${parts[0].name}`, 'run all parts again with the same settings');
    shared = common(shared, raw);
    sum.add(recordOf({ ...raw, failures, notes, missing }));
    const { counts, started, finished, seconds, workers, threads, interrupted } = raw;
    shards.push({ shard: { index, count }, counts, started, finished, seconds, workers, threads, interrupted });
  }
  const indices = new Set(parts.map(({ index }) => index));
  const record = {
    ...Object.fromEntries([...shared ?? []].map(([name, text]) => [name, JSON.parse(text) as unknown])), ...sum.record, shard: null, shards,
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
    if (shard !== undefined) parts.push({ name, ...shard });
  }
  if (parts.length === 0) {
    if ((await journalsIn(folder)).some((name) => /of\d+$/.test(name))) {
      throw new UserError(`${folder} contains no parts of generate (run-1of4.json and so on)`, 'parts of ablate, localize and faithfulness need no merge: the one that ends last computes the scores, and so does the same command without --shard');
    }
    throw new UserError(`${folder} contains no parts of a run (run-1of4.json and so on)`, names.includes(runRecordName()) ? 'it already contains one run.json: there is nothing to merge' : 'pass the --out folder of generate --shard');
  }
  return parts.sort((a, b) => a.count - b.count || a.index - b.index);
}

/** The fields, as JSON, that are equal in all records: in those before and in this one. */
function common(before: ReadonlyMap<string, string> | undefined, record: RawRecord): ReadonlyMap<string, string> {
  if (before === undefined) return new Map(Object.entries(record).map(([name, value]) => [name, JSON.stringify(value)]));
  return new Map([...before].filter(([name, text]) => JSON.stringify(record[name]) === text));
}
