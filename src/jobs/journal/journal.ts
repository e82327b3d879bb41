import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open, readdir, truncate, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '../../errors.js';
import type { ArrayTask } from './array-task.js';
import { makeFolder, writeError } from '../files/atomic.js';
import { journalsIn, parseJournal } from './journal-text.js';
import type { JournalEntry, JournalText } from './journal-text.js';
import { isFileAt, vanished } from '../files/out-folder.js';
import { openRegularFile } from '../files/read-file.js';
import { isTemporaryName } from '../files/temporary.js';
import { runOfRecord } from './run-record.js';

export type { JournalEntry } from './journal-text.js';

const PREFIX = 'journal';

/** A short fingerprint of settings, independent of the order of their names. */
export function fingerprint(settings: Readonly<Record<string, unknown>>): string {
  const sorted = JSON.stringify(Object.entries(settings).filter(([, value]) => value !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)));
  return createHash('sha256').update(sorted).digest('hex').slice(0, 16);
}

/**
 * The record of a batch in its output folder: one JSON line per item as soon as it is done, so that an interrupted run can be
 * resumed. The first line contains the settings, so that results with different settings are never mixed.
 */
export class Journal {
  /** Items whose files were changed after an earlier run wrote them. */
  private readonly forgotten = new Set<string>();

  private constructor(
    private readonly folder: string, private readonly own: string, private readonly settings: string, private readonly file: FileHandle,
    /** The last entry of every journal for each item. */
    private readonly known: Map<string, readonly JournalEntry[]>,
    /** The states of the journals when they were last read. */
    private readonly read = new Map<string, string>(),
  ) {}

  /**
   * Opens the journal of this process in `folder`, and reads what it and the other shards have done.
   *
   * @param settings everything that the results depend on
   * @param part the shard in the journal's name, e.g. `1of4`; empty for a single process
   * @param resume false: results of earlier runs are ignored, and this process starts a new journal
   * @param results folders in `folder` for results; if they have files but there is no journal, this throws
   * @param task the array task of this process, recorded for a later array that runs some tasks again
   * @throws UserError if the folder contains results with other settings, or results without a journal; if a journal is
   *   damaged; if the folder cannot be written to
   */
  static async open(
    folder: string, settings: Readonly<Record<string, unknown>>, part: string, resume: boolean, results: readonly string[] = [],
    task?: ArrayTask,
  ): Promise<Journal> {
    await makeFolder(folder);
    const own = part === '' ? PREFIX : `${PREFIX}-${part}`;
    const hash = fingerprint(settings);
    const names = await journalsIn(folder);
    const known = new Map<string, readonly JournalEntry[]>();
    if (!resume) {
      if (names.length === 0 && !await hasRecord(folder)) await refuseForeign(folder, results, false);
      await beginAnew(folder, names, own, hash, known);
      return new Journal(folder, own, hash, await create(folder, own, settings, task), known);
    }
    const texts = new Map<string, JournalText>();
    const states = new Map<string, string>();
    for (const name of names) {
      const { state, text } = await readJournal(join(folder, name));
      states.set(name, state);
      texts.set(name, text!);
    }
    for (const [name, { header, damage, entries }] of texts) {
      if (damage !== undefined) throw damaged(join(folder, name), damage);
      if (header !== undefined && header.settings !== hash) throw mixed(folder, name, header.values, settings);
      addEntries(known, entries);
    }
    if (![...texts.values()].some(({ header }) => header !== undefined)) {
      await refuseForeign(folder, results, names.length > 0 || await hasRecord(folder));
    }
    const before = texts.get(own);
    const file = before?.header === undefined ? await create(folder, own, settings, task, before !== undefined) : await goOn(folder, own, before);
    return new Journal(folder, own, hash, file, known, states);
  }

  /** Whether an item is done. Failed items are tried again. */
  isDone(id: string): boolean {
    return this.known.get(id)?.some(({ status }) => status === 'done') === true;
  }

  /** The journals' entries for a finished item; several if several processes did it. */
  doneEntries(id: string): readonly JournalEntry[] {
    return (this.known.get(id) ?? []).filter(({ status }) => status === 'done');
  }

  /** Marks an item as not done, because its files were changed. */
  forget(id: string): void {
    this.known.delete(id);
    this.forgotten.add(id);
  }

  /** The entry of every item, from this run, earlier runs and other shards. */
  get entries(): readonly JournalEntry[] {
    return [...this.known.values()].map((entries) => entries.find(({ status }) => status === 'done') ?? entries[0]);
  }

  /** @throws UserError if it cannot be written to, or has been removed or replaced */
  async record(entry: JournalEntry): Promise<void> {
    const path = join(this.folder, this.own);
    if (!await isFileAt(path, this.file)) throw vanished(path);
    try {
      await this.file.appendFile(`${JSON.stringify(entry)}\n`);
    } catch (error) {
      throw writeError(path, error);
    }
    this.known.set(entry.id, [entry]);
    this.forgotten.delete(entry.id);
  }

