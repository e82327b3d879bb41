import { readdir } from 'node:fs/promises';
import { parseJsonLines } from '../files/json-lines.js';
import { isTemporaryName } from '../files/temporary.js';

/** The result of one item. */
export interface JournalEntry {
  readonly id: string;
  readonly status: 'done' | 'failed';
  /** Why it failed. */
  readonly reason?: string;
  /** Remarks about a finished item. */
  readonly notes?: readonly string[];
  /** The stamps of a finished item's files, by their folders. Earlier versions had none. */
  readonly files?: Readonly<Record<string, string>>;
}

/** The settings of a folder's results, and their fingerprint. */
export interface JournalHeader {
  readonly settings: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** The content of a journal. */
export interface JournalText {
  /** Missing if the process was killed before it wrote this line, so that nothing was done. */
  readonly header: JournalHeader | undefined;
  /** Why the header cannot be trusted. The entries may then belong to any settings. */
  readonly damage?: string;
  /** The last entry of each item. */
  readonly entries: readonly JournalEntry[];
  /** Whether the last line is complete. */
  readonly whole: boolean;
}

/** The names of the journals in a folder: that of a single process, and those of shards. */
export async function journalsIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => (name === 'journal' || name.startsWith('journal-')) && !isTemporaryName(name)).sort();
}

const HEADER_START = '{"settings":"';

/**
 * Reads a journal. An item on a damaged line counts as not done. A damaged header is reported in `damage`.
 *
 * @param hash computes the fingerprint of settings
 */
export function parseJournal(bytes: Uint8Array, hash: (values: Readonly<Record<string, unknown>>) => string): JournalText {
  const text = new TextDecoder().decode(bytes);
  const whole = text === '' || text.endsWith('\n');
  const [first = '', ...rest] = text.split('\n').filter((line) => line.trim() !== '');
  // The process was killed while it wrote its first line.
  const isCut = rest.length === 0 && !whole && (first.startsWith(HEADER_START) || HEADER_START.startsWith(first));
  const [header] = parseJsonLines(first);
  if (first === '' || (header === undefined && isCut)) return { header: undefined, entries: [], whole };
  const others = parseJsonLines(rest.join('\n'));
  const last = new Map<string, JournalEntry>();
  for (const line of others) if (isEntry(line)) last.set(line.id, line);
  return { header: isHeader(header) ? header : undefined, damage: damageOf(header, others, hash), entries: [...last.values()], whole };
}

function damageOf(
  header: object | undefined, others: readonly object[], hash: (values: Readonly<Record<string, unknown>>) => string,
): string | undefined {
  if (!isHeader(header)) return header !== undefined && isEntry(header) ? 'its first line, with the settings, is missing' : 'its first line does not contain settings';
  if (hash(header.values) !== header.settings) return 'the settings in its first line were changed';
  const another = others.find((line) => 'settings' in line && !(isHeader(line) && line.settings === header.settings && hash(line.values) === line.settings));
  return another === undefined ? undefined : 'it contains settings twice, and they differ';
}

function isHeader(line: object | undefined): line is JournalHeader {
  const { settings, values } = (line ?? {}) as Partial<Record<keyof JournalHeader, unknown>>;
  return typeof settings === 'string' && typeof values === 'object' && values !== null && !Array.isArray(values);
}

function isEntry(line: object): line is JournalEntry {
  const { id, status, files, notes } = line as Partial<Record<keyof JournalEntry, unknown>>;
  return typeof id === 'string' && (status === 'done' || status === 'failed') && isStrings(files)
    && (notes === undefined || (Array.isArray(notes) && isStrings(notes)));
}

function isStrings(value: unknown): boolean {
  return value === undefined || (typeof value === 'object' && value !== null && Object.values(value).every((text) => typeof text === 'string'));
}
