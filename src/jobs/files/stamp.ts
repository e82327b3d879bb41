import { createHash, webcrypto } from 'node:crypto';
import { replaceFile } from './atomic.js';
import { readRegularFile } from './read-file.js';

// A stamp identifies a file's content when it was written: its size in bytes, and the first 64 bits of its SHA-256, for
// instance `8123:9f86d081884c7d65`.

const DIGITS = 16;

/** The stamp of a file with these bytes. */
export function stampOf(bytes: Uint8Array): string {
  return `${bytes.byteLength}:${createHash('sha256').update(bytes).digest('hex').slice(0, DIGITS)}`;
}

/**
 * Writes a file completely or not at all, into an existing folder.
 *
 * @returns its stamp
 * @throws UserError if the place cannot be written to
 */
export async function writeStamped(path: string, bytes: Uint8Array): Promise<string> {
  await replaceFile(path, bytes);
  return stampOf(bytes);
}

/** Whether a file exists and its content still has this stamp. A file of another size is not read. */
export async function hasStamp(path: string, stamp: string): Promise<boolean> {
  const [size, digits] = stamp.split(':');
  try {
    const bytes = await readRegularFile(path, (found) => {
      if (found !== Number(size)) throw new RangeError('another size');
    });
    // This hash does not block the thread: many files are checked at once.
    const hash = Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes)).toString('hex');
    return bytes.byteLength === Number(size) && hash.startsWith(digits) && digits.length === DIGITS;
  } catch {
    return false;
  }
}
