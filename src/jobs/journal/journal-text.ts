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
  const whole = bytes.length === 0 || bytes[bytes.length - 1] === NEWLINE;
  const last = new Map<string, JournalEntry>();
  let first: string | undefined;
  let header: object | undefined;
  let others = 0;
  let another = false;
  for (const line of linesOf(bytes)) {
    const [value] = parseJsonLines(line);
    if (first === undefined) {
      first = line;
      header = value;
      continue;
    }
    others++;
    if (value === undefined) continue;
    if (isEntry(value)) last.set(value.id, value);
    another ||= 'settings' in value && !(isHeader(header) && isHeader(value) && value.settings === header.settings && hash(value.values) === value.settings);
  }
  // The process was killed while it wrote its first line.
  const isCut = first !== undefined && others === 0 && !whole && (first.startsWith(HEADER_START) || HEADER_START.startsWith(first));
  if (first === undefined || (header === undefined && isCut)) return { header: undefined, entries: [], whole };
  return { header: isHeader(header) ? header : undefined, damage: damageOf(header, another, hash), entries: [...last.values()], whole };
}

const NEWLINE = 10;
/** Bytes that are decoded at a time. A text of all lines could be longer than texts can be. */
const PIECE = 2 ** 22;

/** The lines of a text that are not blank. */
function* linesOf(bytes: Uint8Array): Generator<string> {
  const decoder = new TextDecoder();
  for (let begin = 0; begin < bytes.length;) {
    const end = bytes.indexOf(NEWLINE, begin + PIECE) + 1 || bytes.length;
    for (const line of decoder.decode(bytes.subarray(begin, end)).split('\n')) if (line.trim() !== '') yield line;
    begin = end;
  }
}

function damageOf(
  header: object | undefined, another: boolean, hash: (values: Readonly<Record<string, unknown>>) => string,
): string | undefined {
  if (!isHeader(header)) return header !== undefined && isEntry(header) ? 'its first line, with the settings, is missing' : 'its first line does not contain settings';
  if (hash(header.values) !== header.settings) return 'the settings in its first line were changed';
  return another ? 'it contains settings twice, and they differ' : undefined;
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
