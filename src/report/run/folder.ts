import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '../../errors.js';
import { isFolder } from '../../jobs/files/is-folder.js';
import { isDataSet, isRun, refuseDataSet } from '../../jobs/journal/own-folder.js';
import { maskIdsIn } from '../../metrics/pairs.js';
import type { ClassSet } from '../../datasets/classes/class-set.js';
import { classSetOf } from '../../datasets/classes/known.js';
import { VOC } from '../../datasets/classes/voc.js';
import type { DataSet } from '../../datasets/data-set.js';
import { CAM_SEED_FOLDER, UNREFINED_FOLDER } from '../../pipeline/seed-files.js';
import { dataSpecOf, openDataSet } from '../../datasets/kinds.js';
import type { DataSettings } from '../../datasets/kinds.js';
import { findMask, findPhoto } from '../../datasets/files-by-id.js';
import { FolderIndex } from '../../datasets/folder-index.js';
import { firstName } from '../../datasets/splits.js';
import type { DataItem } from '../../datasets/splits.js';
import { idOfPath, readLines } from '../../datasets/text-lines.js';
import { maskTruth, truthFile } from '../../datasets/truth.js';
import type { GroundTruth } from '../../datasets/truth.js';
import type { RunRecord } from './record.js';
import { readRunRecord } from './record.js';

/** The files of one image; those that do not exist are left out. */
export interface RunImage {
  readonly id: string;
  readonly seedPath: string;
  readonly refinedPath?: string;
  readonly unrefinedPath?: string;
  readonly camSeedPath?: string;
  readonly camPath?: string;
  readonly photoPath?: string;
  readonly truth?: GroundTruth;
}

/** A folder written by `voc-seeds generate`. */
export interface Run {
  readonly folder: string;
  readonly record: RunRecord;
  readonly classes: ClassSet;
  /** The data set, if it can be opened. */
  readonly data?: DataSet;
  /** The images that have seeds, in the order of the run's lists. */
  readonly images: readonly RunImage[];
  /** Ids in the run's lists without seeds. */
  readonly unseeded: readonly string[];
  /** What could not be found, as sentences for the report. */
  readonly remarks: readonly string[];
}

/** Options of {@link openRun}. */
export interface OpenRunOptions extends DataSettings {
  /** The class set to use instead of the one in run.json; VOC if there is none. */
  readonly classes?: ClassSet;
  /** The folder of the ground truth `<id>.png` to use instead of the data set's. */
  readonly truth?: string;
}

/**
 * Finds the files of a run: seeds in `SegmentationClass`, seeds before refinement in `SegmentationClassUnrefined`, seeds of class
 * activation maps beside those of a student in `SegmentationClassCam`, seeds refined by another program in `SegmentationClassRefined`,
 * maps in `cams`, and the photographs and ground truth of the data set in run.json. If that data set has
 * moved, the report has no photographs and no scores, and a remark says so.
 *
 * @throws UserError if the folder has no seeds, or if a given folder does not exist
 */
export async function openRun(folder: string, options: OpenRunOptions = {}): Promise<Run> {
  const { truth } = options;
  const seedDir = join(folder, 'SegmentationClass');
  if (!await isFolder(folder)) throw new UserError(`the run ${folder} does not exist`, 'pass the --out folder of \'voc-seeds generate\'');
  if (!await isFolder(seedDir)) throw new UserError(`${folder} has no seeds: there is no folder SegmentationClass in it`, 'pass the --out folder of \'voc-seeds generate\'');
  if (truth !== undefined && !await isFolder(truth)) throw new UserError(`the ground truth folder ${truth} does not exist`);
  const record = await readRunRecord(folder);
  const lists = await listsIn(folder);
  const ids = await idsOf(lists, seedDir);
  const remarks: string[] = [];
  const classes = options.classes ?? classSetOf(record.classSet ?? VOC.data);
  const data = await dataOf(options, record, classes, remarks);
  const items = data === undefined ? new Map<string, DataItem>() : await itemsOf(data, record, lists, remarks);
  const index = new FolderIndex();
  const found = async (path: string | undefined): Promise<string | undefined> => (path === undefined ? undefined : index.find(path));
  const foundTruth = async (of: GroundTruth | undefined): Promise<GroundTruth | undefined> => {
    const path = of && await found(truthFile(of));
    return path === undefined ? undefined : { ...of!, path };
  };
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
      unrefinedPath: await maskIn(join(folder, UNREFINED_FOLDER), id),
      camSeedPath: await maskIn(join(folder, CAM_SEED_FOLDER), id),
      camPath: await found(join(folder, 'cams', `${id}.npz`)),
      photoPath: item === undefined ? data && await findPhoto(data.imageDir, id, index) : await found(item.imagePath),
      truth: await foundTruth(truth === undefined && item !== undefined ? item.truth : maskAt(await maskIn(truth ?? data?.devkit?.maskDir, id))),
    });
  }
  if (images.length === 0) throw new UserError(`${seedDir} contains none of the seeds listed in the run`, 'the run may have failed: see its run.json');
  const without = images.filter(({ photoPath }) => photoPath === undefined).length;
  if (data !== undefined && without > 0) remarks.push(`${without} of ${images.length} photographs are not in ${data.imageDir}.`);
  if (unseeded.length > 0) remarks.push(`${unseeded.length} images are listed in the run but have no seeds.`);
  return { folder, record, classes, data, images, unseeded, remarks };
}

