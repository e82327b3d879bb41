import type { ClassSet } from '../datasets/classes/class-set.js';
import { VOC } from '../datasets/classes/voc.js';
import { openDevkit } from '../datasets/devkit.js';
import { findMask, findPhoto } from '../datasets/files-by-id.js';
import { FolderIndex } from '../datasets/folder-index.js';
import { UserError } from '../errors.js';
import { isFolder } from '../jobs/files/is-folder.js';
import { maskIdsIn } from '../metrics/pairs.js';
import { NO_CLASS } from '../pipeline/seed-files.js';
import { openRun } from '../report/run/folder.js';
import type { ExportItem } from './format.js';

/** What is exported. */
export interface ExportSource {
  readonly items: readonly ExportItem[];
  readonly classes: ClassSet;
  /** The name of the list of images. */
  readonly split: string;
  /** Folders that nothing may be written to. */
  readonly inputs: readonly string[];
  /** Remarks for the user. */
  readonly remarks: readonly string[];
}

/** Options of {@link openSource}. */
export interface SourceOptions {
  /** The output folder of generate. */
  readonly run?: string;
  /** A folder of masks instead. */
  readonly masks?: string;
  /** The devkit with the photographs. */
  readonly vocRoot?: string;
  /** The classes of the labels; default: those of the run, or VOC's. */
  readonly classes?: ClassSet;
}

/**
 * Finds the images of a run or of a folder of masks.
 *
 * @throws UserError if there are none
 */
export async function openSource({ run, masks, vocRoot, classes }: SourceOptions): Promise<ExportSource> {
  if (run !== undefined && masks !== undefined) throw new UserError('a run and --masks cannot be exported together', 'leave one of them out');
  if (masks !== undefined) return maskFolder(masks, vocRoot, classes ?? VOC);
  if (run === undefined) throw new UserError('there is nothing to export', 'give the --out folder of generate: voc-seeds export seeds --to coco --out seeds.json');
  const opened = await openRun(run, { classes, vocRoot });
  const classless = new Set(opened.record.notes?.filter(({ notes }) => notes.includes(NO_CLASS)).map(({ id }) => id));
  const items = opened.images.map(({ id, seedPath, camPath, photoPath }) => (
    { id, maskPath: seedPath, camPath, photoPath, classless: classless.has(id) }));
  return {
    items,
    classes: opened.classes, split: opened.record.split ?? 'train', remarks: opened.remarks,
    inputs: [run, vocRoot ?? opened.record.vocRoot].filter((folder) => folder !== undefined),
  };
}

async function maskFolder(folder: string, vocRoot: string | undefined, classes: ClassSet): Promise<ExportSource> {
  if (!await isFolder(folder)) throw new UserError(`the folder ${folder} does not exist`);
  const devkit = vocRoot === undefined ? undefined : await openDevkit(vocRoot);
  const index = new FolderIndex();
  const items: ExportItem[] = [];
  for (const id of await maskIdsIn(folder)) {
    const maskPath = await findMask(folder, id, index);
    if (maskPath !== undefined) items.push({ id, maskPath, photoPath: devkit && await findPhoto(devkit.imageDir, id, index) });
  }
  if (items.length === 0) throw new UserError(`there are no masks in ${folder}`, 'masks are files <id>.png or <id>.npy');
  return { items, classes, split: 'train', inputs: [folder, ...vocRoot === undefined ? [] : [vocRoot]], remarks: [] };
}
