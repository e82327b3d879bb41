import { join } from 'node:path';
import type { BoxTruth, BoxTruths } from '../datasets/boxes/box-truth.js';
import { findMask } from '../datasets/files-by-id.js';
import { FolderIndex } from '../datasets/folder-index.js';
import { idOfPath, readLines } from '../datasets/text-lines.js';
import { messageOf, UserError } from '../errors.js';
import type { LocalizeTask } from './localize-worker.js';

/** An image with true boxes and a photograph. */
export interface LocalizeItem {
  readonly id: string;
  readonly imagePath: string;
  readonly truth: BoxTruth;
  readonly truths: LocalizeTask['truths'];
  /** Its mask, if there is one. */
  readonly maskPath?: string;
}

/** The images of a run. */
export interface LocalizeItems {
  readonly items: readonly LocalizeItem[];
  /** Images that cannot be used: their annotation is wrong, or the classifier does not have their class. */
  readonly failures: readonly { readonly id: string; readonly reason: string }[];
  /** Ids without a photograph on disk, and without any true box. */
  readonly missing: readonly string[];
  readonly boxless: readonly string[];
}

/**
 * Finds the photograph and the logits of each image.
 *
 * @param folder of the photographs
 * @param logitOf the logit of a class of the true boxes; throws if there is none
 * @param wanted only these images
 * @param masks folder of masks
 */
export async function findItems(
  truths: BoxTruths, folder: string, logitOf: (name: string) => number, wanted?: ReadonlySet<string>, masks?: string,
): Promise<LocalizeItems> {
  const index = new FolderIndex();
  const isWanted = ({ id }: { readonly id: string }): boolean => wanted?.has(id) !== false;
  const items: LocalizeItem[] = [];
  const failures = truths.bad.filter(isWanted).map(({ id, reason }) => ({ id, reason }));
  const missing: string[] = [];
  const boxless: string[] = [];
  for (const truth of truths.images.filter(isWanted)) {
    const { id, classes } = truth;
    const imagePath = await photoOf(truth, folder, index);
    if (classes.length === 0) boxless.push(id);
    else if (imagePath === undefined) missing.push(id);
    else {
      try {
        const maskPath = masks === undefined ? undefined : await findMask(masks, id, index);
        items.push({ id, imagePath, truth, truths: joined(classes.map(({ name, boxes }) => ({ logit: logitOf(name), boxes }))), maskPath });
      } catch (error) {
        failures.push({ id, reason: messageOf(error) });
      }
    }
  }
  return { items, failures, missing, boxless };
}

/** Two names may mean the same logit. */
function joined(truths: LocalizeTask['truths']): LocalizeTask['truths'] {
  return [...new Set(truths.map(({ logit }) => logit))]
    .map((logit) => ({ logit, boxes: truths.flatMap((truth) => (truth.logit === logit ? truth.boxes : [])) }));
}

/** The photograph with this file name, else any with this id. */
async function photoOf({ id, fileName }: BoxTruth, folder: string, index: FolderIndex): Promise<string | undefined> {
  return await index.find(join(folder, fileName)) ?? photoWithId(id, folder, index);
}

/** A photograph in a folder whose file name without extension is an id. */
export async function photoWithId(id: string, folder: string, index: FolderIndex): Promise<string | undefined> {
  const name = (await index.namesOf(folder, id)).find((other) => /\.(?:jpe?g|jpe|png|webp|tiff?|gif|avif)$/i.test(other));
  return name === undefined ? undefined : join(folder, name);
}

/**
 * Reads a list of images: a name or an id in each line.
 *
 * @param known the ids of all images
 * @throws UserError if it cannot be read, or names an image without true boxes
 */
export async function readIds(path: string, known: ReadonlySet<string>): Promise<string[]> {
  const ids = (await readLines(path)).map(({ words: [name] }) => idOfPath(name));
  const unknown = ids.filter((id) => !known.has(id));
  if (unknown.length > 0) throw new UserError(`${path}: ${unknown.length} images have no true boxes; the first is ${unknown[0]}`, 'name only images that are in --boxes');
  return [...new Set(ids)];
}
