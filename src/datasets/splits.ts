import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { UserError } from '../errors.js';
import { isFolder } from '../jobs/files/is-folder.js';
import type { ClassSet } from './classes/class-set.js';
import { VOC } from './classes/voc.js';
import type { Devkit } from './devkit.js';
import { FolderIndex } from './folder-index.js';
import { findMask, findPhoto, hasPictureEnding, maskPathOf } from './files-by-id.js';
import { idOfPath, parseClassList, readLines } from './text-lines.js';
import type { ListLine } from './text-lines.js';
import { maskTruth, truthFile } from './truth.js';
import type { GroundTruth } from './truth.js';

/** One image of a split. The files may be missing: see {@link partitionByPresence}. */
export interface DataItem {
  /** The name of the image without folder and extension, for instance `2007_000032`. Unique in its split. */
  readonly id: string;
  readonly imagePath: string;
  /** Its ground truth, if the data set has a place for it. */
  readonly truth?: GroundTruth;
  /** Its classes by the data set itself: labels from 1, ascending, each once. */
  readonly labels?: readonly number[];
  /** Why the data set does not know its classes, although it has labels of its own. */
  readonly problem?: string;
}

/** The files of an image: its photograph, and the file of its ground truth. */
export function filesOf({ imagePath, truth }: DataItem): string[] {
  return truth === undefined ? [imagePath] : [imagePath, truthFile(truth)];
}

/** A list of images. */
export interface Split {
  /** The name of the split: `val`, or the list's file name without its extension. */
  readonly name: string;
  /** The file it was read from. */
  readonly path: string;
  /** The images in the order of the list, each once. */
  readonly items: readonly DataItem[];
  /** The classes of its labels and ground truth. */
  readonly classes: ClassSet;
  /** How many lines repeated an earlier image and were left out. */
  readonly duplicates: number;
  /** Remarks about the list for the user. */
  readonly notes: readonly string[];
}

/**
 * Reads a split: an official name (`val` is ImageSets/Segmentation/val.txt) or the path of any list. A line has one of these forms:
 *
 *     2007_000032                                             an id, as in the official lists
 *     /JPEGImages/2007_000032.jpg /SegmentationClassAug/...   an image and its mask, as in the lists for the augmented set
 *     VOC2012/JPEGImages/2007_000032.jpg 1 15                 an image and more: the rest is ignored
 *
 *     "my photo.jpg",cat                                      the same as CSV
 *     my photo                                                a name with spaces, if there is a photograph with that name
 *     2007_000032 -1                                          in a list of ImageSets/Main: the image is left out
 *
 * Blank lines and lines that start with `#` are skipped. Paths, even those that start with `/`, are searched in the root,
 * in its parent folder, in the folder of the list, and as given. Ids get the extension of the photograph on disk:
 * `.jpg`, else `.jpeg`, `.png`, `.webp`, `.tif`, ... in lower or upper case. An image listed twice counts once.
 *
 * In a list of ImageSets/Main, every line ends in 1, 0 or -1. Images with -1 do not contain the list's class.
 *
 * A name that is not in ImageSets/Segmentation is searched in ImageSets (`Main/train`), and in ImageSets/Main.
 *
 * @param classes the classes of the devkit
 * @throws {UserError} if there is no such list, if it is empty, or if two different images have the same id
 */
export async function readSplit(devkit: Devkit, nameOrPath: string, classes: ClassSet = VOC): Promise<Split> {
  const path = await findList(devkit, nameOrPath);
  const index = new FolderIndex();
  const items = new Map<string, DataItem & { line: number }>();
  let duplicates = 0;
  const listed = await readLines(path);
  const classList = parseClassList(listed);
  for (const line of classList?.lines ?? listed) {
    const { first, found, rest } = await nameIn(line, devkit, path, index);
    const id = idOfPath(first);
    if (id === '') throw new UserError(`${path}:${line.number}: "${first}" is not the name of an image`);
    const item = {
      id,
      imagePath: found ?? (isPath(first) ? await placeOf(first, devkit, path, index) : join(devkit.imageDir, `${id}.jpg`)),
      truth: maskTruth(await maskOf(id, rest, devkit, path, index)),
      line: line.number,
    };
    const known = items.get(id);
    if (known === undefined) items.set(id, item);
    else if (known.imagePath === item.imagePath) duplicates++;
    else throw new UserError(`${path}: lines ${known.line} and ${line.number} are different images with the same id ${id}`, 'Results are named by id. Split the list in two.');
  }
  if (items.size === 0) throw new UserError(`every line of the list ${path} is marked -1: none of its images contains the class`);
  return {
    name: idOfPath(path),
    path,
    items: [...items.values()].map(({ id, imagePath, truth }) => ({ id, imagePath, truth })),
    classes,
    duplicates,
    notes: classList === undefined ? [] : [`${classList.absent} of ${listed.length} lines of ${path} are marked -1 (the image does not contain the class) and are left out`],
  };
}

