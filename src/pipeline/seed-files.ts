import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openPhoto } from '../image/photo-file.js';
import type { JournalEntry } from '../jobs/journal/journal.js';
import { decodeNpz } from '../formats/numpy/npz.js';
import { parsePng, unpackSamples } from '../formats/png/png.js';
import type { DataItem } from '../datasets/splits.js';

/** The folders of a run's results. */
export const SEED_FOLDER = 'SegmentationClass';
export const UNREFINED_FOLDER = 'SegmentationClassUnrefined';
/** The seeds of class activation maps, if those of a student are in {@link SEED_FOLDER}. */
export const CAM_SEED_FOLDER = 'SegmentationClassCam';
export const CONFIDENCE_FOLDER = 'Confidence';
export const CAM_FOLDER = 'cams';

/** What is written in addition to the seeds. */
export interface SeedFileChoice {
  readonly saveCams: boolean;
  readonly saveUnrefined?: boolean;
  readonly soft?: boolean;
  /** Also the seeds of class activation maps, beside those of a student. */
  readonly camSeeds?: boolean;
}

/** The note on an image without classes; it has no maps. */
export const NO_CLASS = 'no class: all background';

/** The folders that a run writes to, the seeds' first. */
export function seedFolders({ saveCams, saveUnrefined = false, soft = false, camSeeds = false }: SeedFileChoice): string[] {
  return [
    SEED_FOLDER, ...camSeeds ? [CAM_SEED_FOLDER] : [],
    ...saveUnrefined ? [UNREFINED_FOLDER] : [], ...soft ? [CONFIDENCE_FOLDER] : [], ...saveCams ? [CAM_FOLDER] : [],
  ];
}

/** The files of an image, by folder. */
export function seedFiles(out: string, id: string, choice: SeedFileChoice): Record<string, string> {
  return Object.fromEntries(seedFolders(choice).map((folder) => [folder, join(out, folder, `${id}.${folder === CAM_FOLDER ? 'npz' : 'png'}`)]));
}

/** The files of an image that is done, by folder. */
export function recordedFiles(out: string, { id, notes }: JournalEntry, choice: SeedFileChoice): Record<string, string> {
  return seedFiles(out, id, { ...choice, saveCams: choice.saveCams && notes?.includes(NO_CLASS) !== true });
}

/** Whether a file without a recorded stamp is complete and has the size of its photograph; returns false or throws if not. */
export async function isWholeSeedFile({ imagePath }: DataItem, folder: string, path: string): Promise<boolean> {
  const bytes = await readFile(path);
  if (folder === CAM_FOLDER) return decodeNpz(bytes).has('maps');
  const file = parsePng(bytes);
  unpackSamples(file);
  const photo = await openPhoto(imagePath).catch(() => undefined);
  return photo === undefined || (photo.original[0] === file.header.height && photo.original[1] === file.header.width);
}
