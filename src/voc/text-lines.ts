import { readFile } from 'node:fs/promises';
import { messageOf, UserError } from '../errors.js';

/** A line of a list: its words, and its number counted from 1. */
export interface ListLine {
  readonly words: readonly string[];
  readonly number: number;
}

/**
 * Splits the text of a list into lines of words separated by spaces or tabs. Blank lines and lines that begin with `#`
 * are left out; Windows line ends and a byte order mark do no harm.
 */
export function parseLines(text: string): ListLine[] {
  return text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)
    .map((line, at) => ({ words: line.trim().split(/\s+/), number: at + 1 }))
    .filter(({ words }) => words[0] !== '' && !words[0].startsWith('#'));
}

/**
 * Reads a list: see {@link parseLines}.
 *
 * @throws {UserError} when the file cannot be read or holds no line
 */
export async function readLines(path: string): Promise<ListLine[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new UserError(`the list ${path} cannot be read: ${messageOf(cause)}`, undefined, { cause });
  }
  const lines = parseLines(text);
  if (lines.length === 0) throw new UserError(`the list ${path} is empty`);
  return lines;
}

/** The id of an image: the name of its file without folders and ending. Understands `/` and `\`. */
export function idOfPath(path: string): string {
  return path.replace(/^.*[\\/]/, '').replace(/\.(?:jpe?g|png|txt)$/i, '');
}