/** The image that a line starts with, found by the photographs on disk, or by the masks if there are no photographs. */
async function nameIn(line: ListLine, devkit: Devkit, path: string, index: FolderIndex): Promise<FirstName> {
  const byPhoto = await firstName(line, (name) => findNamed(name, devkit, path, index));
  if (byPhoto.found !== undefined || line.beginnings.length === 1) return byPhoto;
  const byMask = await firstName(line, (name) => (isPath(name) ? Promise.resolve(undefined) : findMask(devkit.maskDir, name, index)));
  return byMask.found === undefined ? byPhoto : { ...byMask, found: undefined };
}

async function findList(devkit: Devkit, nameOrPath: string): Promise<string> {
  const imageSets = dirname(devkit.listDir);
  const named = [devkit.listDir, imageSets, join(imageSets, 'Main')].map((folder) => join(folder, `${nameOrPath}.txt`));
  for (const candidate of [named[0], resolve(nameOrPath), join(devkit.root, nameOrPath), ...named.slice(1)]) {
    if (await stat(candidate).then((entry) => entry.isFile(), () => false)) return candidate;
  }
  if (await isFolder(nameOrPath)) throw new UserError(`the list ${nameOrPath} is a folder, not a file`, 'Give the path of a list of image ids.');
  const names = (await readdir(devkit.listDir).catch(() => [])).filter((name) => name.endsWith('.txt')).map((name) => name.slice(0, -4));
  throw new UserError(
    `there is no split ${nameOrPath}: neither ${join(devkit.listDir, `${nameOrPath}.txt`)} nor the file ${nameOrPath} exists`,
    names.length === 0 ? 'Give the path of a list of image ids.' : `Give the path of a list, or one of: ${names.sort().join(', ')}.`);
}

/** The image that a line starts with. */
interface FirstName {
  /** As written in the line. */
  readonly first: string;
  /** Its path; `undefined` if it is not on disk. */
  readonly found: string | undefined;
  /** The words after it. */
  readonly rest: readonly string[];
}

/**
 * The image that a line starts with: the longest beginning that `find` finds, since names may contain spaces, or the first
 * word if it finds none.
 */
export async function firstName({ words, beginnings }: ListLine, find: (name: string) => Promise<string | undefined>): Promise<FirstName> {
  const nameOf = (count: number, found?: string): FirstName => ({ first: beginnings[count - 1], found, rest: words.slice(count) });
  // A name ends with its extension.
  const ended = words.findIndex(hasPictureEnding);
  const most = Math.min(beginnings.length, ended < 0 ? Infinity : ended + 1);
  const pathFollows = words.slice(1, most).some(hasSlash);
  // An id and the path of its mask, rather than a folder whose name has spaces.
  const short = pathFollows ? await find(beginnings[0]) : undefined;
  if (short !== undefined) return nameOf(1, short);
  for (let count = most; count >= 1; count--) {
    const found = await find(beginnings[count - 1]);
    if (found !== undefined) return nameOf(count, found);
  }
  return nameOf(ended > 0 && !pathFollows ? most : 1);
}

function hasSlash(word: string): boolean {
  return /[\\/]/.test(word);
}

/** Whether a word of a list is a path rather than an id or a class. */
export function isPath(word: string): boolean {
  return hasSlash(word) || hasPictureEnding(word) || /\.npy$/i.test(word);
}

