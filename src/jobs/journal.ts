import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../errors.js';

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
  private constructor(private readonly file: FileHandle, private readonly known: Map<string, JournalEntry>) {}

  /**
   * Opens the journal of a process in `folder`, and reads what it and the processes beside it (other shards) have done.
   *
   * @param settings everything that results depend on
   * @param part tells the journals of several shards apart, e.g. `1of4`; empty for the only one
   * @param resume false: what is there is done again
   * @throws UserError where the folder holds results of other settings
   */
  static async open(folder: string, settings: Readonly<Record<string, unknown>>, part: string, resume: boolean): Promise<Journal> {
    await mkdir(folder, { recursive: true });
    const known = new Map<string, JournalEntry>();
    const own = part === '' ? PREFIX : `${PREFIX}-${part}`;
    const hash = fingerprint(settings);
    const names = (await readdir(folder)).filter((name) => name === PREFIX || name.startsWith(`${PREFIX}-`));
    for (const name of names) {
      if (!resume && name === own) continue;
      const { header, entries } = await readJournal(join(folder, name));
      if (header !== undefined && header.settings !== hash) throw mixed(folder, header.values, settings);
      for (const entry of entries) known.set(entry.id, entry);
    }
    const fresh = !resume || !names.includes(own);
    const file = await open(join(folder, own), fresh ? 'w' : 'a');
    if (fresh) await file.appendFile(`${JSON.stringify({ settings: hash, values: settings })}\n`);
    return new Journal(file, known);
  }

  /** Whether an item is done. What failed is tried again. */
  isDone(id: string): boolean {
    return this.known.get(id)?.status === 'done';
  }

  /** Every item that is known, by this process and those beside it. */
  get entries(): readonly JournalEntry[] {
    return [...this.known.values()];
  }

  async record(entry: JournalEntry): Promise<void> {
    this.known.set(entry.id, entry);
    await this.file.appendFile(`${JSON.stringify(entry)}\n`);
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

async function readJournal(path: string): Promise<{ header: JournalHeader | undefined; entries: JournalEntry[] }> {
  const lines = (await readFile(path, 'utf8')).split('\n');
  // A process that was killed may have left half a line; the item in it was not recorded.
  const parsed = lines.flatMap((line): unknown[] => {
    try {
      return line === '' ? [] : [JSON.parse(line)];
    } catch {
      return [];
    }
  });
  const [header, ...entries] = parsed as [JournalHeader | undefined, ...JournalEntry[]];
  return { header, entries };
}

function mixed(folder: string, before: Readonly<Record<string, unknown>>, now: Readonly<Record<string, unknown>>): UserError {
  const text = (value: unknown): string => JSON.stringify(value) ?? 'none';
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((name) => text(before[name]) !== text(now[name]));
  const differences = names.slice(0, 4).map((name) => `${name} was ${text(before[name])} and is ${text(now[name])}`);
  return new UserError(
    `${folder} holds results of other settings: ${differences.join('; ')}${names.length > 4 ? '; ...' : ''}`,
    'choose another --out, or remove the folder',
  );
}
