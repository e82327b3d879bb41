import { basename, dirname, join, resolve } from 'node:path';
import { UserError } from '../errors.js';
import { isFolder } from '../jobs/files/is-folder.js';

/** The folders of one year of the VOC devkit, as absolute paths. Apart from the root they need not exist. */
export interface Devkit {
  /** The folder of the year, for instance `VOCdevkit/VOC2012`. */
  readonly root: string;
  /** `JPEGImages`: the photographs. */
  readonly imageDir: string;
  /** `SegmentationClass`, or the folder given instead: the masks. */
  readonly maskDir: string;
  /** Whether masks come from a folder that was asked for, which then holds for lists that name masks as well. */
  readonly maskDirGiven: boolean;
  /** `Annotations`: the objects of each photograph as XML. */
  readonly annotationDir: string;
  /** `ImageSets/Segmentation`: the official splits. */
  readonly listDir: string;
}

const parts = ['JPEGImages', 'SegmentationClass', 'Annotations', 'ImageSets'];

/**
 * Looks whether a folder is one year of the VOC devkit. Incomplete devkits pass: one of the four folders is enough here,
 * since no command needs them all.
 *
 * @param root the folder that holds JPEGImages, SegmentationClass, Annotations and ImageSets
 * @param options.maskDir masks to use instead of SegmentationClass: a folder in the root (SegmentationClassAug) or any path
 * @throws {UserError} when the folder is missing or is another one, with the one that was probably meant
 */
export async function openDevkit(root: string, { maskDir }: { maskDir?: string } = {}): Promise<Devkit> {
  const folder = resolve(root);
  if (!await isFolder(folder)) throw new UserError(`the devkit folder ${root} does not exist`, 'Give the folder that holds JPEGImages, for instance VOCdevkit/VOC2012.');
  if (!await looksLikeYear(folder)) {
    const meant = await findYear(folder);
    throw new UserError(
      `${root} is not a VOC devkit: it has none of the folders ${parts.join(', ')}`,
      meant === undefined ? 'Give the folder that holds JPEGImages, for instance VOCdevkit/VOC2012.' : `Did you mean ${meant}?`);
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
  throw new UserError(`the mask folder ${maskDir} exists neither in ${root} nor in the current folder`);
}

/** The devkit near a folder that is none: above it (the user gave VOC2012/JPEGImages) or below (VOCdevkit, or its parent). */
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
