import { VOC_CLASSES } from '../classes.js';

/** The labels of one image by two sources: class indices 1..20. */
export interface LabelPair {
  readonly id: string;
  readonly a: readonly number[];
  readonly b: readonly number[];
}

/** Where two sources of image-level labels disagree. */
export interface LabelComparison {
  /** How many images were compared. */
  readonly images: number;
  /** How many have the same classes in both. */
  readonly equal: number;
  /** The images that do not, with the classes that only one source names. */
  readonly differences: readonly { readonly id: string; readonly onlyA: readonly number[]; readonly onlyB: readonly number[] }[];
  /** Per class: in how many images each source names it, and in how many it does so alone. */
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
export function compareLabels(pairs: readonly LabelPair[]): LabelComparison {
  const differences = pairs
    .map(({ id, a, b }) => ({ id, onlyA: a.filter((label) => !b.includes(label)), onlyB: b.filter((label) => !a.includes(label)) }))
    .filter(({ onlyA, onlyB }) => onlyA.length + onlyB.length > 0);
  const classes = VOC_CLASSES.map((_, at) => {
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
