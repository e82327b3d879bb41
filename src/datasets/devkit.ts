import { basename, dirname, join, resolve } from 'node:path';
import { UserError } from '../errors.js';
import { isFolder } from '../jobs/files/is-folder.js';

/** The folders of one year of the VOC devkit, as absolute paths. All but the root may be missing. */
export interface Devkit {
  /** The folder of the year, for instance `VOCdevkit/VOC2012`. */
  readonly root: string;
  /** `JPEGImages`: the photographs. */
  readonly imageDir: string;
  /** `SegmentationClass`, or the folder given instead: the masks. */
  readonly maskDir: string;
  /** Whether the user chose the mask folder. It then overrides the masks that a list names. */
  readonly maskDirGiven: boolean;
  /** `Annotations`: the objects of each photograph as XML. */
  readonly annotationDir: string;
  /** `ImageSets/Segmentation`: the official splits. */
  readonly listDir: string;
}

const parts = ['JPEGImages', 'SegmentationClass', 'Annotations', 'ImageSets'];

/**
 * Checks that a folder is one year of the VOC devkit. Incomplete devkits are accepted: one of the four folders is enough,
 * since no command needs all of them.
 *
 * @param root the folder that contains JPEGImages, SegmentationClass, Annotations and ImageSets
 * @param options.maskDir masks to use instead of SegmentationClass: a folder in the root (SegmentationClassAug) or any path
 * @throws {UserError} if the folder is missing or is not a devkit; the hint names a devkit nearby, if there is one
 */
export async function openDevkit(root: string, { maskDir }: { maskDir?: string } = {}): Promise<Devkit> {
  const folder = resolve(root);
  if (!await isFolder(folder)) throw new UserError(`the devkit folder ${root} does not exist`, 'Give the folder that contains JPEGImages, for instance VOCdevkit/VOC2012.');
  if (!await looksLikeYear(folder)) {
    const meant = await findYear(folder);
    throw new UserError(
      `${root} is not a VOC devkit: it has none of the folders ${parts.join(', ')}`,
      meant === undefined ? 'Give the folder that contains JPEGImages, for instance VOCdevkit/VOC2012.' : `Did you mean ${meant}?`);
  }
  return {
    root: folder,
    imageDir: join(folder, 'JPEGImages'),
    maskDir: maskDir === undefined ? join(folder, 'SegmentationClass') : await findMaskDir(folder, maskDir),
    maskDirGiven: maskDir !== undefined,
    annotationDir: join(folder, 'Annotations'),
    listDir: join(folder, 'ImageSets', 'Segmentation'),
  };
}

async function findMaskDir(root: string, maskDir: string): Promise<string> {
  for (const candidate of [join(root, maskDir), resolve(maskDir)]) {
    if (await isFolder(candidate)) return candidate;
  }
  throw new UserError(`the mask folder ${maskDir} is neither in ${root} nor in the current folder`);
}

/** A devkit above a folder (the user gave VOC2012/JPEGImages) or below it (VOCdevkit, or its parent). */
async function findYear(folder: string): Promise<string | undefined> {
  if (parts.includes(basename(folder)) && await looksLikeYear(dirname(folder))) return dirname(folder);
  for (const below of ['VOC2012', 'VOC2007', join('VOCdevkit', 'VOC2012'), join('VOCdevkit', 'VOC2007')]) {
    if (await looksLikeYear(join(folder, below))) return join(folder, below);
  }
  return undefined;
}

async function looksLikeYear(folder: string): Promise<boolean> {
  const found = await Promise.all(parts.map((part) => isFolder(join(folder, part))));
  return found.includes(true);
}
