import { basename, dirname, join, resolve } from 'node:path';
import { UserError } from '../errors.js';
import { isFolder } from '../jobs/files/is-folder.js';
import { findMask } from './files-by-id.js';
import type { FolderIndex } from './folder-index.js';
import type { GroundTruth } from './truth.js';

/** Folders of masks in a data set without a layout of its own. */
export const MASK_FOLDERS: readonly string[] = ['masks', 'ground_truth'];

/**
 * The folder of masks: the given one (in the data set, or any path), else `masks` or `ground_truth` in the data set, else `undefined`.
 *
 * @throws UserError if the given one does not exist
 */
export async function findMaskFolder(root: string, given?: string): Promise<string | undefined> {
  const candidates = given === undefined ? MASK_FOLDERS.map((name) => join(root, name)) : [join(root, given), resolve(given)];
  for (const candidate of candidates) {
    if (await isFolder(candidate)) return candidate;
  }
  if (given !== undefined) throw new UserError(`the mask folder ${given} is neither in ${root} nor in the current folder`);
  return undefined;
}

/** An image whose mask is sought. */
export interface MaskOwner {
  readonly id: string;
  readonly imagePath: string;
  /** Its classes. */
  readonly labels: readonly number[];
  /** The names that its mask may have in the folder, without extension, the likeliest first: `scratch/001`. */
  readonly names: readonly string[];
}

/**
 * The ground truth of an image in a folder of masks: `<name>.png` (or .npy) or, as in MVTec AD, `<name>_mask.png`, for the first name that
 * has one. An image without classes needs no mask: it is all background.
 *
 * @returns a mask that does not exist, at the place where it would be, if there is none
 */
export async function truthIn(folder: string, { id, imagePath, labels, names }: MaskOwner, index: FolderIndex): Promise<GroundTruth> {
  for (const name of names) {
    for (const ending of ['', '_mask']) {
      const path = join(folder, `${name}${ending}`);
      const found = await findMask(dirname(path), basename(path), index);
      if (found !== undefined) return { kind: 'mask', path: found, classes: labels };
    }
  }
  return labels.length === 0 ? { kind: 'background', path: imagePath } : { kind: 'mask', path: join(folder, `${names[0] ?? id}.png`), classes: labels };
}

/** The note on images that are all background because they have no classes and no mask. */
export function backgroundNote(items: readonly { readonly truth?: GroundTruth }[]): string[] {
  const count = items.filter(({ truth }) => truth?.kind === 'background').length;
  if (count === 0) return [];
  return [count === 1 ? '1 image has no class and no mask: its ground truth is background' : `${count} images have no class and no mask: their ground truth is background`];
}
