import { basename } from 'node:path';
import { messageOf, UserError } from '../../errors.js';
import { NpyError } from '../../formats/numpy/npy-header.js';
import { readRegularFile } from '../../jobs/files/read-file.js';
import { requireWithin } from '../../limits.js';
import { PickleError, shortly } from '../../formats/pickle/values.js';
import type { PickleValue } from '../../formats/pickle/values.js';
import { printable } from '../../text/printable.js';
import type { ClassSet } from '../classes/class-set.js';
import { VOC } from '../classes/voc.js';
import { parseNpyObject } from '../../formats/numpy/npy-object.js';
import { numberArray } from '../../formats/numpy/number-array.js';
import { idOfPath } from '../text-lines.js';
import { ascending } from './source.js';
import type { LabelSource } from './source.js';

/** The hint for a file that is not a label file. */
function expected(classCount: number): string {
  return `Save a dictionary {id: array of ${classCount} numbers} with numpy.save.`;
}

/**
 * Labels from the `cls_labels.npy` of the PSA and IRN codebases and their successors: a dictionary from image ids to
 * arrays of 20 numbers (one per class), above zero if the class is present.
 *
 * Ids may be strings, bytes, paths of photographs (folder and extension are removed), or numbers as IRN writes them
 * (2007000032). Numbers may be in numpy arrays, PyTorch tensors, lists or tuples, of the shape (20), (1, 20) or (20, 1).
 *
 * @param file path of the .npy file
 * @param classes default: VOC
 * @throws {UserError} if the file cannot be read or contains something else
 */
export async function npyLabels(file: string, { classes: names }: ClassSet = VOC): Promise<LabelSource> {
  let bytes: Uint8Array;
  try {
    bytes = await readRegularFile(file, (size) => { requireWithin('arrayBytes', size, `the label file ${file} has ${size} bytes`); });
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError(`the label file ${file} cannot be read: ${messageOf(cause)}`, undefined, { cause });
  }
  const classes = parseNpyLabels(bytes, file, names.length);
  return {
    name: `npy ${basename(file)}`,
    async labels({ id }) {
      // Some files have 2007000032 as a string.
      const found = classes.get(normalised(id)) ?? classes.get(id.replace(/^(\d{4})_(\d{6})$/, '$1$2'));
      if (found === undefined) throw new UserError(`no labels for ${id} from npy: it is not in ${file}`);
      return [...found];
    },
  };
}

/**
 * Reads the bytes of a `cls_labels.npy`: see {@link npyLabels}.
 *
 * @returns class indices from 1, ascending, by image id
 * @throws {UserError} with the file's name, and the entry if one is wrong. Also if two keys are the same id with different classes
 */
export function parseNpyLabels(bytes: Uint8Array, name: string, classCount = VOC.classes.length): Map<string, readonly number[]> {
  try {
    return labelsOf(parseNpyObject(bytes), name, classCount);
  } catch (error) {
    if (!(error instanceof PickleError || error instanceof NpyError)) throw error;
    throw new UserError(`the label file ${name} cannot be read: ${error.message}`, error.hint ?? expected(classCount), { cause: error });
  }
}

function labelsOf(dictionary: PickleValue, name: string, classCount: number): Map<string, readonly number[]> {
  if (!(dictionary instanceof Map)) throw new UserError(`the label file ${name} does not contain a dictionary of image ids, but ${shortly(dictionary)}`, expected(classCount));
  const labels = new Map<string, readonly number[]>();
  for (const [key, value] of dictionary) {
    const id = imageId(key);
    if (id === undefined) throw new UserError(`the label file ${name} has a key that is not an image id: ${shortly(key)}`, expected(classCount));
    const classes = presentClasses(value, `${name}: ${printable(id)}`, classCount);
    const known = labels.get(id);
    if (known !== undefined && known.join() !== classes.join()) {
      throw new UserError(`the label file ${name} has two entries for ${printable(id)} with different classes (the second is ${shortly(key)})`);
    }
    labels.set(id, classes);
  }
  return labels;
}

/** The keys are numbers in IRN (2007000032), strings in PSA (2007_000032), and paths in others. */
function imageId(key: PickleValue): string | undefined {
  if (typeof key === 'string') return normalised(idOfPath(key.trim()));
  if (key instanceof Uint8Array) return imageId(Buffer.from(key).toString('utf8'));
  if (typeof key === 'number' && /^\d{10}$/.test(String(key))) return String(key).replace(/^.{4}/, '$&_');
  return undefined;
}

/** Accented letters can be written in two ways that look the same. */
function normalised(id: string): string {
  return id.normalize('NFC');
}

function presentClasses(value: PickleValue, where: string, classCount: number): number[] {
  const array = numberArray(value);
  const wanted = `expected an array of ${classCount} numbers, one per class`;
  if (array === undefined) throw new UserError(`${where}: ${wanted}, but it is ${shortly(value)}`, 'use an array, tensor, list or tuple of numbers');
  const { shape, values } = array;
  // A row or a column is accepted.
  if (values.length !== classCount || !shape.includes(classCount)) {
    throw new UserError(`${where}: ${wanted}, but it has the shape (${shape.join(', ')})`, hintFor(shape, values.length, classCount));
  }
  const numbers = Array.from(values);
  const wrong = numbers.find((entry) => !(entry >= 0));
  if (wrong !== undefined) throw new UserError(`${where}: it contains the number ${wrong}, but numbers must be above 0 (the class is present) or 0 (it is not)`);
  return ascending(numbers.flatMap((entry, at) => entry > 0 ? [at + 1] : []));
}

function hintFor(shape: readonly number[], length: number, classCount: number): string | undefined {
  if (length === classCount + 1) return 'if the first number is the background, remove it: labels[1:]';
  if (shape.length <= 1 && length < classCount) return 'lists of class indices are not supported, since they may start at 0 or 1';
  return undefined;
}
