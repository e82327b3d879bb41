import { messageOf, UserError } from '../errors.js';
import { maskIdsOf } from '../datasets/files-by-id.js';
import { FolderIndex } from '../datasets/folder-index.js';
import type { MaskPair } from './score-pairs.js';

/** Pairs whose prediction exists on disk, and pairs whose prediction does not, both in the given order. */
export interface Predictions {
  readonly present: readonly MaskPair[];
  readonly missing: readonly MaskPair[];
}

/** Splits pairs by whether their prediction exists. A folder that does not exist has no predictions. */
export async function partitionByPrediction(pairs: readonly MaskPair[]): Promise<Predictions> {
  const index = new FolderIndex();
  const present: MaskPair[] = [];
  const missing: MaskPair[] = [];
  for (const pair of pairs) (await index.has(pair.predictionPath) ? present : missing).push(pair);
  return { present, missing };
}

/**
 * The ids of the masks in a folder: the names of its .png and .npy files without the ending, each once, sorted.
 *
 * @throws {UserError} if the folder cannot be read
 */
export async function maskIdsIn(folder: string): Promise<string[]> {
  try {
    return await maskIdsOf(folder);
  } catch (cause) {
    throw new UserError(`the folder ${folder} cannot be read: ${messageOf(cause)}`, undefined, { cause });
  }
}