  /**
   * Reads what other processes have done in the meantime.
   *
   * @returns whether there was anything new
   */
  async refresh(): Promise<boolean> {
    let news = false;
    for (const name of await journalsIn(this.folder)) {
      if (name === this.own) continue;
      const { state, text } = await readJournal(join(this.folder, name), this.read.get(name));
      this.read.set(name, state);
      if (text === undefined || text.damage !== undefined || text.header?.settings !== this.settings) continue;
      for (const entry of text.entries) {
        if (entry.status !== 'done' || this.isDone(entry.id) || this.forgotten.has(entry.id)) continue;
        this.known.set(entry.id, [entry]);
        news = true;
      }
    }
    return news;
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

/** Whether a folder contains a journal with the settings of its results. */
export async function hasJournal(folder: string): Promise<boolean> {
  for (const name of await journalsIn(folder).catch(() => [])) {
    const { text } = await readJournal(join(folder, name)).catch(() => ({ text: undefined }));
    if (text?.header !== undefined) return true;
  }
  return false;
}

/**
 * Removes the journal of this process, and those with other settings, whose results will be replaced. The other shards of
 * this run restart their own journals.
 */
async function beginAnew(
  folder: string, names: readonly string[], own: string, hash: string, known: Map<string, readonly JournalEntry[]>,
): Promise<void> {
  const [run] = /of\d+$/.exec(own) ?? [];
  for (const name of names) {
    const path = join(folder, name);
    const { text } = name === own ? { text: undefined } : await readJournal(path).catch(() => ({ text: undefined }));
    if (text?.header?.settings === hash && text.damage === undefined) addEntries(known, text.entries);
    else if (name === own || run === undefined || !name.endsWith(run)) await remove(path);
  }
}

async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw writeError(path, error);
  }
}

/** @param overwrite there is already such a file, without a header */
async function create(
  folder: string, own: string, settings: Readonly<Record<string, unknown>>, task: ArrayTask | undefined, overwrite = false,
): Promise<FileHandle> {
  const path = join(folder, own);
  try {
    if (overwrite) await truncate(path);
    const file = await open(path, overwrite ? 'a' : 'ax');
    await file.appendFile(`${JSON.stringify({ settings: fingerprint(settings), values: settings, task })}\n`);
    return file;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw writeError(path, error);
    throw new UserError(`${path} was created by another run just now`, 'wait until that run has ended, or choose another --out', { cause: error });
  }
}

async function goOn(folder: string, own: string, { whole }: JournalText): Promise<FileHandle> {
  const path = join(folder, own);
  try {
    const file = await open(path, 'a');
    // The next line must not be appended to half a line.
    if (!whole) await file.appendFile('\n');
    return file;
  } catch (error) {
    throw writeError(path, error);
  }
}

function addEntries(known: Map<string, readonly JournalEntry[]>, entries: readonly JournalEntry[]): void {
  for (const entry of entries) known.set(entry.id, [...known.get(entry.id) ?? [], entry]);
}

/** The state of a journal changes whenever a line is added to it, or it is replaced. */
interface ReadJournal {
  readonly state: string;
  /** Missing if the state is the known one. */
  readonly text?: JournalText;
}

/** @param known the state when it was last read; if it is still the same, the journal is not read again */
async function readJournal(path: string, known?: string): Promise<ReadJournal> {
  try {
    // The file is opened to find its state: network file systems may give an old one otherwise.
    const { file } = await openRegularFile(path);
    try {
      const { dev, ino, size, mtimeNs } = await file.stat({ bigint: true });
      const state = `${dev}:${ino}:${size}:${mtimeNs}`;
      return state === known ? { state } : { state, text: parseJournal(await file.readFile(), fingerprint) };
    } finally {
      await file.close();
    }
  } catch (error) {
    // It was just removed.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { state: '', text: { header: undefined, entries: [], whole: true } };
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): UserError {
  const reason = cause instanceof UserError ? cause.message : `${path}: ${messageOf(cause)}`;
  return new UserError(`the journal cannot be read: ${reason}`, 'choose another --out, or remove the folder', { cause });
}

/** Whether a folder holds a file that only a run of this program writes beside its results. */
async function hasRecord(folder: string): Promise<boolean> {
  return (await readdir(folder)).some((name) => ['ablation.json', 'localize.json', 'faithfulness.json'].includes(name) || runOfRecord(name) !== undefined);
}

/**
 * @param ours whether this program seems to have written the results
 * @throws UserError if there are results
 */
async function refuseForeign(folder: string, results: readonly string[], ours: boolean): Promise<void> {
  for (const part of results) {
    const names = await readdir(join(folder, part)).catch(() => []);
    if (names.every((name) => name.startsWith('.') || isTemporaryName(name))) continue;
    throw new UserError(
      `${join(folder, part)} already contains files, and no journal in ${folder} records their settings`,
      ours ? GO_ON : 'choose another --out, or move the files away',
    );
  }
}

const GO_ON = 'choose another --out, remove the folder, or start again with --no-resume';

function damaged(path: string, damage: string): UserError {
  return new UserError(`the journal ${path} is damaged: ${damage}, so the settings of the results are unknown`, GO_ON);
}

function mixed(
  folder: string, name: string, before: Readonly<Record<string, unknown>>, now: Readonly<Record<string, unknown>>,
): UserError {
  const text = (value: unknown): string => JSON.stringify(value) ?? 'none';
  const short = (value: unknown): string => (text(value).length > 60 ? `${text(value).slice(0, 57)}...` : text(value));
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((key) => text(before[key]) !== text(now[key]));
  const differences = names.slice(0, 4).map((key) => `${key} was ${short(before[key])} and is ${short(now[key])}`);
  return new UserError(
    `${folder} contains results with other settings: ${differences.join('; ')}${names.length > 4 ? '; ...' : ''}`,
    name === PREFIX ? GO_ON : `${GO_ON} (see its file ${name})`,
  );
}