/**
 * Checks that a report may be written: into the folder of a run of this program or into a folder given by the user, but never
 * into a data set.
 *
 * @param place the folder of the report, if the user has given one; by default the report goes into the run's folder
 * @throws UserError if the report may not be written
 */
export async function requireReportPlace(run: string, place: string | undefined): Promise<void> {
  if (place !== undefined) return refuseDataSet(place);
  if (await isRun(run)) return;
  const what = await isDataSet(run) ? 'is a data set (it has a folder JPEGImages or Annotations)' : 'was not written by voc-seeds generate (it has neither a run.json nor a journal)';
  throw new UserError(`${run} ${what}, so no report is written into it`, 'choose another folder, for instance --out report');
}

/** The lists that the run has written. Earlier versions wrote them to `ImageSets`. */
async function listsIn(folder: string): Promise<string[]> {
  const lists: string[] = [];
  for (const place of [join(folder, 'ImageSets', 'Segmentation'), join(folder, 'ImageSets')]) {
    const names = await readdir(place).catch(() => []);
    lists.push(...names.filter((name) => name.endsWith('.txt')).sort().map((name) => join(place, name)));
  }
  return lists;
}

async function idsOf(lists: readonly string[], seedDir: string): Promise<string[]> {
  const ids = new Set<string>();
  const index = new FolderIndex();
  for (const list of lists) {
    // The list is empty if the run has not finished any image yet.
    const lines = await readLines(list).catch(() => []);
    for (const line of lines) ids.add(idOfPath((await firstName(line, (name) => findMask(seedDir, idOfPath(name), index))).first));
  }
  return ids.size > 0 ? [...ids] : maskIdsIn(seedDir);
}

function maskAt(path: string | undefined): GroundTruth | undefined {
  return path === undefined ? undefined : maskTruth(path);
}

async function dataOf(given: DataSettings, { data, vocRoot }: RunRecord, classes: ClassSet, remarks: string[]): Promise<DataSet | undefined> {
  if (given.data !== undefined || given.vocRoot !== undefined) return openDataSet(dataSpecOf(given), { classes });
  if (data === undefined && vocRoot === undefined) {
    remarks.push('The run does not say which devkit it used, so there are no photographs. Pass it with --voc-root.');
    return undefined;
  }
  const [name, flag] = data === undefined ? [`devkit ${vocRoot}`, '--voc-root'] : [`data set ${data}`, '--data'];
  try {
    return await openDataSet(data ?? `voc:${vocRoot}`, { classes });
  } catch (error) {
    remarks.push(`The ${name} of the run cannot be opened, so there are no photographs. Pass it with ${flag}. (${messageOf(error)})`);
    return undefined;
  }
}

/**
 * The images by id: all of the data set, if it can list them; else first those of the list that the run used, which may contain paths,
 * then those of the lists that it has written.
 */
async function itemsOf(data: DataSet, { splitFile }: RunRecord, lists: readonly string[], remarks: string[]): Promise<Map<string, DataItem>> {
  const items = new Map<string, DataItem>();
  const own = splitFile === undefined ? [] : [splitFile];
  const splits = data.defaultSplit !== undefined ? [data.defaultSplit] : data.devkit === undefined ? own : [...own, ...lists];
  for (const name of splits) {
    const split = await data.readSplit(name).catch((error: unknown) => {
      if (data.devkit === undefined) remarks.push(`There are no photographs, since the images of ${data.name} cannot be listed. (${messageOf(error)})`);
      return undefined;
    });
    for (const item of split?.items ?? []) if (!items.has(item.id)) items.set(item.id, item);
  }
  return items;
}
