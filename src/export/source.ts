import type { ClassSet } from '../datasets/classes/class-set.js';
import { VOC } from '../datasets/classes/voc.js';
import { findMask, findPhoto } from '../datasets/files-by-id.js';
import { FolderIndex } from '../datasets/folder-index.js';
import { dataSpecOf, openDataSet } from '../datasets/kinds.js';
import type { DataSettings } from '../datasets/kinds.js';
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
export interface SourceOptions extends DataSettings {
  /** The output folder of generate. */
  readonly run?: string;
  /** A folder of masks instead; `data` or `vocRoot` then is the data set with the photographs. */
  readonly masks?: string;
  /** The classes of the labels; default: those of the run, those of the data set, or VOC's. */
  readonly classes?: ClassSet;
}

/**
 * Finds the images of a run or of a folder of masks.
 *
 * @throws UserError if there are none
 */
export async function openSource({ run, masks, data, vocRoot, classes }: SourceOptions): Promise<ExportSource> {
  if (run !== undefined && masks !== undefined) throw new UserError('a run and --masks cannot be exported together', 'leave one of them out');
  if (masks !== undefined) return maskFolder(masks, { data, vocRoot }, classes);
  if (run === undefined) throw new UserError('there is nothing to export', 'give the --out folder of generate: voc-seeds export seeds --to coco --out seeds.json');
  const opened = await openRun(run, { classes, data, vocRoot });
  const classless = new Set(opened.record.notes?.filter(({ notes }) => notes.includes(NO_CLASS)).map(({ id }) => id));
  const items = opened.images.map(({ id, seedPath, camPath, photoPath }) => (
    { id, maskPath: seedPath, camPath, photoPath, classless: classless.has(id) }));
  return {
    items,
    classes: opened.classes, split: opened.record.split ?? 'train', remarks: opened.remarks,
    inputs: [run, ...opened.data?.inputs ?? []],
  };
}

async function maskFolder(folder: string, settings: DataSettings, classes: ClassSet | undefined): Promise<ExportSource> {
  if (!await isFolder(folder)) throw new UserError(`the folder ${folder} does not exist`);
  const named = settings.data !== undefined || settings.vocRoot !== undefined;
  const data = named ? await openDataSet(dataSpecOf(settings), { classes }) : undefined;
  const all = data?.defaultSplit === undefined ? undefined : await data.readSplit(data.defaultSplit);
  const photos = new Map(all?.items.map(({ id, imagePath }) => [id, imagePath]));
  const index = new FolderIndex();
  const items: ExportItem[] = [];
  for (const id of await maskIdsIn(folder)) {
    const maskPath = await findMask(folder, id, index);
    if (maskPath !== undefined) items.push({ id, maskPath, photoPath: photos.get(id) ?? (data && await findPhoto(data.imageDir, id, index)) });
  }
  if (items.length === 0) throw new UserError(`there are no masks in ${folder}`, 'masks are files <id>.png or <id>.npy');
  return { items, classes: classes ?? all?.classes ?? VOC, split: 'train', inputs: [folder, ...data?.inputs ?? []], remarks: [] };
}
