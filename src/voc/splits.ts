import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { UserError } from '../errors.js';
import type { Devkit } from './devkit.js';
import { FolderIndex } from './folder-index.js';
import { idOfPath, readLines } from './text-lines.js';

/** One image of a split. The files need not exist: see {@link partitionByPresence}. */
export interface VocItem {
  /** The name of the image without folder and ending, for instance `2007_000032`; unique in its split. */
  readonly id: string;
  readonly imagePath: string;
  readonly maskPath: string;
}

/** A list of images. */
export interface Split {
  /** The name of the split: `val`, or the name of the list's file without its ending. */
  readonly name: string;
  /** The file it was read from. */
  readonly path: string;
  /** In the order of the list, each image once. */
  readonly items: readonly VocItem[];
  /** How many lines repeated an image that was listed before, and were left out. */
  readonly duplicates: number;
}

const imageEndings = ['.jpg', '.jpeg', '.png'];

/**
 * Reads a split: an official name (`val` is ImageSets/Segmentation/val.txt) or the path of any list. A line is one of
 *
 *     2007_000032                                             an id, as in the official lists
 *     /JPEGImages/2007_000032.jpg /SegmentationClassAug/...   an image and its mask, as in the lists for the augmented set
 *     VOC2012/JPEGImages/2007_000032.jpg 1 15                 an image and more: the rest is not looked at
 *
 * Blank lines and lines beginning with `#` are skipped. Paths, also those that begin with `/`, are looked for in the
 * root, in the folder above it, in the folder of the list, and as they stand. Ids get `.jpg`, or `.jpeg` or `.png` where
 * there is only that. An image listed twice counts once.
 *
 * @throws {UserError} when there is no such list, when it is empty, or when two different images have one id
 */
export async function readSplit(devkit: Devkit, nameOrPath: string): Promise<Split> {
  const path = await findList(devkit, nameOrPath);
  const index = new FolderIndex();
  const items = new Map<string, VocItem & { line: number }>();
  let duplicates = 0;
  for (const { words: [first, second], number } of await readLines(path)) {
    const id = idOfPath(first);
    if (id === '') throw new UserError(`${path}:${number}: "${first}" names no image`);
    const namedMask = second !== undefined && isPath(second) && !devkit.maskDirGiven;
    const item = {
      id,
      imagePath: isPath(first) ? await findListed(first, devkit, path, index) : await findImage(devkit.imageDir, id, index),
      maskPath: namedMask ? await findListed(second, devkit, path, index) : join(devkit.maskDir, `${id}.png`),
      line: number,
    };
    const known = items.get(id);
    if (known === undefined) items.set(id, item);
    else if (known.imagePath === item.imagePath) duplicates++;
    else throw new UserError(`${path}: lines ${known.line} and ${number} name two images with the id ${id}`, 'Results are named by id: split the list in two.');
  }
  return {
    name: idOfPath(path),
    path,
    items: [...items.values()].map(({ id, imagePath, maskPath }) => ({ id, imagePath, maskPath })),
    duplicates,
  };
}

async function findList(devkit: Devkit, nameOrPath: string): Promise<string> {
  for (const candidate of [join(devkit.listDir, `${nameOrPath}.txt`), resolve(nameOrPath), join(devkit.root, nameOrPath)]) {
    if (await stat(candidate).then((entry) => entry.isFile(), () => false)) return candidate;
  }
  const names = (await readdir(devkit.listDir).catch(() => [])).filter((name) => name.endsWith('.txt')).map((name) => name.slice(0, -4));
  throw new UserError(
    `there is no split ${nameOrPath}: neither ${join(devkit.listDir, `${nameOrPath}.txt`)} nor a file of that path`,
    names.length === 0 ? 'Give the path of a list of image ids.' : `Give the path of a list, or one of: ${names.sort().join(', ')}.`);
}

/** Whether a word of a list is a path rather than an id or a class. */
function isPath(word: string): boolean {
  return /[\\/]/.test(word) || /\.(?:jpe?g|png)$/i.test(word);
}

/** Where a path named in a list lies; if it is nowhere, where it would be next to its neighbours, else in the root. */
async function findListed(named: string, { root }: Devkit, listPath: string, index: FolderIndex): Promise<string> {
  const relative = named.replaceAll('\\', '/').replace(/^\/+/, '');
  const candidates = [join(root, relative), join(dirname(root), relative), join(dirname(listPath), relative), resolve(named)];
  for (const candidate of candidates) {
    if (await index.has(candidate)) return candidate;
  }
  for (const candidate of candidates) {
    if ((await index.namesIn(dirname(candidate))).size > 0) return candidate;
  }
  return candidates[0];
}

async function findImage(folder: string, id: string, index: FolderIndex): Promise<string> {
  const names = await index.namesIn(folder);
  return join(folder, id + (imageEndings.find((ending) => names.has(id + ending)) ?? imageEndings[0]));
}

/** Items whose file is on disk, and items whose file is not; both in the order given. */
export interface Presence {
  readonly present: readonly VocItem[];
  readonly missing: readonly VocItem[];
}

/**
 * Separates the items whose image (or mask) exists from those where it is missing: the official lists name images that
 * many devkits do not hold.
 */
export async function partitionByPresence(items: readonly VocItem[], file: 'imagePath' | 'maskPath' = 'imagePath'): Promise<Presence> {
  const index = new FolderIndex();
  const present: VocItem[] = [];
  const missing: VocItem[] = [];
  for (const item of items) (await index.has(item[file]) ? present : missing).push(item);
  return { present, missing };
}

/**
 * The items with these ids, in the order of the ids.
 *
 * @throws {UserError} for an id that is not among the items
 */
export function selectIds(items: readonly VocItem[], ids: readonly string[]): VocItem[] {
  const byId = new Map(items.map((item) => [item.id, item]));
  return [...new Set(ids)].map((id) => {
    const item = byId.get(id);
    if (item === undefined) throw new UserError(`the split has no image with the id ${id}`, 'Ids look like 2007_000032, without folder and ending.');
    return item;
  });
}
