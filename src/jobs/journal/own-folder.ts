import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { UserError } from '../../errors.js';
import { isFolder } from '../files/is-folder.js';
import { hasJournal } from './journal.js';
import { sameFile } from '../files/same-file.js';
import { runOfRecord } from './run-record.js';

/** Where a run is about to write. */
export interface RunPlace {
  /** The folder of the results. */
  readonly out: string;
  /** The flag that names it; default `--out`. */
  readonly flag?: string;
  /** The folders in it that results go into. */
  readonly folders: readonly string[];
  /** Paths of single files that are written. */
  readonly files?: readonly string[];
  /** What the run reads: data sets, lists, models. */
  readonly inputs: readonly string[];
  /** Folders that it reads single files of: photographs and masks. */
  readonly inputFolders?: readonly string[];
}

/**
 * Refuses to write into what is read: results have the names of a devkit's own files, so that ground truth would be lost.
 * Links are followed.
 *
 * @throws UserError if a folder or file to be written is one of the inputs, or `out` is a data set
 */
export async function refuseInputs({ out, flag, folders, files = [], inputs, inputFolders = [] }: RunPlace): Promise<void> {
  const refuse = async (target: string, sources: readonly string[]): Promise<void> => {
    for (const source of sources) {
      if (await sameFile(target, source)) throw new UserError(`${target} is read by this run, and would be overwritten`, ELSEWHERE);
    }
  };
  await refuse(out, inputs);
  for (const folder of folders) await refuse(join(out, folder), [...inputs, ...inputFolders]);
  for (const file of files) await refuse(file, inputs);
  await refuseDataSet(out, flag);
}

/**
 * Refuses to write a single file over one that is read, or over a photograph, mask or annotation of a data set.
 *
 * @param flag the flag that names it
 * @param inputs files that are read
 * @param folders folders of a data set: nothing that is in them is overwritten
 * @throws UserError if it is one of them
 */
export async function refuseInputFile(
  file: string, flag: string, inputs: readonly (string | undefined)[], folders: readonly string[] = [],
): Promise<void> {
  for (const input of inputs) {
    if (input !== undefined && await sameFile(file, input)) throw new UserError(`${flag} ${file} is read by this command, and would be overwritten`, ELSEWHERE);
  }
  const exists = await stat(file).then(() => true, () => false);
  for (const folder of exists ? folders : []) {
    if (await sameFile(dirname(resolve(file)), folder)) throw new UserError(`${flag} ${file} is a file of the data set, and would be overwritten`, ELSEWHERE);
  }
}

/**
 * @param flag the flag that named the folder
 * @throws UserError if a folder is a data set
 */
export async function refuseDataSet(folder: string, flag = '--out'): Promise<void> {
  if (await isDataSet(folder)) throw new UserError(`${flag} ${folder} is a data set (it has a folder JPEGImages or Annotations), and nothing is written into it`, ELSEWHERE);
}

const ELSEWHERE = 'name another place for what is written';

/** Whether a folder is a devkit, and not results beside which somebody has put the photographs. */
export async function isDataSet(folder: string): Promise<boolean> {
  return (await isFolder(join(folder, 'JPEGImages')) || await isFolder(join(folder, 'Annotations'))) && !await isRun(folder);
}

/** Whether a folder was written by a run of this program: its journal or its run.json says so. */
export async function isRun(folder: string): Promise<boolean> {
  if (await hasJournal(folder)) return true;
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter(runOfRecord)) {
    const record: unknown = await readFile(join(folder, name), 'utf8').then((text): unknown => JSON.parse(text)).catch(() => undefined);
    if (typeof record === 'object' && record !== null && ['command', 'settings', 'vocRoot'].some((key) => key in record)) return true;
  }
  return false;
}
