import { messageOf, UserError } from '../errors.js';
import type { ClassSet } from '../datasets/classes/class-set.js';
import { VOC } from '../datasets/classes/voc.js';
import type { LabelSource } from '../datasets/labels/source.js';
import type { DataItem } from '../datasets/splits.js';

/** A network whose logits have the names of classes. */
export interface NamedLogits {
  readonly path: string;
  readonly spec: { readonly classes: readonly string[] };
  /** What messages call it; default: classifier. */
  readonly noun?: string;
}

/** The classes of an image. */
export interface ImageClasses {
  /** Their labels, from 1. */
  readonly labels: readonly number[];
  /** The index of the classifier's logit for each of them. */
  readonly logits: readonly number[];
}

/** Where the images of a batch get their classes from. */
export interface ClassSource {
  /** What results depend on, for the journal. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The classes of an image, or the reason why it cannot be processed. */
  readonly classesOf: (item: DataItem) => Promise<ImageClasses | { readonly reason: string }>;
}

/**
 * The classes of a set, by labels.
 *
 * @param classes default: VOC
 * @throws UserError if the classifier has none of the classes
 */
export function labelledClasses(classifier: NamedLogits, labels: LabelSource, classes: ClassSet = VOC): ClassSource {
  const logitOf = logitsOf(classifier, classes);
  return {
    // The class set is left out for VOC, so that runs of earlier versions can be resumed.
    settings: { labels: labels.name, ...classes.name !== 'voc' && { classSet: classes.data } },
    classesOf: (item) => imageClasses(item, labels, logitOf, classes, classifier.noun),
  };
}

/**
 * The logit of each class of a set, by label. The classifier may have more classes, or lack some.
 *
 * @throws UserError if the classifier has none
 */
export function logitsOf({ spec, path, noun = 'classifier' }: NamedLogits, classes: ClassSet = VOC): Map<number, number> {
  const logits = new Map<number, number>();
  spec.classes.forEach((name, logit) => {
    const index = classes.indexOf(name);
    if (index !== undefined) logits.set(index, logit);
  });
  if (logits.size === 0) {
    throw new UserError(
      `none of the ${spec.classes.length} classes of ${path} is ${classes.oneOf} (the first ones are ${spec.classes.slice(0, 3).join(', ')})`,
      noun !== 'classifier'
        ? `use a ${noun} of these classes, or name those of your data with --class-set`
        : classes.name === 'voc'
          ? 'use a classifier of the VOC classes: \'voc-seeds train --mode head\' makes one from an ImageNet model. For other classes, name them with --class-set'
          : `use a classifier of these classes (${classes.classes.slice(0, 3).join(', ')}): 'voc-seeds train --mode head' makes one from an ImageNet model`,
    );
  }
  return logits;
}

/** The classes of an image, or the reason why it cannot be processed. */
export async function imageClasses(
  item: DataItem, source: LabelSource, logitOf: ReadonlyMap<number, number>, classes: ClassSet = VOC, noun = 'classifier',
): Promise<ImageClasses | { readonly reason: string }> {
  try {
    const labels = await source.labels(item);
    const unknown = labels.filter((label) => !logitOf.has(label));
    if (unknown.length > 0) return { reason: `the ${noun} has no class ${unknown.map((label) => classes.nameOf(label)).join(', ')}` };
    return { labels, logits: labels.map((label) => logitOf.get(label)!) };
  } catch (error) {
    return { reason: messageOf(error) };
  }
}
