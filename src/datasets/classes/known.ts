import { UserError } from '../../errors.js';
import { ClassSet } from './class-set.js';
import type { ClassSetData } from './class-set.js';
import { COCO } from './coco.js';
import { VOC } from './voc.js';

const known: Readonly<Record<string, ClassSet>> = { voc: VOC, coco: COCO };

/** The names of the class sets that need no file. */
export const CLASS_SETS: readonly string[] = Object.keys(known);

/** The class set with a name of {@link CLASS_SETS}, or `undefined`. */
export function knownClassSet(name: string): ClassSet | undefined {
  return Object.hasOwn(known, name) ? known[name] : undefined;
}

/** The class set for the data of one, as {@link ClassSet.data} gives it. */
export function classSetOf(data: ClassSetData): ClassSet {
  return knownClassSet(data.name) ?? new ClassSet(data);
}

/**
 * A class set that a data set has by itself. Its name is never that of a known set.
 *
 * @param origin where the classes come from, for messages
 * @throws UserError if the classes are not a class set
 */
export function ownClassSet(data: ClassSetData, origin: string): ClassSet {
  try {
    return new ClassSet({ ...data, name: knownClassSet(data.name) !== undefined ? `${data.name} of ${origin}` : data.name });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`the classes of ${origin}: ${error.message}`, error.hint, { cause: error });
  }
}