/** Where the photographs of a list are: paths are relative to the root, ids are in the folder of photographs. */
export type PhotoPlace = Pick<Devkit, 'root' | 'imageDir'>;

/** The path of a photograph that a list names by path or id, or `undefined`. */
export async function findNamed(name: string, devkit: PhotoPlace, listPath: string, index: FolderIndex): Promise<string | undefined> {
  return isPath(name) ? findListed(name, devkit, listPath, index) : findPhoto(devkit.imageDir, idOfPath(name), index);
}

/** Finds a path from a list on disk: by its exact name, else with another spelling of its extension (.JPG, .jpeg), else without one. */
async function findListed(named: string, devkit: PhotoPlace, listPath: string, index: FolderIndex): Promise<string | undefined> {
  const places = placesOf(named, devkit, listPath);
  for (const place of places) {
    const found = await index.find(place);
    if (found !== undefined) return found;
  }
  for (const place of places) {
    const folder = dirname(place);
    const found = hasPictureEnding(place)
      ? (await index.namesOf(folder, basename(place, extname(place)))).find((name) => sameType(extname(name), extname(place)))
      : await findPhoto(folder, basename(place), index);
    if (found !== undefined) return join(folder, basename(found));
  }
  return undefined;
}

/** The mask named by the words after an image, else the mask with the image's id, else the path where that would be. */
async function maskOf(id: string, rest: readonly string[], devkit: Devkit, listPath: string, index: FolderIndex): Promise<string> {
  if (devkit.maskDirGiven || rest.length === 0 || !isPath(rest[0])) return maskPathOf(devkit.maskDir, id, index);
  const ended = rest.findIndex((name) => hasPictureEnding(name) || /\.npy$/i.test(name));
  for (const name of [rest.slice(0, ended + 1).join(' '), rest[0]]) {
    const found = name === '' ? undefined : await findListed(name, devkit, listPath, index);
    if (found !== undefined) return found;
  }
  return placeOf(rest[0], devkit, listPath, index);
}

function sameType(a: string, b: string): boolean {
  const plain = (ending: string): string => ending.toLowerCase().replace(/^\.(?:jpeg|jpe|jfif)$/, '.jpg').replace(/^\.tiff$/, '.tif');
  return plain(a) === plain(b);
}

function placesOf(named: string, { root }: PhotoPlace, listPath: string): string[] {
  const relative = named.replaceAll('\\', '/').replace(/^\/+/, '');
  return [join(root, relative), join(dirname(root), relative), join(dirname(listPath), relative), resolve(named)];
}

/** Where a missing file would be: in the first folder that has files, else in the root. */
async function placeOf(named: string, devkit: Devkit, listPath: string, index: FolderIndex): Promise<string> {
  const places = placesOf(named, devkit, listPath);
  for (const place of places) {
    if ((await index.namesIn(dirname(place))).size > 0) return place;
  }
  return places[0];
}

/** Items whose file is on disk and items whose file is missing, both in the given order. */
export interface Presence {
  readonly present: readonly DataItem[];
  readonly missing: readonly DataItem[];
}

/**
 * Separates the items whose image (or ground truth) exists from those where it is missing. Many devkits lack some of the images
 * in the official lists.
 */
export async function partitionByPresence(items: readonly DataItem[], needed: 'imagePath' | 'truth' = 'imagePath'): Promise<Presence> {
  const index = new FolderIndex();
  const present: DataItem[] = [];
  const missing: DataItem[] = [];
  for (const item of items) {
    const path = needed === 'truth' ? item.truth?.path : item.imagePath;
    (path !== undefined && await index.has(path) ? present : missing).push(item);
  }
  return { present, missing };
}

/**
 * The items with these ids, in the order of the ids.
 *
 * @throws {UserError} for an id that is not among the items
 */
export function selectIds(items: readonly DataItem[], ids: readonly string[]): DataItem[] {
  const byId = new Map(items.map((item) => [item.id, item]));
  return [...new Set(ids)].map((id) => {
    const item = byId.get(id);
    if (item === undefined) throw new UserError(`the split has no image with the id ${id}`, 'Ids look like 2007_000032, without folder and extension.');
    return item;
  });
}
