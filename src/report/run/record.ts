import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ClassSet } from '../../datasets/classes/class-set.js';
import { classSetOf } from '../../datasets/classes/known.js';
import { classSetSchema } from '../../datasets/classes/schema.js';
import { messageOf, UserError } from '../../errors.js';
import { runOfRecord, runRecordName } from '../../jobs/journal/run-record.js';

/** Drops a field that is not as expected, so that runs of older and newer versions can be reported too. */
const lenient = <S extends z.ZodType>(schema: S) => schema.optional().catch(undefined);

const schema = z.object({
  command: lenient(z.string()),
  classSet: lenient(classSetSchema),
  /** The data set, if it is not a devkit. */
  data: lenient(z.string()),
  vocRoot: lenient(z.string()),
  splitFile: lenient(z.string()),
  split: lenient(z.string()),
  settings: lenient(z.record(z.string(), z.unknown())),
  modelPath: lenient(z.string()),
  versions: lenient(z.record(z.string(), z.string())),
  workers: lenient(z.number()),
  threads: lenient(z.number()),
  started: lenient(z.string()),
  finished: lenient(z.string()),
  seconds: lenient(z.number()),
  imagesPerSecond: lenient(z.number()),
  /** The mean time per image in each stage, in milliseconds of one worker. */
  stages: lenient(z.record(z.string(), z.number())),
  counts: lenient(z.record(z.string(), z.number())),
  failures: lenient(z.array(z.object({ id: z.string(), reason: z.string() }))),
  notes: lenient(z.array(z.object({ id: z.string(), notes: z.array(z.string()) }))),
  missing: lenient(z.array(z.string())),
  interrupted: lenient(z.boolean()),
});

/** The contents of `run.json`; every part may be missing. */
export type RunRecord = z.infer<typeof schema>;

/**
 * Reads `run.json`, or the sum of all `run-<i>of<n>.json` of a run in parts. The record is empty if there are none.
 *
 * @throws UserError if such a file is not a JSON object
 */
export async function readRunRecord(folder: string): Promise<RunRecord> {
  const names = (await readdir(folder)).filter(runOfRecord).sort();
  const parts = names.filter((name) => name !== runRecordName());
  if (parts.length < names.length) {
    const whole = await readRecordFile(join(folder, runRecordName()));
    // A run.json that was merged from the parts may be older than they are.
    if (parts.length === 0 || !('shards' in whole)) return recordOf(whole);
  }
  if (parts.length === 1) return recordOf(await readRecordFile(join(folder, parts[0])));
  const sum = new RecordSum();
  for (const name of parts) sum.add(recordOf(await readRecordFile(join(folder, name))));
  return sum.record;
}

/** The class set of a run, if the folder has the record of one. */
export async function classSetOfRun(folder: string): Promise<ClassSet | undefined> {
  const record = await readRunRecord(folder).catch(() => undefined);
  return record?.classSet === undefined ? undefined : classSetOf(record.classSet);
}

/** @throws UserError that names the file if it is not a JSON object */
export async function readRecordFile(path: string, command = 'generate'): Promise<Readonly<Record<string, unknown>>> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw new Error('it is not a JSON object');
  } catch (cause) {
    throw new UserError(`cannot read ${path}: ${messageOf(cause).split('\n')[0]}`, `run the same ${command} command again to write it`, { cause });
  }
}

/** Parses the contents of a record. */
export function recordOf(value: Readonly<Record<string, unknown>>): RunRecord {
  return schema.parse(value);
}

/**
 * Merges the records of a run's parts, one after the other: those of a long list need not be in memory together. Counts and rates
 * are added up. The parts run at the same time, so the duration is that of the longest.
 */
export class RecordSum {
  private readonly parts: RunRecord[] = [];
  private readonly failures: NonNullable<RunRecord['failures']> = [];
  private readonly notes = new Map<string, NonNullable<RunRecord['notes']>[number]>();
  private readonly missing = new Set<string>();
  /** The missing photographs of the part before. Each part lists those of the whole list, so this one mostly lists the same. */
  private before: readonly string[] = [];

  add({ failures = [], notes = [], missing = [], ...part }: RunRecord): void {
    this.parts.push(part);
    for (const failure of failures) this.failures.push(failure);
    for (const entry of notes) this.notes.set(entry.id, entry);
    const { before } = this;
    if (missing.length !== before.length || missing.some((id, i) => id !== before[i])) for (const id of missing) this.missing.add(id);
    this.before = missing;
  }

  /** The record of all parts; it is empty if there are none. */
  get record(): RunRecord {
    const { parts } = this;
    if (parts.length === 0) return {};
    const sum = (of: readonly (number | undefined)[]): number => of.reduce<number>((total, value) => total + (value ?? 0), 0);
    const written = (record: RunRecord): number => record.counts?.written ?? 0;
    const counts = Object.fromEntries(namesIn(parts.map((record) => record.counts)).map((name) => [
      name, sum(parts.map((record) => record.counts?.[name])),
    ]));
    const stages = namesIn(parts.map((record) => record.stages)).map((name) => [
      name, Number((sum(parts.map((record) => (record.stages?.[name] ?? 0) * written(record))) / Math.max(1, sum(parts.map(written)))).toFixed(2)),
    ]);
    return {
      ...parts[0],
      counts: { ...counts, missing: this.missing.size },
      missing: [...this.missing],
      stages: Object.fromEntries(stages) as Record<string, number>,
      failures: this.failures,
      notes: [...this.notes.values()],
      seconds: Math.max(...parts.map((record) => record.seconds ?? 0)),
      imagesPerSecond: Number(sum(parts.map((record) => record.imagesPerSecond)).toFixed(2)),
      started: parts.map((record) => record.started).filter((time) => time !== undefined).sort()[0],
      finished: parts.map((record) => record.finished).filter((time) => time !== undefined).sort().at(-1),
      workers: sum(parts.map((record) => record.workers)),
      interrupted: parts.some((record) => record.interrupted === true),
    };
  }
}

function namesIn(objects: readonly (Readonly<Record<string, unknown>> | undefined)[]): string[] {
  return [...new Set(objects.flatMap((object) => Object.keys(object ?? {})))];
}
