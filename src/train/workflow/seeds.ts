import { FolderIndex } from '../../datasets/folder-index.js';
import { maskPathOf } from '../../datasets/files-by-id.js';
import { UserError } from '../../errors.js';
import { openSeedFolder } from '../../pipeline/seed-folder.js';
import type { SeededPhoto } from '../segment/features.js';
import type { TrainingData } from './data.js';

/** The seeds of a list. */
export interface Seeds {
  /** The folder of masks. */
  readonly folder: string;
  /** The fingerprint of the settings of `generate`, if its run.json is there. */
  readonly settings: string | undefined;
  readonly photos: readonly SeededPhoto[];
  /** Photographs without a seed. */
  readonly failures: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * Finds the seeds of photographs.
 *
 * @param given a folder that `generate` wrote, or one of masks
 * @throws UserError if there is no such folder, or none of the seeds is there
 */
export async function findSeeds(given: string, { labels, items }: TrainingData): Promise<Seeds> {
  const { path: folder, settings } = await openSeedFolder(given, '--seeds');
  const index = new FolderIndex();
  const photos: SeededPhoto[] = [];
  const failures: { path: string; reason: string }[] = [];
  for (const [path, classes] of labels) {
    const seed = await maskPathOf(folder, items.get(path)!.id, index);
    if (await index.has(seed)) photos.push({ path, seed, own: classes.map((label) => label + 1) });
    else failures.push({ path, reason: `it has no seed: ${seed} does not exist` });
  }
  if (photos.length === 0) throw new UserError(`none of the ${labels.size} photographs has a seed in ${folder}`, `the first one should be ${failures[0]?.reason.replace(/^.*: (.*) does not exist$/, '$1')}`);
  return { folder, settings, photos, failures };
}
