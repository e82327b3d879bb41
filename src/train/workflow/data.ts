import { messageOf, requireFlag, UserError } from '../../errors.js';
import { DEFAULT_MAX_PIXELS, readPhoto } from '../../image/photo.js';
import { foldersOf } from '../../datasets/data-set.js';
import { dataSpecOf, openDataSet } from '../../datasets/kinds.js';
import { createLabelSource, parseLabelSpec } from '../../datasets/labels/create.js';
import type { LabelSource } from '../../datasets/labels/source.js';
import type { ClassSet } from '../../datasets/classes/class-set.js';
import { loadClassSet } from '../../datasets/classes/load.js';
import type { RgbMasks } from '../../datasets/masks.js';
import { partitionByPresence } from '../../datasets/splits.js';
import type { DataItem } from '../../datasets/splits.js';
import type { TrainConfig } from '../../settings/train.js';
import { reasonLines } from '../reasons.js';
import type { TrainListener } from './listener.js';

/** Another list of photographs, with its own data set or labels. Default: those of the main lists. */
export interface AlsoTrainOn {
  /** The data set as `KIND:ROOT`. */
  readonly data?: string;
  /** Short for `voc:ROOT`. */
  readonly vocRoot?: string;
  /** A split of the data set, or the path of a list. */
  readonly split: string;
  /** As for `--labels`. */
  readonly labels?: string;
  readonly labelFile?: string;
}

/** The sources of photographs and labels: the settings of `train` with these names. */
export interface TrainingLists {
  /** A name or a file, see `loadClassSet`. Default: the classes of the (first) data set. */
  readonly classSet?: string;
  /** The data set as `KIND:ROOT`. */
  readonly data?: string;
  /** Short for `voc:ROOT`. */
  readonly vocRoot?: string;
  /** Splits or paths of lists, all in this data set and with these labels. Default: that of the data set, if it has one. */
  readonly split?: string | readonly string[];
  /** As for `--labels`: `own`, `xml`, `main`, `masks`, `npy`, `list`, or `npy:file` and `list:file`. */
  readonly labels?: string;
  /** The file for the labels `npy` or `list`. By default, a list with classes is its own label file. */
  readonly labelFile?: string;
  readonly difficult?: boolean;
  /** How data sets without lists are divided: see `isInVal`. */
  readonly valShare?: number;
  readonly splitSeed?: number;
  readonly alsoTrainOn?: readonly AlsoTrainOn[];
}

/** Which photographs of the lists are used, and how masks are read. This applies to all lists. */
export interface TrainingDataOptions {
  /** The folder of ground-truth masks, instead of SegmentationClass. */
  readonly maskDir?: string;
  /** Only photographs with these ids. */
  readonly ids?: readonly string[];
  /** The largest number of photographs: the first ones of all lists that are on disk. */
  readonly limit?: number;
  /** How coloured masks are read. */
  readonly rgbMasks?: RgbMasks;
  /** The classes, instead of those of the settings: a validation list has the classes of the training. */
  readonly classes?: ClassSet;
}

/** Photographs and their classes. */
export interface TrainingData {
  readonly classes: ClassSet;
  /** Class indices from 0, ascending, by absolute path, in the order of the lists. */
  readonly labels: ReadonlyMap<string, readonly number[]>;
  /** The photographs with labels, by absolute path: their ids and ground truth. */
  readonly items: ReadonlyMap<string, DataItem>;
  /** The number of listed photographs, and of those that are not on disk. */
  readonly listed: number;
  readonly missing: number;
  /** The lists and label files that were read, and the folders of photographs, masks and annotations. */
  readonly files: readonly string[];
  readonly folders: readonly string[];
  /** Notes for the user about the lists. */
  readonly notes: readonly string[];
  /** Photographs without labels, which were left out, and photographs that two lists label differently. */
  readonly failures: readonly { readonly id: string; readonly reason: string }[];
}

/**
 * Reads the labels of all photographs of one or several lists. A photograph in several lists counts once. If they label it
 * differently, the labels of the first list are used, and the difference is listed in `failures`.
 *
 * @throws UserError if a list or label source cannot be opened, an id is in no list, or nothing has labels
 */
