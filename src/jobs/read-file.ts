import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { UserError } from '../errors.js';

/**
 * Reads a regular file whole, and refuses everything else: a named pipe or a device would keep a batch waiting for ever.
 *
 * @param check called with the file's size in bytes before anything is read; it throws if that is too large
 * @throws UserError if there is something else of that name; else what the file system throws (`ENOENT` and so on)
 */
export async function readRegularFile(path: string, check?: (size: number) => void): Promise<Buffer> {
  // Without O_NONBLOCK, opening a pipe waits until somebody writes into it. (Windows has neither.)
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const entry = await file.stat();
    if (entry.isDirectory()) throw new UserError(`${path} is a folder, not a file`);
    if (!entry.isFile()) throw new UserError(`${path} is not a regular file`, 'pipes and devices are not read: copy the content into a file');
    check?.(entry.size);
    return await file.readFile();
  } finally {
    await file.close();
  }
}
