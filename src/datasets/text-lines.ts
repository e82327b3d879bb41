import { messageOf, UserError } from '../errors.js';
import { fileKind } from '../jobs/files/file-kind.js';
import { readRegularFile } from '../jobs/files/read-file.js';
import { requireWithin } from '../limits.js';

/** A line of a list: its words and its line number, counted from 1. */
export interface ListLine {
  readonly words: readonly string[];
  readonly number: number;
  /**
   * The names with spaces that the line may start with: `beginnings[n - 1]` is the text of the first n words as written in
   * the line. Only the first word if that is in quotes.
   */
  readonly beginnings: readonly string[];
}

/** The most characters in a line. */
const LONGEST = 8192;

/** A word in quotes, in which "" is a quote, or a run without separators. */
const word = /"((?:[^"]|"")*)"(?=[\s,;]|$)|[^\s,;]+/g;

/**
 * Splits the text of a list into lines of words, separated by spaces, tabs, commas or semicolons. A word that contains one of
 * these is in double quotes, as in CSV. Blank lines, lines that start with `#` and the header of a CSV file are left out.
 * Windows line ends and a byte order mark are accepted.
 */
export function parseLines(text: string): ListLine[] {
  return text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)
    .flatMap((line, at) => {
      const trimmed = line.trim();
      return trimmed === '' || trimmed.startsWith('#') ? [] : [parseLine(trimmed, at + 1)];
    })
    .filter(({ words }, at) => words.length > 0 && !(at === 0 && isHeader(words)));
}

function parseLine(text: string, number: number): ListLine {
  const matches = [...text.matchAll(word)];
  const words = matches.map(([run, quoted]) => quoted?.replaceAll('""', '"').trim() ?? run);
  const quoted = matches.length > 0 && matches[0][1] !== undefined;
  return { words, number, beginnings: quoted ? [words[0]] : matches.map((match) => text.slice(matches[0].index, match.index + match[0].length)) };
}

/** Whether words are the header of a table: the names of its first two columns. */
function isHeader([first, second = '']: readonly string[]): boolean {
  return /^(?:image|img|file|photo)?[ _-]?(?:id|name|path|file|filename|image)$/i.test(first) && /^(?:class|label|categor|target|tag)/i.test(second);
}

/**
 * Reads a list in UTF-8, UTF-16 or, if it is neither, Windows-1252: see {@link parseLines}.
 *
 * @throws {UserError} if the file cannot be read, is not text, or has no lines
 */
export async function readLines(path: string): Promise<ListLine[]> {
  const text = await readText(path);
  if (text.split(/[\r\n]/).some((line) => line.length > LONGEST)) throw new UserError(`the list ${path} has lines of more than ${LONGEST} characters`, 'A list is a text file with an image id or path per line.');
  const lines = parseLines(text);
  if (lines.length === 0) throw new UserError(`the list ${path} is empty`);
  return lines;
}

/**
 * Reads a text file in UTF-8, UTF-16 or, if it is neither, Windows-1252.
 *
 * @param what what the file is, for messages
 * @throws {UserError} if the file cannot be read or is not text
 */
export async function readText(path: string, what = `the list ${path}`): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readRegularFile(path, (size) => { requireWithin('listBytes', size, `${what} has ${size} bytes`); });
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError(`${what} cannot be read: ${messageOf(cause)}`, undefined, { cause });
  }
  return decodeText(bytes, what);
}

function decodeText(bytes: Buffer, what: string): string {
  const encoding = utf16Of(bytes);
  if (encoding !== undefined) return new TextDecoder(encoding).decode(bytes);
  const kind = fileKind(bytes);
  if (kind !== undefined || bytes.includes(0)) {
    throw new UserError(`${what} is not a text file${kind === undefined ? '' : `, but ${kind}`}`, 'A list is a text file with an image id or path per line.');
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

/** Detects UTF-16 and its byte order, by a byte order mark, or by zeros in every second byte at the start (Latin letters). */
function utf16Of(bytes: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  const head = bytes.subarray(0, Math.min(bytes.length, 256) & ~1);
  const zeros = [0, 0];
  head.forEach((byte, at) => { if (byte === 0) zeros[at % 2]++; });
  const most = head.length / 2;
  if (most === 0 || bytes.length % 2 === 1) return undefined;
  if (zeros[0] === 0 && zeros[1] > 0.8 * most) return 'utf-16le';
  return zeros[1] === 0 && zeros[0] > 0.8 * most ? 'utf-16be' : undefined;
}

/** A list like those in ImageSets/Main, with the lines of images that contain the class. */
export interface ClassList {
  /** The lines without their marks. */
  readonly lines: readonly ListLine[];
  /** How many lines were marked -1 and left out. */
  readonly absent: number;
}

/**
 * Reads the lines of a list of ImageSets/Main, such as cat_train.txt. Every line is an image and a mark: 1 if it contains the
 * class, 0 if it contains only difficult objects of the class, -1 if none.
 *
 * @returns `undefined` if the lines are something else. Without a -1, they may be images with a class index.
 */
export function parseClassList(lines: readonly ListLine[]): ClassList | undefined {
  const marks = lines.map(({ words }) => words[words.length - 1]);
  if (!marks.includes('-1') || !lines.every(({ words }, at) => words.length >= 2 && /^(?:-1|\+?1|0)$/.test(marks[at]))) return undefined;
  const kept = lines.filter((_, at) => marks[at] !== '-1').map(({ words, beginnings, number }) => (
    { words: words.slice(0, -1), beginnings: beginnings.slice(0, words.length - 1), number }));
  return { lines: kept, absent: lines.length - kept.length };
}

/** The id of an image: its file name without folders and extension, in NFC. Accepts `/` and `\`. */
export function idOfPath(path: string): string {
  return path.replace(/^.*[\\/]/, '').replace(/\.(?:jpe?g|jpe|jfif|png|webp|tiff?|bmp|gif|avif|heic|txt)$/i, '').normalize('NFC');
}