export async function openTrainingData(
  lists: TrainingLists, options: TrainingDataOptions = {}, listener: Pick<TrainListener, 'onMessage'> = {},
): Promise<TrainingData> {
  const given = options.classes ?? (lists.classSet === undefined ? undefined : await loadClassSet(lists.classSet));
  const all = await openEachList(lists, given, options, listener);
  const { classes } = all[0];
  const opened = withIds(all, options.ids);
  const known = new Map<string, { readonly item: DataItem; readonly labels: readonly number[]; readonly list: string }>();
  const unlabelled = new Map<string, { readonly id: string; readonly reason: string }>();
  const conflicts: { id: string; reason: string }[] = [];
  for (const { item, list: { path: list, source } } of firstPhotographs(opened, options.limit)) {
    const { id, imagePath } = item;
    try {
      const labels = (await source.labels(item)).map((label) => label - 1);
      const first = known.get(imagePath);
      if (first === undefined) known.set(imagePath, { item, labels, list });
      else if (first.labels.join() !== labels.join()) {
        conflicts.push({ id, reason: `${imagePath} has other classes in ${list} than in ${first.list}; those in ${first.list} are used` });
      }
    } catch (error) {
      unlabelled.set(imagePath, { id, reason: messageOf(error) });
    }
  }
  // Another list may have labels for a photograph.
  const failures = [...unlabelled].flatMap(([path, failure]) => (known.has(path) ? [] : [failure]));
  if (known.size === 0) throw nothingKnown(opened, failures);
  const missing = new Set(opened.flatMap((list) => list.missing.map(({ imagePath }) => imagePath)));
  const listed = new Set(opened.flatMap((list) => [...list.items, ...list.missing].map(({ imagePath }) => imagePath)));
  return {
    classes,
    labels: new Map([...known].map(([path, { labels }]) => [path, labels])), items: new Map([...known].map(([path, { item }]) => [path, item])),
    listed: listed.size, missing: missing.size,
    files: opened.flatMap(({ files }) => files), folders: opened.flatMap(({ folders }) => folders),
    notes: [...new Set(opened.flatMap(({ notes }) => notes))], failures: [...failures, ...conflicts],
  };
}

/** The lists of a training run. */
export interface RunLists {
  readonly training: TrainingData;
  readonly validation: TrainingData | undefined;
  /** Both. */
  readonly data: readonly TrainingData[];
}

/**
 * Opens the lists that the settings name.
 *
 * @throws UserError as {@link openTrainingData}
 */
export async function openLists(
  config: TrainConfig, options: Omit<TrainingDataOptions, 'classes'>, listener: Pick<TrainListener, 'onMessage'>,
): Promise<RunLists> {
  const { data, vocRoot, valSplit, valShare, splitSeed, difficult, labelFile } = config;
  const training = await openTrainingData(config, options, listener);
  if (valSplit === undefined) return { training, validation: undefined, data: [training] };
  const validation = await openTrainingData({
    data, vocRoot, split: valSplit, valShare, splitSeed, labels: config.valLabels ?? config.labels, difficult,
    // The labels `list` are in the list itself.
    labelFile: config.valLabels === undefined && config.labels === 'npy' ? labelFile : undefined,
  }, { maskDir: options.maskDir, rgbMasks: options.rgbMasks, classes: training.classes }, listener);
  return { training, validation, data: [training, validation] };
}

/** The error if no photograph can be used, with the reasons. */
function nothingKnown(lists: readonly OpenedList[], failures: readonly { readonly id: string; readonly reason: string }[]): UserError {
  const names = lists.map(({ path }) => path).join(', ');
  const absent = lists.flatMap(({ missing }) => missing);
  if (failures.length > 0) return new UserError([`no photograph of ${names} has labels:`, ...reasonLines(failures.map(({ id, reason }) => ({ path: id, reason })))].join('\n'));
  if (absent.length === 0) return new UserError(`${names} lists no photographs`);
  return new UserError(`none of the ${absent.length} photographs of ${names} is on disk`, `the first one, "${absent[0].id}", should be ${absent[0].imagePath}`);
}

/**
 * Requires that some photograph shows a class, before long work that needs it. Others may show none.
 *
 * @throws UserError if none does
 */
export function requireSomeClass({ labels }: TrainingData, list: string): void {
  if ([...labels.values()].some((own) => own.length > 0)) return;
  throw new UserError(`none of the ${labels.size} photographs of ${list} shows a class`, 'images without classes are useful only beside others that have some');
}

/**
 * Requires that a list has a photograph that can be read, before long work that needs it.
 *
 * @throws UserError with the reasons, if there is none
 */
