import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UserError } from '../errors.js';
import { isFolder } from '../jobs/files/is-folder.js';
import { fingerprint } from '../jobs/journal/journal.js';
import { runRecordName } from '../jobs/journal/run-record.js';
import { SEED_FOLDER } from './seed-files.js';

/** A folder of label masks. */
export interface SeedFolder {
  readonly path: string;
  /** The fingerprint of the settings of `generate`, if its run.json is there. */
  readonly settings: string | undefined;
}

/**
 * @param given a folder that `generate` wrote, or one of masks
 * @param flag for messages
 * @throws UserError if there is no such folder
 */
export async function openSeedFolder(given: string, flag: string): Promise<SeedFolder> {
  const own = join(given, SEED_FOLDER);
  const path = resolve(await isFolder(own) ? own : given);
  if (!await isFolder(path)) throw new UserError(`${flag} ${given} is not a folder`, 'name a folder that generate wrote, or one of masks <id>.png');
  return { path, settings: await settingsOf(given) };
}

async function settingsOf(folder: string): Promise<string | undefined> {
  const text = await readFile(join(folder, runRecordName()), 'utf8').catch(() => undefined);
  try {
    const { settings } = JSON.parse(text ?? '{}') as { settings?: Record<string, unknown> };
    return settings === undefined ? undefined : fingerprint(settings);
  } catch {
    return undefined;
  }
}
