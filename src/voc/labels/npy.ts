import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { messageOf, UserError } from '../../errors.js';
import { NdArray } from '../../pickle/numpy.js';
import { PickleError } from '../../pickle/values.js';
import type { PickleValue } from '../../pickle/values.js';
import { VOC_CLASSES } from '../classes.js';
import { parseNpyObject } from '../npy-object.js';
import type { LabelSource } from './source.js';

/**
 * Labels from the `cls_labels.npy` of the PSA and IRN codebases and their successors: a dictionary from image ids to
 * arrays of 20 numbers, above zero where the class is present.
 *
 * @param file path of the .npy file
 * @throws {UserError} when the file cannot be read or holds something else
 */
export async function npyLabels(file: string): Promise<LabelSource> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new UserError(`the label file ${file} cannot be read: ${messageOf(cause)}`, undefined, { cause });
  }
  const classes = parseNpyLabels(bytes, file);
  return {
    name: `npy ${basename(file)}`,
    async labels({ id }) {
      const found = classes.get(id);
      if (found === undefined) throw new UserError(`no labels for ${id} from npy: ${file} does not name it`);
      return [...found];
    },
  };
}

/**
 * Reads the bytes of a `cls_labels.npy`: see {@link npyLabels}.
 *
 * @returns class indices 1..20, ascending, by image id
 */
export function parseNpyLabels(bytes: Uint8Array, name: string): Map<string, readonly number[]> {
  let dictionary: PickleValue;
  try {
    dictionary = parseNpyObject(bytes);
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
    throw new UserError(`the label file ${name} cannot be read: ${error.message}`, 'Expected is a dictionary {id: array of 20 numbers} saved by numpy.save.', { cause: error });
  }
  if (!(dictionary instanceof Map)) throw new UserError(`the label file ${name} does not hold a dictionary of image ids`);
  return new Map([...dictionary].map(([key, value]) => {
    const id = imageId(key);
    if (id === undefined) throw new UserError(`the label file ${name} has a key that is not an image id: ${String(key)}`);
    return [id, presentClasses(value, `${name}: ${id}`)];
  }));
}

/** IRN keys its dictionary by the number 2007000032, PSA by the text 2007_000032. */
function imageId(key: PickleValue): string | undefined {
  if (typeof key === 'string') return key;
  if (typeof key === 'number' && /^\d{10}$/.test(String(key))) return String(key).replace(/^.{4}/, '$&_');
  return undefined;
}

function presentClasses(value: PickleValue, where: string): number[] {
  const { shape, values } = value instanceof NdArray ? value : new NdArray();
  const numbers = values.filter((entry) => typeof entry === 'number');
  if (shape.length !== 1 || numbers.length !== VOC_CLASSES.length) {
    throw new UserError(`${where}: expected an array of ${VOC_CLASSES.length} numbers, one per class, but it has the shape (${shape.join(', ')})`);
  }
  return numbers.flatMap((entry, at) => entry > 0 ? [at + 1] : []);
}
