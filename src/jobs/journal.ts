import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../errors.js';
import type { ArrayTask } from './array-task.js';
import { makeFolder, writeError } from './files.js';
import { parseJsonLines } from './json-lines.js';

/** What became of one item. */
export interface JournalEntry {
  readonly id: string;
  readonly status: 'done' | 'failed';
  /** Why it failed. */
  readonly reason?: string;
  /** What is worth knowing of an item that is done. */
  readonly notes?: readonly string[];
}

/** The settings that a folder's results were made with, and their fingerprint. */
interface JournalHeader {
  readonly settings: string;
  readonly values: Readonly<Record<string, unknown>>;
}

const PREFIX = 'journal';

/** A short fingerprint of settings; the order of their names does not matter. */
export function fingerprint(settings: Readonly<Record<string, unknown>>): string {
  const sorted = JSON.stringify(Object.entries(settings).filter(([, value]) => value !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)));
  return createHash('sha256').update(sorted).digest('hex').slice(0, 16);
}

/**
 * The record of a batch in its output folder: one JSON line per item as soon as it is done, so that an interrupted run
 * resumes where it was. The first line holds the settings: results of different settings do not mix.
 */
export class Journal {
  private constructor(
    private readonly folder: string, private readonly own: string, private readonly file: FileHandle,
    private readonly known: Map<string, JournalEntry>,
  ) {}

  /**
   * Opens the journal of a process in `folder`, and reads what it and the processes beside it (other shards) have done.
   *
   * @param settings everything that results depend on
   * @param part tells the journals of several shards apart, e.g. `1of4`; empty for the only one
   * @param resume false: the process's own journal is begun anew
   * @param task the array task that this process is; it is written down for a later array that runs some tasks again
   * @throws UserError where the folder holds results of other settings, or cannot be written to
   */
  static async open(folder: string, settings: Readonly<Record<string, unknown>>, part: string, resume: boolean, task?: ArrayTask): Promise<Journal> {
    await makeFolder(folder);
    const known = new Map<string, JournalEntry>();
    const own = part === '' ? PREFIX : `${PREFIX}-${part}`;
    const hash = fingerprint(settings);
    let begun: JournalText | undefined;
    for (const name of await journalsIn(folder)) {
      if (!resume && name === own) continue;
      const text = await readJournal(join(folder, name));
      const { header, entries } = text;
      if (header !== undefined && header.settings !== hash) throw mixed(folder, header.values, settings);
      for (const entry of entries) known.set(entry.id, entry);
      if (name === own && header !== undefined) begun = text;
    }
    const path = join(folder, own);
    try {
      const file = await open(path, begun === undefined ? 'w' : 'a');
      if (begun === undefined) await file.appendFile(`${JSON.stringify({ settings: hash, values: settings, task })}\n`);
      // What comes next must not be written behind half a line.
      else if (!begun.whole) await file.appendFile('\n');
      return new Journal(folder, own, file, known);
    } catch (error) {
      throw writeError(path, error);
    }
  }

  /** Whether an item is done. What failed is tried again. */
  isDone(id: string): boolean {
    return this.known.get(id)?.status === 'done';
  }

  /** What is known of every item, from this run and those before and beside it. */
  get entries(): readonly JournalEntry[] {
    return [...this.known.values()];
  }

  async record(entry: JournalEntry): Promise<void> {
    try {
      await this.file.appendFile(`${JSON.stringify(entry)}\n`);
    } catch (error) {
      throw writeError(join(this.folder, this.own), error);
    }
    this.known.set(entry.id, entry);
  }

  /**
   * Reads what the processes beside this one have done in the meantime.
   *
   * @returns whether any of it was new
   */
  async refresh(): Promise<boolean> {
    let news = false;
    for (const name of await journalsIn(this.folder)) {
      if (name === this.own) continue;
      for (const entry of (await readJournal(join(this.folder, name))).entries) {
        if (entry.status !== 'done' || this.isDone(entry.id)) continue;
        this.known.set(entry.id, entry);
        news = true;
      }
    }
    return news;
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

interface JournalText {
  readonly header: JournalHeader | undefined;
  readonly entries: readonly JournalEntry[];
  /** Whether the last line is complete. */
  readonly whole: boolean;
}

async function journalsIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name === PREFIX || name.startsWith(`${PREFIX}-`)).sort();
}

async function readJournal(path: string): Promise<JournalText> {
  const text = await readFile(path, 'utf8');
  // A process that was killed may have left half a line; the item in it was not recorded.
  const parsed = parseJsonLines(text) as (JournalHeader | JournalEntry)[];
  return {
    header: parsed.find((line) => 'settings' in line),
    entries: parsed.filter((line) => 'id' in line),
    whole: text.endsWith('\n'),
  };
}

function mixed(folder: string, before: Readonly<Record<string, unknown>>, now: Readonly<Record<string, unknown>>): UserError {
  const text = (value: unknown): string => JSON.stringify(value) ?? 'none';
  const short = (value: unknown): string => (text(value).length > 60 ? `${text(value).slice(0, 57)}...` : text(value));
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((name) => text(before[name]) !== text(now[name]));
  const differences = names.slice(0, 4).map((name) => `${name} was ${short(before[name])} and is ${short(now[name])}`);
  return new UserError(
    `${folder} holds results of other settings: ${differences.join('; ')}${names.length > 4 ? '; ...' : ''}`,
    'choose another --out, or remove the folder, or make everything anew with --no-resume',
  );
}
