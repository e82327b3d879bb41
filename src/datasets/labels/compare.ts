import type { ClassSet } from '../classes/class-set.js';

/** The labels of one image by two sources: class indices from 1. */
export interface LabelPair {
  readonly id: string;
  readonly a: readonly number[];
  readonly b: readonly number[];
}

/** Where two sources of image-level labels disagree. */
export interface LabelComparison {
  /** The number of compared images. */
  readonly images: number;
  /** The number of images with the same classes in both. */
  readonly equal: number;
  /** The other images, with the classes that only one source names. */
  readonly differences: readonly { readonly id: string; readonly onlyA: readonly number[]; readonly onlyB: readonly number[] }[];
  /** Per class, how many images each source gives it to, and how many only that source does. */
  readonly classes: readonly ClassCounts[];
}

/** Numbers of images. */
export interface ClassCounts {
  readonly label: number;
  readonly inA: number;
  readonly inB: number;
  readonly onlyA: number;
  readonly onlyB: number;
}

/** Compares two sources of image-level labels, image by image and class by class. */
export function compareLabels(pairs: readonly LabelPair[], { classes: names }: ClassSet): LabelComparison {
  const differences = pairs
    .map(({ id, a, b }) => ({ id, onlyA: a.filter((label) => !b.includes(label)), onlyB: b.filter((label) => !a.includes(label)) }))
    .filter(({ onlyA, onlyB }) => onlyA.length + onlyB.length > 0);
  const classes = names.map((_, at) => {
    const label = at + 1;
    return {
      label,
      inA: pairs.filter(({ a }) => a.includes(label)).length,
      inB: pairs.filter(({ b }) => b.includes(label)).length,
      onlyA: differences.filter(({ onlyA }) => onlyA.includes(label)).length,
      onlyB: differences.filter(({ onlyB }) => onlyB.includes(label)).length,
    };
  });
  return { images: pairs.length, equal: pairs.length - differences.length, differences, classes };
}
