import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { UserError } from '../errors.js';
import { isFolder } from '../jobs/files/is-folder.js';
import { ownClassSet } from './classes/known.js';
import type { DataSet, DataSetOptions } from './data-set.js';
import { hasPictureEnding } from './files-by-id.js';
import { FolderIndex } from './folder-index.js';
import { uniqueIds } from './ids.js';
import { backgroundNote, findMaskFolder, MASK_FOLDERS, truthIn } from './mask-folder.js';
import { splitOf } from './shares.js';
import type { DataItem } from './splits.js';

/** Names of class folders whose images have no class. */
export const NEGATIVE_FOLDERS: readonly string[] = ['normal', 'good', 'none', 'background', 'negative'];

/** Names of folders that divide a data set, if they contain class folders. */
const SPLIT_FOLDERS = ['train', 'val', 'valid', 'validation', 'test'];

/**
 * Opens a folder with one folder of photographs per class, as for torchvision's ImageFolder:
 *
 *     ROOT/<class>/*.jpg                   the classes are the names of the folders, sorted
 *     ROOT/train/<class>/*.jpg             the same with splits: train, val, valid, validation, test
 *     ROOT/good/*.jpg                      images without any class: normal, good, none, background or negative
 *     ROOT/masks/<class>/<name>.png        ground truth: masks or ground_truth, with folders of classes or without;
 *                                          also <name>_mask.png, as in MVTec AD
 *
 * An image has the class of its folder. Its id is its file name; if two photographs have the same name, their folders come first
 * (`scratch_001`). Without folders of splits, `train` and `val` are chosen by a hash of the id.
 *
 * @throws UserError if there are no photographs in folders of classes, or if the names are not a class set
 */
export async function openFolder(given: string, { classes: wanted, maskDir, ...share }: DataSetOptions = {}): Promise<DataSet> {
  const root = resolve(given);
  if (!await isFolder(root)) throw new UserError(`the data folder ${given} does not exist`);
  const masks = await findMaskFolder(root, maskDir);
  const photos = await photosIn(root, masks, maskDir !== undefined);
  if (photos.length === 0) throw new UserError(`${given} has no photographs in folders of classes`, `The layout is ${join(given, '<class>', '<name>.jpg')}.`);
  const names = [...new Set(photos.map((photo) => photo.folder))].filter((name) => !isNegative(name)).sort();
  if (names.length === 0) throw new UserError(`${given} has only images without a class`, `Folders called ${NEGATIVE_FOLDERS.join(', ')} contain images without any class; name a folder after each class.`);
  const classes = wanted ?? ownClassSet({ name: basename(root), classes: names }, given);
  const labelOf = new Map(names.map((name) => [name, classes.require(name, join(root, name))]));
  const ids = uniqueIds(photos.map(({ path }) => path));
  const index = new FolderIndex();
  const items = await Promise.all(photos.map(async ({ path, folder }, i): Promise<DataItem> => {
    const [id, imagePath, labels] = [ids[i], join(root, path), isNegative(folder) ? [] : [labelOf.get(folder)!]];
    const stem = path.replace(/\.[^./]*$/, '');
    const plain = basename(stem) === id ? [id] : [id, stem];
    const names = [...new Set([stem.split('/').slice(-2).join('/'), stem, ...plain])];
    return { id, imagePath, labels, ...masks !== undefined && { truth: await truthIn(masks, { id, imagePath, labels, names }, index) } };
  }));
  const splits = new Set(photos.flatMap(({ split }) => split ?? []));
  const own = splits.size === 0 ? undefined : new Map([...splits].map((name) => [name, items.filter((_, i) => photos[i].split === name)]));
  return {
    name: `folder:${root}`, root, imageDir: root, truthPlace: masks ?? join(root, MASK_FOLDERS[0]), inputs: masks === undefined ? [root] : [root, masks],
    hasLabels: true, defaultSplit: 'all',
    async readSplit(nameOrPath) {
      const split = await splitOf({ root, path: root, items, classes, own, share }, nameOrPath);
      return { ...split, notes: [...split.notes, ...backgroundNote(split.items)] };
    },
  };
}

function isNegative(folder: string): boolean {
  return NEGATIVE_FOLDERS.includes(folder.toLowerCase());
}

/** A photograph in a class folder. */
interface FoundPhoto {
  /** Relative to the root, with `/`. */
  readonly path: string;
  /** The class folder's name. */
  readonly folder: string;
  readonly split?: string;
}

async function photosIn(root: string, masks: string | undefined, masksGiven: boolean): Promise<FoundPhoto[]> {
  const places: { readonly path: string; readonly split?: string }[] = [];
  const top = await foldersIn(root, masks);
  for (const split of top.filter((name) => SPLIT_FOLDERS.includes(name))) {
    const below = await foldersIn(join(root, split), masks);
    places.push(...below.map((name) => ({ path: `${split}/${name}`, split })));
  }
  // A folder called masks is a class only if the masks are elsewhere.
  if (places.length === 0) places.push(...top.filter((name) => masksGiven || !MASK_FOLDERS.includes(name)).map((path) => ({ path })));
  const found: FoundPhoto[] = [];
  for (const { path, split } of places) {
    const files = (await readdir(join(root, path), { recursive: true })).map((name) => name.replaceAll('\\', '/')).filter(hasPictureEnding).sort();
    found.push(...files.map((file) => ({ path: `${path}/${file}`, folder: basename(path), split })));
  }
  return found;
}

async function foldersIn(folder: string, masks: string | undefined): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const folders: string[] = [];
  for (const { name } of entries) {
    if (!name.startsWith('.') && join(folder, name) !== masks && await isFolder(join(folder, name))) folders.push(name);
  }
  return folders.sort();
}
