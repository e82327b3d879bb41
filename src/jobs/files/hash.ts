import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { openRegularFile } from './read-file.js';

/**
 * The SHA-256 of a file, in hexadecimal digits.
 *
 * @throws UserError if it is not a regular file; else what the file system throws
 */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  const { file } = await openRegularFile(path);
  // The stream closes the file.
  await pipeline(file.createReadStream(), hash);
  return hash.digest('hex');
}
