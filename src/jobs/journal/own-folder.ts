import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { UserError } from '../../errors.js';
import { isFolder } from '../files/is-folder.js';
import { hasJournal } from './journal.js';
import { sameFile } from '../files/same-file.js';
import { runOfRecord } from './run-record.js';

/** Where a run will write, and what it reads. */
export interface RunPlace {
  /** The output folder. */
  readonly out: string;
  /** Its flag. Default: `--out`. */
  readonly flag?: string;
  /** The folders in it that results are written to. */
  readonly folders: readonly string[];
  /** Paths of single files to write. */
  readonly files?: readonly string[];
  /** What the run reads: data sets, lists, models. */
  readonly inputs: readonly string[];
  /** Folders with single files that it reads: photographs and masks. */
  readonly inputFolders?: readonly string[];
}

/**
 * Refuses to write to a folder or file that is read. Results have the same names as a devkit's files, so ground truth would
 * be lost. Links are followed.
 *
 * @throws UserError if a folder or file to be written is one of the inputs, or `out` is a data set
 */
export async function refuseInputs({ out, flag, folders, files = [], inputs, inputFolders = [] }: RunPlace): Promise<void> {
  const refuse = async (target: string, sources: readonly string[]): Promise<void> => {
    for (const source of sources) {
      if (await sameFile(target, source)) throw new UserError(`${target} is an input of this run and would be overwritten`, ELSEWHERE);
    }
  };
  await refuse(out, inputs);
  for (const folder of folders) await refuse(join(out, folder), [...inputs, ...inputFolders]);
  for (const file of files) await refuse(file, inputs);
  await refuseDataSet(out, flag);
}

/**
 * Refuses to overwrite an input file, or a photograph, mask or annotation of a data set.
 *
 * @param flag the flag that names the file
 * @param inputs files that are read
 * @param folders folders of a data set, in which no file may be overwritten
 * @throws UserError if it is one of them
 */
export async function refuseInputFile(
  file: string, flag: string, inputs: readonly (string | undefined)[], folders: readonly string[] = [],
): Promise<void> {
  for (const input of inputs) {
    if (input !== undefined && await sameFile(file, input)) throw new UserError(`${flag} ${file} is an input of this command and would be overwritten`, ELSEWHERE);
  }
  const exists = await stat(file).then(() => true, () => false);
  for (const folder of exists ? folders : []) {
    if (await sameFile(dirname(resolve(file)), folder)) throw new UserError(`${flag} ${file} is a file of the data set and would be overwritten`, ELSEWHERE);
  }
}

/**
 * @param flag the flag that named the folder
 * @throws UserError if a folder is a data set
 */
export async function refuseDataSet(folder: string, flag = '--out'): Promise<void> {
  if (await isDataSet(folder)) throw new UserError(`${flag} ${folder} is a data set (it has a folder JPEGImages or Annotations), which must not be changed`, ELSEWHERE);
}

const ELSEWHERE = 'choose another place for the output';

/** Whether a folder is a devkit, and not a folder of results to which the photographs were added. */
export async function isDataSet(folder: string): Promise<boolean> {
  return (await isFolder(join(folder, 'JPEGImages')) || await isFolder(join(folder, 'Annotations'))) && !await isRun(folder);
}

/** Whether a folder was written by a run of this program, by its journal or its run.json. */
export async function isRun(folder: string): Promise<boolean> {
  if (await hasJournal(folder)) return true;
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter(runOfRecord)) {
    const record: unknown = await readFile(join(folder, name), 'utf8').then((text): unknown => JSON.parse(text)).catch(() => undefined);
    if (typeof record === 'object' && record !== null && ['command', 'settings', 'vocRoot'].some((key) => key in record)) return true;
  }
  return false;
}
