import { join } from 'node:path';
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { requireFlag, UserError } from '../../errors.js';
import { refuseInputFile } from '../../jobs/journal/own-folder.js';
import type { ClassSet } from '../../datasets/classes/class-set.js';
import { loadClassSet } from '../../datasets/classes/load.js';
import { VOC } from '../../datasets/classes/voc.js';
import { foldersOf } from '../../datasets/data-set.js';
import type { DataSet } from '../../datasets/data-set.js';
import { dataSpecOf, openDataSet } from '../../datasets/kinds.js';
import { createLabelSource, parseLabelSpec } from '../../datasets/labels/create.js';
import type { LabelSpec } from '../../datasets/labels/create.js';
import type { LabelSource } from '../../datasets/labels/source.js';
import type { RgbMasks } from '../../datasets/masks.js';
import { devkitSettings, labelSourceSettings } from '../../datasets/settings.js';
import { partitionByPresence, selectIds } from '../../datasets/splits.js';
import type { Split, DataItem } from '../../datasets/splits.js';
import { classSetOfRun } from '../../report/run/record.js';
import { choice, parseChoice } from './choice.js';
import { GROUPS } from './groups.js';
import { parseCount } from './parsers.js';
import { addSettings } from './setting-options.js';

export { requireFlag };

// The options of commands that read a data set. They have no defaults, so that a settings file can set what flags do not.

/** The flags of {@link addDevkitOptions}. */
export interface DevkitFlags {
  data?: string;
  vocRoot?: string;
  classSet?: string;
  split?: string;
  valShare?: number;
  splitSeed?: number;
  maskDir?: string;
  ids?: string[];
  limit?: number;
}

/** The flags of {@link addLabelOptions}. */
export interface LabelFlags {
  labels?: string;
  labelFile?: string;
  difficult?: boolean;
}

/** The flag of {@link addStrictOption}. */
export interface StrictFlags {
  strict?: boolean;
}

/** The flag of {@link addMaskOptions}. */
export interface MaskFlags {
  rgbMasks?: RgbMasks;
}

/** Adds the options that choose the images. */
export function addDevkitOptions(command: Command): Command {
  return addSelectionOptions(addSettings(command, devkitSettings));
}

/** Adds those options that choose images and are not settings. */
export function addSelectionOptions(command: Command): Command {
  return command.optionsGroup(GROUPS.input)
    .option('--mask-dir <folder>', 'ground-truth masks, instead of SegmentationClass or those of the data set: a folder in the data set or a path')
    .option('--ids <id,...>', 'only these images of the split', parseIds)
    .option('--limit <n>', 'only the first n images', parseCount);
}

/** Adds the options for the source of image-level labels. */
export function addLabelOptions(command: Command): Command {
  return addSettings(command, labelSourceSettings);
}

const RGB_MASKS = ['reject', 'palette'] as const satisfies RgbMasks[];

/** Adds `--rgb-masks`. */
export function addMaskOptions(command: Command): Command {
  return command.optionsGroup(GROUPS.input)
    .addOption(choice('--rgb-masks <how>', 'RGB masks, and masks with a reordered palette: reject them, or read them by the colours of the palette of the classes (white is void)', RGB_MASKS)
      // The name in earlier versions.
      .argParser((text: string) => (text === 'voc' ? 'palette' : parseChoice(text, RGB_MASKS))));
}

/** Adds `--strict`. */
export function addStrictOption(command: Command): Command {
  return command.optionsGroup(GROUPS.input).option('--strict', 'end with exit code 2 if files of the list are missing');
}

/** Parses `--ids`: image ids separated by commas. */
export function parseIds(text: string): string[] {
  const ids = text.split(',').map((id) => id.trim().normalize('NFC')).filter((id) => id !== '');
  if (ids.length === 0) throw new InvalidArgumentError('Expected image ids separated by commas.');
  return ids;
}

/** The images that a command works on. */
export interface Selection {
  readonly classes: ClassSet;
  readonly data: DataSet;
  readonly split: Split;
  /** The images of the split, narrowed down by `--ids` and `--limit`. */
  readonly items: readonly DataItem[];
  /** The images that were left out because the file that is needed is not on disk. */
  readonly missing: readonly DataItem[];
  /** All images of the split or of `--ids`, including missing ones and those that `--limit` leaves out. */
  readonly listed: readonly DataItem[];
}

/**
 * The class set of the flags, else that of a run, else VOC.
 *
 * @param run a folder that may have a run.json
 * @throws {UserError} if there is no such class set
 */
export async function classesOf(flags: { readonly classSet?: string }, run?: string): Promise<ClassSet> {
  return await givenClasses(flags, run) ?? VOC;
}

async function givenClasses({ classSet }: { readonly classSet?: string }, run?: string): Promise<ClassSet | undefined> {
  if (classSet !== undefined) return loadClassSet(classSet);
  return run === undefined ? undefined : classSetOfRun(run);
}

