import { messageOf, requireFlag, UserError } from '../../errors.js';
import { DEFAULT_MAX_PIXELS, readPhoto } from '../../image/photo.js';
import { openDevkit } from '../../voc/devkit.js';
import { createLabelSource, parseLabelSpec } from '../../voc/labels/create.js';
import type { LabelSource } from '../../voc/labels/source.js';
import type { RgbMasks } from '../../voc/masks.js';
import { partitionByPresence, readSplit } from '../../voc/splits.js';
import type { VocItem } from '../../voc/splits.js';
import { reasonLines } from '../reasons.js';
import type { TrainListener } from './listener.js';

/** A further list of photographs, with a devkit or labels of its own. What it does not say is as for the main lists. */
export interface AlsoTrainOn {
  readonly vocRoot?: string;
  /** An official split or the path of a list. */
  readonly split: string;
  /** As for `--labels`. */
  readonly labels?: string;
  readonly labelFile?: string;
}

/** Where photographs and their labels come from: the settings of `train` by these names. */
export interface TrainingLists {
  readonly vocRoot?: string;
  /** Official splits or paths of lists, all in this devkit and with these labels. */
  readonly split?: string | readonly string[];
  /** As for `--labels`: `xml`, `masks`, `npy`, `list`, or `npy:file` and `list:file`. */
  readonly labels?: string;
  /** The file of the labels npy or list; without it a list that holds classes is its own. */
  readonly labelFile?: string;
  readonly difficult?: boolean;
  readonly alsoTrainOn?: readonly AlsoTrainOn[];
}

/** What narrows the lists down, and how masks are read. It holds for all of them. */
export interface TrainingDataOptions {
  /** Ground-truth masks, in place of SegmentationClass. */
  readonly maskDir?: string;
  /** Only photographs with these ids. */
  readonly ids?: readonly string[];
  /** Only the first so many photographs that are on disk, over all lists. */
  readonly limit?: number;
  /** How masks in colours are read. */
  readonly rgbMasks?: RgbMasks;
}

/** Photographs and their classes. */
export interface TrainingData {
  /** By absolute path: indices 0..19, ascending; in the order of the lists. */
  readonly labels: ReadonlyMap<string, readonly number[]>;
  /** How many photographs are listed, and how many of them are not on disk. */
  readonly listed: number;
  readonly missing: number;
  /** The lists and label files that were read, and the folders of photographs, masks and annotations. */
  readonly files: readonly string[];
  readonly folders: readonly string[];
  /** What is worth knowing about the lists, in sentences. */
  readonly notes: readonly string[];
  /** Photographs that have no labels and were left out, and those that two lists label differently. */
  readonly failures: readonly { readonly id: string; readonly reason: string }[];
}

/**
 * Reads the labels of all photographs of one or several lists. A photograph in two lists counts once; where they label
 * it differently, the first list holds, and the difference is among the failures.
 *
 * @throws UserError if a list or label source cannot be opened, an id is in no list, or nothing has labels
 */
export async function openTrainingData(
  lists: TrainingLists, options: TrainingDataOptions = {}, listener: Pick<TrainListener, 'onMessage'> = {},
): Promise<TrainingData> {
  const opened = withIds(await openLists(lists, options, listener), options.ids);
  const known = new Map<string, { readonly labels: readonly number[]; readonly list: string }>();
  const unlabelled = new Map<string, { readonly id: string; readonly reason: string }>();
  const conflicts: { id: string; reason: string }[] = [];
  for (const { item, list: { path: list, source } } of firstPhotographs(opened, options.limit)) {
    const { id, imagePath } = item;
    try {
      const labels = (await source.labels(item)).map((label) => label - 1);
      const first = known.get(imagePath);
      if (first === undefined) known.set(imagePath, { labels, list });
      else if (first.labels.join() !== labels.join()) {
        conflicts.push({ id, reason: `${imagePath} has other classes by ${list} than by ${first.list}; those of ${first.list} are taken` });
      }
    } catch (error) {
      unlabelled.set(imagePath, { id, reason: messageOf(error) });
    }
  }
  // What one list does not know another may.
  const failures = [...unlabelled].flatMap(([path, failure]) => (known.has(path) ? [] : [failure]));
  if (known.size === 0) throw nothingKnown(opened, failures);
  const missing = new Set(opened.flatMap((list) => list.missing.map(({ imagePath }) => imagePath)));
  const listed = new Set(opened.flatMap((list) => [...list.items, ...list.missing].map(({ imagePath }) => imagePath)));
  return {
    labels: new Map([...known].map(([path, { labels }]) => [path, labels])), listed: listed.size, missing: missing.size,
    files: opened.flatMap(({ files }) => files), folders: opened.flatMap(({ folders }) => folders),
    notes: [...new Set(opened.flatMap(({ notes }) => notes))], failures: [...failures, ...conflicts],
  };
}

