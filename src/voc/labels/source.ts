import type { VocItem } from '../splits.js';

/** Where image-level labels come from. */
export interface LabelSource {
  /** For messages, for instance `xml` or `list classifier_train.txt`. */
  readonly name: string;
  /**
   * The classes of an image: indices 1..20, ascending, each once; none for an image that has no object.
   *
   * @throws {UserError} when the source has no labels for the image; the message names it and the source
   */
  labels(item: VocItem): Promise<number[]>;
}

/** Class indices in ascending order, each once. */
export function ascending(classes: Iterable<number>): number[] {
  return [...new Set(classes)].sort((a, b) => a - b);
}