/**
 * Opens the data set and the split of the flags. `--limit` counts only images that exist. Prints `split.notes` to stderr.
 *
 * @param needed the file that every image needs. Images without it are returned as missing
 * @param run a folder of results whose class set is used if the flags have none, before that of the data set
 * @throws {UserError} if a flag is missing or names something that does not exist
 */
export async function openSelection(flags: DevkitFlags, needed?: 'imagePath' | 'truth', run?: string): Promise<Selection> {
  const spec = dataSpecOf(flags);
  const { maskDir, valShare, splitSeed } = flags;
  const data = await openDataSet(spec, { classes: await givenClasses(flags, run), maskDir, valShare, seed: splitSeed });
  const split = await data.readSplit(requireFlag(flags.split ?? data.defaultSplit, '--split', 'train'));
  for (const note of split.notes) process.stderr.write(`${note}\n`);
  const chosen = flags.ids === undefined ? split.items : selectIds(split.items, flags.ids);
  const { present, missing } = needed === undefined ? { present: chosen, missing: [] } : await partitionByPresence(chosen, needed);
  return { classes: split.classes, data, split, items: present.slice(0, flags.limit), missing, listed: chosen };
}

/** The files and folders that a command reads. Results must not overwrite them. */
export function inputsOf({ data, split }: Selection, ...files: readonly (string | undefined)[]): string[] {
  return [...data.inputs, split.path, ...files.filter((file) => file !== undefined)];
}

/**
 * Checks that `--out` or `--csv` does not overwrite an input or another file of the data set.
 *
 * @throws UserError if it does
 */
export async function refuseOverwriting(
  file: string, flag: string, { data, split }: Selection, ...files: readonly (string | undefined)[]
): Promise<void> {
  const { devkit } = data;
  const lists = devkit === undefined ? [] : ['train', 'val', 'trainval'].map((name) => join(devkit.listDir, `${name}.txt`));
  await refuseInputFile(file, flag, [split.path, ...data.inputs, ...lists, ...files], foldersOf(data, split));
}

/**
 * The line that says how many files of a list are missing.
 *
 * @param where a note on where they are listed, for instance ` (run.json lists them)`
 */
export function describeMissing(missing: number, listed: number, where = '', what = 'photographs of the split'): string {
  const number = (count: number): string => count.toLocaleString('en-US');
  return `${number(listed - missing)} of the ${number(listed)} ${what} were on disk; ${number(missing)} ${missing === 1 ? 'is' : 'are'} missing${where}\n`;
}

/** The error if no photograph of a selection is on disk. It says where they were expected. */
export function noPhotographs({ data, split, missing }: Selection): UserError {
  const [first] = missing;
  const sought = first === undefined ? `they are expected in ${data.imageDir}` : `the first one in ${split.path}, "${first.id}", is expected at ${first.imagePath}`;
  return new UserError(`none of the ${missing.length} photographs of the split is on disk`, sought);
}

/**
 * Opens the label source of the flags.
 *
 * @param spec the source to use instead of `--labels`
 * @throws {UserError} if no source is given, or if it cannot be opened
 */
export async function openLabels(flags: LabelFlags & MaskFlags, selection: LabelledSelection, spec?: LabelSpec): Promise<LabelSource> {
  const { kind, file } = spec ?? labelSpecOf(flags.labels, selection);
  const { data, split, classes } = selection;
  return createLabelSource(kind, {
    devkit: data.devkit, photos: data, split: split.name, classes,
    file: file ?? flags.labelFile, difficult: flags.difficult, rgbMasks: flags.rgbMasks,
  });
}

/** The part of a selection that labels depend on. */
type LabelledSelection = Pick<Selection, 'data' | 'split' | 'classes'>;

/** The label source of a text, else the data set's own. */
function labelSpecOf(labels: string | undefined, { data }: LabelledSelection): LabelSpec {
  return parseLabelSpec(requireFlag(labels ?? (data.hasLabels ? 'own' : undefined), '--labels', 'xml'));
}

/** The file in the text of a label source: `cls_labels.npy` for `npy:cls_labels.npy`. */
export function labelFileIn(labels: string | undefined): string | undefined {
  return labels === undefined ? undefined : parseLabelSpec(labels).file;
}

/**
 * Opens the labels of a run that makes or scores seeds.
 *
 * @param list the only list of the run, if there is one: with `--labels list` it is also the label file
 * @returns the labels and the file that they come from, if any
 */
export async function openRunLabels(
  { labels, labelFile, difficult, rgbMasks }: LabelFlags & MaskFlags, selection: LabelledSelection, list: string | undefined,
): Promise<{ readonly labels: LabelSource; readonly file: string | undefined }> {
  const spec = labelSpecOf(labels, selection);
  const file = labelFile ?? (spec.kind === 'list' ? list : undefined);
  const source = await openLabels({ rgbMasks, labelFile: file, difficult }, selection, spec);
  return {
    // Without difficult objects the results differ, so the name of the labels differs too.
    labels: difficult === false ? { ...source, name: `${source.name} without difficult objects` } : source,
    file: spec.file ?? file,
  };
}
