import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '../../errors.js';
import { isFolder } from '../../jobs/files/is-folder.js';
import { isDataSet, isRun, refuseDataSet } from '../../jobs/journal/own-folder.js';
import { maskIdsIn } from '../../metrics/pairs.js';
import type { Devkit } from '../../voc/devkit.js';
import { openDevkit } from '../../voc/devkit.js';
import { findMask, findPhoto } from '../../voc/files-by-id.js';
import { FolderIndex } from '../../voc/folder-index.js';
import { firstName, readSplit } from '../../voc/splits.js';
import type { VocItem } from '../../voc/splits.js';
import { idOfPath, readLines } from '../../voc/text-lines.js';
import type { RunRecord } from './record.js';
import { readRunRecord } from './record.js';

/** Where the files of one image are; what is not on disk is left out. */
export interface RunImage {
  readonly id: string;
  readonly seedPath: string;
  readonly refinedPath?: string;
  readonly unrefinedPath?: string;
  readonly camPath?: string;
  readonly photoPath?: string;
  readonly truthPath?: string;
}

/** The folder that `voc-seeds generate` has written. */
export interface Run {
  readonly folder: string;
  readonly record: RunRecord;
  /** The images that have seeds, in the order of the run's lists. */
  readonly images: readonly RunImage[];
  /** Ids in the run's lists that have no seeds. */
  readonly unseeded: readonly string[];
  /** What could not be found, for the reader. */
  readonly remarks: readonly string[];
}

/** What {@link openRun} is told beside the folder. */
export interface OpenRunOptions {
  /** The devkit, in place of the one that run.json names. */
  readonly vocRoot?: string;
  /** The folder of the ground truth `<id>.png`, in place of the devkit's. */
  readonly truth?: string;
}

/**
 * Finds the files of a run: seeds in `SegmentationClass`, those before refinement in `SegmentationClassUnrefined`, refined ones
 * of another program in `SegmentationClassRefined`, maps in `cams`, and the photographs and masks of the devkit that run.json
 * names. A devkit that has moved away costs the report its photographs and scores, and is remarked on.
 *
 * @throws UserError where the folder holds no seeds, or where a folder that was asked for does not exist
 */
export async function openRun(folder: string, { vocRoot, truth }: OpenRunOptions = {}): Promise<Run> {
  const seedDir = join(folder, 'SegmentationClass');
  if (!await isFolder(folder)) throw new UserError(`the run ${folder} does not exist`, 'give the folder that \'voc-seeds generate --out\' has written');
  if (!await isFolder(seedDir)) throw new UserError(`${folder} holds no seeds: it has no folder SegmentationClass`, 'give the folder that \'voc-seeds generate --out\' has written');
  if (truth !== undefined && !await isFolder(truth)) throw new UserError(`the folder of the ground truth ${truth} does not exist`);
  const record = await readRunRecord(folder);
  const lists = await listsIn(folder);
  const ids = await idsOf(lists, seedDir);
  const remarks: string[] = [];
  const devkit = await devkitOf(vocRoot, record, remarks);
  const items = devkit === undefined ? new Map<string, VocItem>() : await itemsOf(devkit, record, lists);
  const index = new FolderIndex();
  const found = async (path: string | undefined): Promise<string | undefined> => (path === undefined ? undefined : index.find(path));
  const maskIn = async (place: string | undefined, id: string): Promise<string | undefined> => (
    place === undefined ? undefined : findMask(place, id, index));
  const images: RunImage[] = [];
  const unseeded: string[] = [];
  for (const id of ids) {
    const seedPath = await maskIn(seedDir, id);
    if (seedPath === undefined) {
      unseeded.push(id);
      continue;
    }
    const item = items.get(id);
    images.push({
      id, seedPath,
      refinedPath: await maskIn(join(folder, 'SegmentationClassRefined'), id),
      unrefinedPath: await maskIn(join(folder, 'SegmentationClassUnrefined'), id),
      camPath: await found(join(folder, 'cams', `${id}.npz`)),
      photoPath: item === undefined ? devkit && await findPhoto(devkit.imageDir, id, index) : await found(item.imagePath),
      truthPath: await found(truth === undefined && item !== undefined ? item.maskPath : await maskIn(truth ?? devkit?.maskDir, id)),
    });
  }
  if (images.length === 0) throw new UserError(`${seedDir} holds none of the seeds that are listed in the run`, 'the run may have failed: look into its run.json');
  const without = images.filter(({ photoPath }) => photoPath === undefined).length;
  if (devkit !== undefined && without > 0) remarks.push(`${without} of ${images.length} photographs are not in ${devkit.imageDir}.`);
  if (unseeded.length > 0) remarks.push(`${unseeded.length} images are listed in the run, but have no seeds.`);
  return { folder, record, images, unseeded, remarks };
}

/**
 * Makes sure that a report may be written: into the folder of a run of this program, or wherever else the user has said, but
 * never into a data set.
 *
 * @param place the folder of the report, if the user has named one; else it goes into the run's folder
 * @throws UserError if it may not
 */
export async function requireReportPlace(run: string, place: string | undefined): Promise<void> {
  if (place !== undefined) return refuseDataSet(place);
  if (await isRun(run)) return;
  const what = await isDataSet(run) ? 'is a data set (it has a folder JPEGImages or Annotations)' : 'was not written by voc-seeds generate (it has neither a run.json nor a journal)';
  throw new UserError(`${run} ${what}, so no report is written into it`, 'name another place for the report: --out report');
}

/** The lists that the run has written; a name that a list of another program may hold is not trusted as a path. */
async function listsIn(folder: string): Promise<string[]> {
  const names = await readdir(join(folder, 'ImageSets')).catch(() => []);
  return names.filter((name) => name.endsWith('.txt')).sort().map((name) => join(folder, 'ImageSets', name));
}

async function idsOf(lists: readonly string[], seedDir: string): Promise<string[]> {
  const ids = new Set<string>();
  const index = new FolderIndex();
  for (const list of lists) {
    // The list of a run that has not finished an image yet is empty.
    const lines = await readLines(list).catch(() => []);
    for (const line of lines) ids.add(idOfPath((await firstName(line, (name) => findMask(seedDir, idOfPath(name), index))).first));
  }
  return ids.size > 0 ? [...ids] : maskIdsIn(seedDir);
}

async function devkitOf(wanted: string | undefined, { vocRoot }: RunRecord, remarks: string[]): Promise<Devkit | undefined> {
  if (wanted !== undefined) return openDevkit(wanted);
  if (vocRoot === undefined) {
    remarks.push('The run does not say which devkit it was made of, so there are no photographs: name it with --voc-root.');
    return undefined;
  }
  try {
    return await openDevkit(vocRoot);
  } catch (error) {
    remarks.push(`The devkit ${vocRoot} of the run cannot be opened, so there are no photographs: name it with --voc-root. (${messageOf(error)})`);
    return undefined;
  }
}

/** The images by id: of the list that the run was made of, which may hold paths, else of the lists that it has written. */
async function itemsOf(devkit: Devkit, { splitFile }: RunRecord, lists: readonly string[]): Promise<Map<string, VocItem>> {
  const items = new Map<string, VocItem>();
  for (const list of splitFile === undefined ? lists : [splitFile, ...lists]) {
    const split = await readSplit(devkit, list).catch(() => undefined);
    for (const item of split?.items ?? []) if (!items.has(item.id)) items.set(item.id, item);
  }
  return items;
}
