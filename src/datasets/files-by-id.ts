import { readdir } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { FolderIndex } from './folder-index.js';

// Data sets name their files by id, but with various extensions: .JPG (cameras), .JPEG (ImageNet), .PNG (Windows).

/** Extensions of photographs, lower case. If an id has several, the first of these counts. */
export const PHOTO_ENDINGS: readonly string[] = ['.jpg', '.jpeg', '.jpe', '.jfif', '.png', '.webp', '.tif', '.tiff', '.gif', '.avif'];

/** Extensions of unsupported pictures. A photograph with one of these fails with its name instead of being reported as missing. */
const UNREAD_PHOTO_ENDINGS: readonly string[] = ['.bmp', '.dib', '.heic', '.heif', '.jp2', '.j2k', '.jxl', '.ppm', '.pgm', '.pnm', '.tga', '.dng', '.cr2', '.nef', '.arw', '.psd'];

/** Extensions of label masks, lower case. If an id has both, the first of these counts. */
export const MASK_ENDINGS: readonly string[] = ['.png', '.npy'];

/** Whether a name has the extension of a picture, supported or not. */
export function hasPictureEnding(name: string): boolean {
  const ending = extname(name).toLowerCase();
  return PHOTO_ENDINGS.includes(ending) || UNREAD_PHOTO_ENDINGS.includes(ending);
}

/** The photograph with an id in a folder, or `undefined`. Finds a picture of an unsupported type only if there is no other. */
export async function findPhoto(folder: string, id: string, index: FolderIndex): Promise<string | undefined> {
  return findById(folder, id, [...PHOTO_ENDINGS, ...UNREAD_PHOTO_ENDINGS], index);
}

/** The label mask with an id in a folder, or `undefined`. */
export async function findMask(folder: string, id: string, index: FolderIndex): Promise<string | undefined> {
  return findById(folder, id, MASK_ENDINGS, index);
}

/** The path of the label mask with an id in a folder, or where it would be. */
export async function maskPathOf(folder: string, id: string, index: FolderIndex): Promise<string> {
  return await findMask(folder, id, index) ?? join(folder, `${id}.png`);
}

async function findById(folder: string, id: string, endings: readonly string[], index: FolderIndex): Promise<string | undefined> {
  const names = await index.namesOf(folder, id);
  // Lower case first: .jpg before .JPG.
  const ranked = names
    .map((name) => ({ name, rank: endings.indexOf(extname(name).toLowerCase()) }))
    .filter(({ rank }) => rank >= 0)
    .sort((a, b) => a.rank - b.rank || (a.name < b.name ? 1 : -1));
  return ranked.length === 0 ? undefined : join(folder, ranked[0].name);
}

/** What to do about a file that is not a label mask, by its extension. */
const maskAdvice: readonly (readonly [endings: readonly string[], advice: string])[] = [
  [['.jpg', '.jpeg', '.jpe', '.jfif', '.webp'], 'label masks must be PNG or .npy, since this format changes labels; use the original mask'],
  [['.bmp', '.gif', '.tif', '.tiff'], 'label masks must be PNG or .npy; convert it without changing its values'],
  [['.mat'], 'MATLAB files are not supported; for SBD: Image.fromarray(scipy.io.loadmat(file)[\'GTcls\'][\'Segmentation\'][0, 0]).save(\'<id>.png\'), with Pillow'],
  [['.npz', '.pkl', '.pt', '.pth'], 'label masks must be PNG or .npy; save the labels with numpy.save, or as a PNG'],
  [['.xml', '.json'], 'annotations are not label masks; draw them into masks first'],
];

/**
 * The file with the id of a missing label mask, and what to do about it: `there is a.jpg: label masks must be ...`.
 *
 * @returns `undefined` if nothing else has that id
 */
export async function whatLiesInPlaceOf(path: string, index = new FolderIndex()): Promise<string | undefined> {
  const folder = dirname(path);
  for (const name of await index.namesOf(folder, basename(path, extname(path)))) {
    const advice = maskAdvice.find(([endings]) => endings.includes(extname(name).toLowerCase()))?.[1];
    if (advice !== undefined) return `there is ${join(folder, name)}: ${advice}`;
  }
  return undefined;
}

/**
 * The ids of the label masks in a folder: the names of its .png and .npy files without the extension, each once, sorted.
 *
 * @throws what the file system throws if the folder cannot be read
 */
export async function maskIdsOf(folder: string): Promise<string[]> {
  const ids = (await readdir(folder))
    .filter((name) => MASK_ENDINGS.includes(extname(name).toLowerCase()))
    .map((name) => basename(name, extname(name)).normalize('NFC'));
  return [...new Set(ids)].sort();
}
