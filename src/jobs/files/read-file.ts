import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { UserError } from '../../errors.js';

/**
 * Reads a whole regular file and refuses anything else: a named pipe or a device could block a batch forever.
 *
 * @param check called with the file's size in bytes before anything is read; throws if it is too large
 * @throws UserError if it is not a regular file; else what the file system throws (`ENOENT` and so on)
 */
export async function readRegularFile(path: string, check?: (size: number) => void): Promise<Buffer> {
  const { file, size } = await openRegularFile(path);
  try {
    check?.(size);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/**
 * Opens a regular file for reading and refuses anything else, like {@link readRegularFile}.
 *
 * @returns the file, which the caller must close, and its size in bytes
 */
export async function openRegularFile(path: string): Promise<{ readonly file: FileHandle; readonly size: number }> {
  // Without O_NONBLOCK, opening a pipe waits for a writer. (Windows has neither.)
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const entry = await file.stat();
    if (entry.isDirectory()) throw new UserError(`${path} is a folder, not a file`);
    if (!entry.isFile()) throw new UserError(`${path} is not a regular file`, 'pipes and devices are not supported: copy the content into a file');
    return { file, size: entry.size };
  } catch (error) {
    await file.close();
    throw error;
  }
}