/** What is said if there is nothing to learn from: the reason of each photograph. */
function nothingKnown(lists: readonly OpenedList[], failures: readonly { readonly id: string; readonly reason: string }[]): UserError {
  const names = lists.map(({ path }) => path).join(', ');
  const absent = lists.flatMap(({ missing }) => missing);
  if (failures.length > 0) return new UserError([`no photograph of ${names} has labels:`, ...reasonLines(failures.map(({ id, reason }) => ({ path: id, reason })))].join('\n'));
  if (absent.length === 0) return new UserError(`${names} names no photograph`);
  return new UserError(`none of the ${absent.length} photographs of ${names} is on disk`, `the first, "${absent[0].id}", is looked for as ${absent[0].imagePath}`);
}

/**
 * Looks for a photograph of a list that can be read, before the work begins whose result it is for.
 *
 * @throws UserError with the reason of each, if there is none
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
  readonly path: string;
  readonly items: readonly VocItem[];
  readonly missing: readonly VocItem[];
  readonly notes: readonly string[];
  readonly source: LabelSource;
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

async function openLists(
  { alsoTrainOn = [], ...main }: TrainingLists, { maskDir, rgbMasks }: TrainingDataOptions, { onMessage }: Pick<TrainListener, 'onMessage'>,
): Promise<OpenedList[]> {
  const named: readonly (string | undefined)[] = [main.split ?? []].flat();
  const lists = [
    ...(named.length === 0 ? [undefined] : named).map((split) => ({ ...main, split, maskDir })),
    ...alsoTrainOn.map(({ vocRoot, split, labels, labelFile }) => ({
      vocRoot: vocRoot ?? main.vocRoot, split, labels: labels ?? main.labels,
      // A label file goes with the labels it was given for, a folder of masks with its devkit.
      labelFile: labelFile ?? (labels === undefined ? main.labelFile : undefined), maskDir: vocRoot === undefined ? maskDir : undefined,
    })),
  ];
  const opened: OpenedList[] = [];
  for (const { vocRoot, split: name, labels, labelFile, maskDir: masks } of lists) {
    const root = requireFlag(vocRoot, '--voc-root', 'VOCdevkit/VOC2012');
    const wanted = requireFlag(name, '--split', 'train');
    const devkit = await openDevkit(root, { maskDir: masks });
    const split = await readSplit(devkit, wanted);
    for (const note of split.notes) onMessage?.(note);
    const { present, missing } = await partitionByPresence(split.items, 'imagePath');
    const { kind, file: ownFile } = parseLabelSpec(requireFlag(labels, '--labels', 'xml'));
    // A list that holds classes beside its images is its own label file.
    const file = ownFile ?? labelFile ?? (kind === 'list' ? split.path : undefined);
    opened.push({
      path: split.path, items: present, missing, notes: split.notes,
      source: await createLabelSource(kind, { devkit, file, difficult: main.difficult, rgbMasks }),
      files: file === undefined ? [split.path] : [split.path, file], folders: [devkit.imageDir, devkit.maskDir, devkit.annotationDir],
    });
  }
  return opened;
}

/** The lists with nothing but the photographs of these ids. */
function withIds(lists: readonly OpenedList[], ids: readonly string[] | undefined): readonly OpenedList[] {
  if (ids === undefined) return lists;
  const listed = new Set(lists.flatMap(({ items, missing }) => [...items, ...missing].map(({ id }) => id)));
  const unknown = ids.find((id) => !listed.has(id));
  if (unknown !== undefined) throw new UserError(`no list has an image with the id ${unknown}`, 'Ids look like 2007_000032, without folder and ending.');
  const wanted = new Set(ids);
  const narrowed = (items: readonly VocItem[]): readonly VocItem[] => items.filter(({ id }) => wanted.has(id));
  return lists.map((list) => ({ ...list, items: narrowed(list.items), missing: narrowed(list.missing) }));
}

/** What the lists say of the first `limit` photographs, list by list. */
function* firstPhotographs(lists: readonly OpenedList[], limit = Infinity): Generator<{ readonly item: VocItem; readonly list: OpenedList }> {
  const begun = new Set<string>();
  for (const list of lists) {
    for (const item of list.items) {
      if (begun.size >= limit && !begun.has(item.imagePath)) continue;
      begun.add(item.imagePath);
      yield { item, list };
    }
  }
}
