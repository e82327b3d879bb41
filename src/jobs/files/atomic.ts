import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UserError } from '../../errors.js';
import { requireWanted } from '../stop/abandon.js';
import { holdSignals, untilDone } from '../stop/interrupt.js';
import { isFolder } from './is-folder.js';
import { temporaryName } from './temporary.js';

/** What a file is to hold. */
export type FileContent = string | Uint8Array | readonly Uint8Array[];

/** What is wrong, and how to mend it, for the errors of a file system that are the user's to solve. */
const causes: Readonly<Record<string, readonly [problem: string, hint: string]>> = {
  EACCES: ['permission denied', 'choose another place, or change the permissions of the folder'],
  EPERM: ['permission denied', 'choose another place, or change the permissions of the folder'],
  EROFS: ['the file system is read-only', 'choose another place'],
  ENOTDIR: ['a part of the path is a file, not a folder', 'choose another place, or remove that file'],
  EEXIST: ['a part of the path is a file, not a folder', 'choose another place, or remove that file'],
  EISDIR: ['it is a folder', 'name a file'],
  ENOSPC: ['no space is left on the device', 'make room, or choose another place'],
  EDQUOT: ['the disk quota is used up', 'make room, or choose another place'],
  ENAMETOOLONG: ['the name is too long', 'choose a shorter one'],
};

/** The same for a file that is written: that it does not exist yet is not the problem. */
const writeCauses: typeof causes = {
  ...causes,
  ENOENT: ['its folder does not exist, or has been removed', 'run the same command again'],
  ESTALE: ['its folder has been removed on the file server', 'run the same command again'],
};

/**
 * What is wrong and how to mend it, for an error that the operating system has reported.
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

/** The error to throw where writing to `path` failed: a {@link UserError} that names it, or `error` itself if it is no file system's. */
export function writeError(path: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (!Object.hasOwn(writeCauses, code)) return error;
  const [problem, hint] = writeCauses[code];
  return new UserError(`cannot write ${path}: ${problem}`, hint, { cause: error });
}

/**
 * Makes a folder and those above it, where they are missing.
 *
 * @throws UserError where that is not possible
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeFolders(resolve(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new UserError(`cannot make the folder ${path}: the system allows none there`, 'choose another place', { cause: error });
    throw writeError(path, error);
  }
}

/** Node.js's own recursive mkdir never ends in /proc, and takes a read-only file system for a missing folder. */
async function makeFolders(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (await isFolder(path)) return;
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolders(dirname(path));
    await mkdir(path).catch((again: NodeJS.ErrnoException) => {
      // Another process may have made it in the meantime.
      if (again.code !== 'EEXIST') throw again;
    });
  }
}

/**
 * Writes a file so that a reader never sees half of it: under a temporary name in the same folder, then renamed.
 * Missing folders are made. After a failure the temporary file is removed and the old file is untouched.
 *
 * @param data in one piece, or in several that are written one after the other
 * @throws UserError where the place cannot be written to
 * @throws AbandonedError if the process is about to end; what is being written then is finished
 */
export async function writeFileAtomic(path: string, data: FileContent): Promise<void> {
  await writeThenRename(path, data, writeIntoFolder);
}

/**
 * As {@link writeFileAtomic}, into a folder that exists: if it has been removed, it is not made anew behind the user's back.
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

/** The folder is made where it turns out to be missing: of ten thousand files, for the first one. */
async function writeIntoFolder(path: string, data: FileContent): Promise<void> {
  try {
    await writeFile(path, data);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ENOTDIR: making the folder fails, too, and says where.
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    await makeFolder(dirname(path));
    await writeFile(path, data);
  }
}
