import { basename } from 'node:path';
import { UserError } from '../../errors.js';
import type { ClassSet } from '../classes/class-set.js';
import { VOC } from '../classes/voc.js';
import { FolderIndex } from '../folder-index.js';
import { findNamed, firstName } from '../splits.js';
import type { PhotoPlace } from '../splits.js';
import { idOfPath, parseClassList, readLines } from '../text-lines.js';
import type { ListLine } from '../text-lines.js';
import { ascending } from './source.js';
import type { LabelSource } from './source.js';

/**
 * Labels from a text file with lines `path class class ...`: the path or id of an image, then its classes as names or
 * indices. A line without classes is an image without any of them. CSV is accepted too: `a.jpg,"dog, cat"`.
 *
 * @param file path of the list
 * @param options.place where the photographs are, to find where a name with spaces ends
 * @param options.classes default: VOC
 * @throws {UserError} if the file cannot be read or has a wrong format
 */
export async function listLabels(file: string, { place, classes = VOC }: { place?: PhotoPlace; classes?: ClassSet } = {}): Promise<LabelSource> {
  const lines = await readLines(file);
  refuseClassList(lines, file, classes);
  const index = new FolderIndex();
  const find = place === undefined
    ? (): Promise<undefined> => Promise.resolve(undefined)
    : (name: string): Promise<string | undefined> => findNamed(name, place, file, index);
  const entries: ListEntry[] = [];
  for (const line of lines) {
    const { first, rest } = await firstName(line, find);
    entries.push({ id: idOfPath(first), names: rest, number: line.number });
  }
  const known = labelsOfEntries(entries, file, classes);
  return {
    name: `list ${basename(file)}`,
    async labels({ id }) {
      const found = known.get(id);
      if (found === undefined) throw new UserError(`no labels for ${id} from list: it is not in ${file}`);
      return [...found.labels];
    },
  };
}

/**
 * Refuses a list of ImageSets/Main, such as cat_train.txt: its 1 means that the image contains a cat, but would be read as
 * class 1.
 *
 * @throws {UserError} if every line ends in a mark, and there is a -1 or the list is named after a class
 */
export function refuseClassList(lines: readonly ListLine[], file: string, classes: ClassSet): void {
  // train is a class and a split: train_val.txt is a list of trains, train.txt and train_aug.txt are not.
  const [, stem] = /^(?!train(?:_(?!train|val|test)|\.))([a-z]+)(?:_.*)?\.[^.]*$/i.exec(basename(file)) ?? [];
  const called = stem === undefined ? undefined : classes.indexOf(stem);
  const marks = lines.every(({ words }) => words.length === 2 && /^[01]$/.test(words[1]));
  // For the first class, 1 is right either way.
  if (parseClassList(lines) === undefined && (called === undefined || called === 1 || !marks)) return;
  throw new UserError(
    `${file} is a list for one class, like those in ImageSets/Main: its marks 1, 0 and -1 only say whether an image contains that class`,
    `A line must name all classes of an image: ${exampleOf(classes)}. To read the annotations instead, use --labels xml.`);
}

/** A line of a list, as an example. */
function exampleOf({ name, classes: [first] }: ClassSet): string {
  return name === 'voc' ? '2007_000032 aeroplane person' : `photo_01 ${/\s/.test(first) ? `"${first}"` : first}`;
}

interface ListEntry {
  readonly id: string;
  /** Classes as written in the line. */
  readonly names: readonly string[];
  readonly number: number;
}

interface ListedLabels {
  readonly labels: readonly number[];
  readonly line: number;
}

/**
 * @throws {UserError} with file and line for an unknown class and for an image listed twice with different classes. Also for
 *   a list in which no image has a class, since that is a list of ids
 */
function labelsOfEntries(entries: readonly ListEntry[], file: string, classes: ClassSet): Map<string, ListedLabels> {
  const byId = new Map<string, ListedLabels>();
  for (const { id, names, number } of entries) {
    const labels = ascending(classesIn(names, `${file}:${number}`, classes));
    const known = byId.get(id);
    if (known !== undefined && known.labels.join() !== labels.join()) {
      throw new UserError(`${file}:${number}: ${id} has different classes here than in line ${known.line}`);
    }
    byId.set(id, { labels, line: number });
  }
  if (![...byId.values()].some(({ labels }) => labels.length > 0)) {
    throw new UserError(`the label file ${file} contains no classes`, `A line is an image and its classes: ${exampleOf(classes)}`);
  }
  return byId;
}

/** The most words in the name of a class. */
const MOST_WORDS = 6;

/** The classes named by some words. Several words may be one name (`dining table`), and a quoted word may contain several names. */
export function classesIn(words: readonly string[], where: string, classes: ClassSet): number[] {
  // A quoted word may also be a name with a comma.
  const parts = words.flatMap((word) => (classes.indexOf(word) === undefined ? word.split(/[\s,;]+/) : [word])).filter((part) => part !== '');
  const labels: number[] = [];
  for (let i = 0; i < parts.length;) {
    let count = Math.min(MOST_WORDS, parts.length - i);
    while (count > 1 && classes.indexOf(parts.slice(i, i + count).join(' ')) === undefined) count--;
    labels.push(count > 1 ? classes.indexOf(parts.slice(i, i + count).join(' '))! : requireKnown(parts[i], where, classes));
    i += count;
  }
  return labels;
}

function requireKnown(name: string, where: string, classes: ClassSet): number {
  try {
    return classes.require(name, where);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.message, `${error.hint} Put a photograph's name with spaces in double quotes.`, { cause: error });
  }
}
