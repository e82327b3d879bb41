import type { DataItem } from '../splits.js';

/** A source of image-level labels. */
export interface LabelSource {
  /** Its name in messages, for instance `xml` or `list classifier_train.txt`. */
  readonly name: string;
  /**
   * The classes of an image: indices from 1, ascending, each once. Empty for an image without objects.
   *
   * @throws {UserError} if the source has no labels for the image; the message names the image and the source
   */
  labels(item: DataItem): Promise<number[]>;
}

/** Class indices in ascending order, each once. */
export function ascending(classes: Iterable<number>): number[] {
  return [...new Set(classes)].sort((a, b) => a - b);
}
