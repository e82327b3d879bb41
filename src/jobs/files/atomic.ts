import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UserError } from '../../errors.js';
import { requireWanted } from '../stop/abandon.js';
import { holdSignals, untilDone } from '../stop/interrupt.js';
import { isFolder } from './is-folder.js';
import { temporaryName } from './temporary.js';

/** The content of a file to write. */
export type FileContent = string | Uint8Array | readonly Uint8Array[];

/** What is wrong and how to fix it, for file system errors that the user can solve. */
const causes: Readonly<Record<string, readonly [problem: string, hint: string]>> = {
  EACCES: ['permission denied', 'choose another place, or change the permissions of the folder'],
  EPERM: ['permission denied', 'choose another place, or change the permissions of the folder'],
  EROFS: ['the file system is read-only', 'choose another place'],
  ENOTDIR: ['a part of the path is a file, not a folder', 'choose another place, or remove that file'],
  EEXIST: ['a part of the path is a file, not a folder', 'choose another place, or remove that file'],
  EISDIR: ['it is a folder', 'give the path of a file'],
  ENOSPC: ['no space is left on the device', 'free some space, or choose another place'],
  EDQUOT: ['the disk quota is used up', 'free some space, or choose another place'],
  ENAMETOOLONG: ['the name is too long', 'choose a shorter name'],
};

/** The same for writing, where ENOENT means a missing folder. */
const writeCauses: typeof causes = {
  ...causes,
  ENOENT: ['its folder does not exist or was removed', 'run the same command again'],
  ESTALE: ['its folder was removed on the file server', 'run the same command again'],
};

/**
 * What is wrong and how to fix it, for an error reported by the operating system.
 *
 * @returns `undefined` for any other error
 */
export function systemProblem(error: unknown): { readonly problem: string; readonly hint?: string } | undefined {
  const { code, errno, syscall, message } = error as Partial<NodeJS.ErrnoException>;
  if (code === undefined || errno === undefined || syscall === undefined || message === undefined) return undefined;
  if (Object.hasOwn(causes, code)) return { problem: causes[code][0], hint: causes[code][1] };
  // "ENOENT: no such file or directory, open 'a.txt'"
  return { problem: /^\w+: ([^,]+)/.exec(message)?.[1] ?? message };
}

/** The error for a failed write to `path`: a {@link UserError} that names it, or `error` itself if it is not a file system error. */
export function writeError(path: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (!Object.hasOwn(writeCauses, code)) return error;
  const [problem, hint] = writeCauses[code];
  return new UserError(`cannot write ${path}: ${problem}`, hint, { cause: error });
}

/**
 * Creates a folder and its parents if they are missing.
 *
 * @throws UserError if that is not possible
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeFolders(resolve(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new UserError(`cannot create the folder ${path}: the system does not allow it`, 'choose another place', { cause: error });
    throw writeError(path, error);
  }
}

/** Node.js's own recursive mkdir hangs in /proc, and reports a read-only file system as a missing folder. */
async function makeFolders(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (await isFolder(path)) return;
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolders(dirname(path));
    await mkdir(path).catch((again: NodeJS.ErrnoException) => {
      // Another process may have created it in the meantime.
      if (again.code !== 'EEXIST') throw again;
    });
  }
}

/**
 * Writes a file so that a reader never sees half of it: under a temporary name in the same folder, then renamed.
 * Missing folders are created. After a failure, the temporary file is removed and the old file is unchanged.
 *
 * @param data in one piece, or in several pieces that are written one after the other
 * @throws UserError if the place cannot be written to
 * @throws AbandonedError if the process is about to end; a write that has started is finished
 */
export async function writeFileAtomic(path: string, data: FileContent): Promise<void> {
  await writeThenRename(path, data, writeIntoFolder);
}

/**
 * Like {@link writeFileAtomic}, but into an existing folder: a folder that was removed is not silently created again.
 *
 * @throws UserError if the place cannot be written to
 */
export async function replaceFile(path: string, data: FileContent): Promise<void> {
  await writeThenRename(path, data, writeFile);
}

async function writeThenRename(
  path: string, data: FileContent, write: (path: string, data: FileContent) => Promise<void>,
): Promise<void> {
  requireWanted();
  const release = holdSignals();
  await untilDone(writeAndRename(path, data, write)).finally(release);
}

async function writeAndRename(
  path: string, data: FileContent, write: (path: string, data: FileContent) => Promise<void>,
): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await write(temporary, data);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writeError(path, error);
  }
}

/** Creates the folder only if the write fails without it, so that most writes do not check for it. */
async function writeIntoFolder(path: string, data: FileContent): Promise<void> {
  try {
    await writeFile(path, data);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ENOTDIR: creating the folder fails too, and the error says where.
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    await makeFolder(dirname(path));
    await writeFile(path, data);
  }
}
