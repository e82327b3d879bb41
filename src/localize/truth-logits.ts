import { logitOf } from '../classifier/class-names.js';
import type { LoadedClassifier } from '../classifier/load.js';
import { UserError } from '../errors.js';

/** How the classes of true boxes are named. */
export interface TruthNames {
  /** Names of the classes in the order of the classifier's, if they differ from its own; of `n01440764 tench`, the id is enough. */
  readonly names?: readonly string[];
  /** The logit of class 0. */
  readonly offset?: number;
}

/**
 * Finds the logits of the classes of true boxes: by their place in `names`, by an index, or by the classifier's own names.
 *
 * @param used all class names of the true boxes
 * @returns the logit of a name; it throws a UserError for a class that the classifier does not have
 * @throws UserError if it is not clear which logit an index means
 */
export function truthLogits({ spec, path }: LoadedClassifier, used: Iterable<string>, { names, offset }: TruthNames): (name: string) => number {
  const isIndex = (name: string): boolean => /^\d+$/.test(name);
  const places = names === undefined ? undefined : new Map(names.flatMap((name, i) => [[name, i], [/^n\d{8}(?=\s)/.exec(name)?.[0] ?? name, i]] as const));
  if (offset === undefined && /^background$/i.test(spec.classes[0]) && [...used].some((name) => places?.has(name) === true || isIndex(name))) {
    throw new UserError(
      `the first class of ${path} is the background, and the true boxes have indices of classes`,
      'say which logit is class 0: --logit-offset 1 if the boxes do not count the background, --logit-offset 0 if they do',
    );
  }
  const place = (index: number): number => {
    const logit = index + (offset ?? 0);
    if (logit >= spec.classes.length) throw new UserError(`the class ${index} of the true boxes is the logit ${logit}, but ${path} has only ${spec.classes.length}`);
    return logit;
  };
  return (name) => {
    const listed = places?.get(name);
    if (listed !== undefined) return place(listed);
    return isIndex(name) ? place(Number(name)) : logitOf(spec.classes, name, path);
  };
}