export async function requireReadable({ labels }: TrainingData, list: string): Promise<void> {
  const failures: { path: string; reason: string }[] = [];
  for (const path of labels.keys()) {
    try {
      await readPhoto(path, { input: { kind: 'short', pixels: 8 }, maxPixels: DEFAULT_MAX_PIXELS });
      return;
    } catch (error) {
      failures.push({ path, reason: messageOf(error) });
    }
  }
  throw new UserError([`none of the ${failures.length} photographs of ${list} can be used:`, ...reasonLines(failures)].join('\n'));
}

/** A list with its labels. */
interface OpenedList {
  readonly classes: ClassSet;
  readonly path: string;
  readonly items: readonly DataItem[];
  readonly missing: readonly DataItem[];
  readonly notes: readonly string[];
  readonly source: LabelSource;
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

async function openEachList(
  { alsoTrainOn = [], valShare, splitSeed, ...main }: TrainingLists, given: ClassSet | undefined,
  { maskDir, rgbMasks }: TrainingDataOptions, { onMessage }: Pick<TrainListener, 'onMessage'>,
): Promise<OpenedList[]> {
  const share = { valShare, seed: splitSeed };
  const named: readonly (string | undefined)[] = [main.split ?? []].flat();
  const lists = [
    ...(named.length === 0 ? [undefined] : named).map((split) => ({ ...main, split, maskDir })),
    ...alsoTrainOn.map(({ data, vocRoot, split, labels, labelFile }) => ({
      ...data === undefined && vocRoot === undefined ? { data: main.data, vocRoot: main.vocRoot, maskDir } : { data, vocRoot, maskDir: undefined },
      split, labels: labels ?? main.labels,
      // The main label file is for the main labels, and the folder of masks for the main data set.
      labelFile: labelFile ?? (labels === undefined ? main.labelFile : undefined),
    })),
  ];
  const opened: OpenedList[] = [];
  for (const { data: named, vocRoot, split: name, labels, labelFile, maskDir: masks } of lists) {
    // The labels of further lists are those of the first one.
    const data = await openDataSet(dataSpecOf({ data: named, vocRoot }), { classes: given ?? opened.at(0)?.classes, maskDir: masks, ...share });
    const split = await data.readSplit(requireFlag(name ?? data.defaultSplit, '--split', 'train'));
    const { classes } = split;
    for (const note of split.notes) onMessage?.(note);
    const { present, missing } = await partitionByPresence(split.items, 'imagePath');
    const { kind, file: ownFile } = parseLabelSpec(requireFlag(labels ?? (data.hasLabels ? 'own' : undefined), '--labels', 'xml'));
    // A list with classes after its images is its own label file.
    const file = ownFile ?? labelFile ?? (kind === 'list' ? split.path : undefined);
    opened.push({
      classes, path: split.path, items: present, missing, notes: split.notes,
      source: await createLabelSource(kind, {
        devkit: data.devkit, photos: data, split: split.name, classes, file, difficult: main.difficult, rgbMasks,
      }),
      files: file === undefined ? [split.path] : [split.path, file], folders: foldersOf(data, split),
    });
  }
  return opened;
}

/** The lists with only the photographs with these ids. */
function withIds(lists: readonly OpenedList[], ids: readonly string[] | undefined): readonly OpenedList[] {
  if (ids === undefined) return lists;
  const listed = new Set(lists.flatMap(({ items, missing }) => [...items, ...missing].map(({ id }) => id)));
  const unknown = ids.find((id) => !listed.has(id));
  if (unknown !== undefined) throw new UserError(`no list has an image with the id ${unknown}`, 'ids look like 2007_000032, without folder and extension');
  const wanted = new Set(ids);
  const narrowed = (items: readonly DataItem[]): readonly DataItem[] => items.filter(({ id }) => wanted.has(id));
  return lists.map((list) => ({ ...list, items: narrowed(list.items), missing: narrowed(list.missing) }));
}

/** The entries of the first `limit` photographs, list by list. */
function* firstPhotographs(lists: readonly OpenedList[], limit = Infinity): Generator<{ readonly item: DataItem; readonly list: OpenedList }> {
  const begun = new Set<string>();
  for (const list of lists) {
    for (const item of list.items) {
      if (begun.size >= limit && !begun.has(item.imagePath)) continue;
      begun.add(item.imagePath);
      yield { item, list };
    }
  }
}
