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
  const files = await Promise.all(names.map(async (name) => ({ name, value: await readRecordFile(join(folder, name)) })));
  // A run.json that was merged from the parts may be older than they are.
  const whole = files.filter(({ name, value }) => name === runRecordName() && (files.length === 1 || !('shards' in value)));
  const records = (whole.length > 0 ? whole : files.filter(({ name }) => name !== runRecordName())).map(({ value }) => recordOf(value));
  return records.length === 1 ? records[0] : mergeRecords(records);
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
 * Merges the records of a run's parts. Counts and rates are added up. The parts run at the same time, so the duration is that
 * of the longest.
 */
export function mergeRecords(records: readonly RunRecord[]): RunRecord {
  if (records.length === 0) return {};
  const sum = (of: readonly (number | undefined)[]): number => of.reduce<number>((total, value) => total + (value ?? 0), 0);
  const written = (record: RunRecord): number => record.counts?.written ?? 0;
  const counts = Object.fromEntries(namesIn(records.map((record) => record.counts)).map((name) => [
    name, sum(records.map((record) => record.counts?.[name])),
  ]));
  // Each part lists the missing photographs of the whole list.
  const missing = [...new Set(records.flatMap((record) => record.missing ?? []))];
  const stages = namesIn(records.map((record) => record.stages)).map((name) => [
    name, Number((sum(records.map((record) => (record.stages?.[name] ?? 0) * written(record))) / Math.max(1, sum(records.map(written)))).toFixed(2)),
  ]);
  return {
    ...records[0],
    counts: { ...counts, missing: missing.length },
    missing,
    stages: Object.fromEntries(stages) as Record<string, number>,
    failures: records.flatMap((record) => record.failures ?? []),
    notes: [...new Map(records.flatMap((record) => record.notes ?? []).map((entry) => [entry.id, entry])).values()],
    seconds: Math.max(...records.map((record) => record.seconds ?? 0)),
    imagesPerSecond: Number(sum(records.map((record) => record.imagesPerSecond)).toFixed(2)),
    started: records.map((record) => record.started).filter((time) => time !== undefined).sort()[0],
    finished: records.map((record) => record.finished).filter((time) => time !== undefined).sort().at(-1),
    workers: sum(records.map((record) => record.workers)),
    interrupted: records.some((record) => record.interrupted === true),
  };
}

function namesIn(objects: readonly (Readonly<Record<string, unknown>> | undefined)[]): string[] {
  return [...new Set(objects.flatMap((object) => Object.keys(object ?? {})))];
}
