import { dirname } from 'node:path';
import type { ClassSet } from './classes/class-set.js';
import type { Devkit } from './devkit.js';
import type { ShareOptions } from './ids.js';
import { filesOf } from './splits.js';
import type { Split } from './splits.js';

/** Options of the kinds of data sets. Each kind uses some of them. */
export interface DataSetOptions extends ShareOptions {
  /** The classes, instead of the data set's own. */
  readonly classes?: ClassSet;
  /** A folder with the ground truth as label masks: in the data set, or any path. */
  readonly maskDir?: string;
}

/** Photographs with image-level labels, ground truth and splits, as far as it has them. */
export interface DataSet {
  /** How users name it: `coco:ROOT`. */
  readonly name: string;
  /** The folder that its files are in. */
  readonly root: string;
  /** The folder of photographs, for messages and for lists with ids. */
  readonly imageDir: string;
  /** Where ground truth is expected, for messages. */
  readonly truthPlace: string;
  /** The files and folders that results must not overwrite. */
  readonly inputs: readonly string[];
  /** Whether it has image-level labels of its own. They are then in its items, and `--labels` is optional. */
  readonly hasLabels: boolean;
  /** The split that is used if none is named. */
  readonly defaultSplit?: string;
  /** The folders of a VOC devkit. */
  readonly devkit?: Devkit;
  /**
   * Reads a split by name, or a list of images by path.
   *
   * @throws UserError if there is no such split, or if it is not valid
   */
  readSplit(nameOrPath: string): Promise<Split>;
}

/** The folders with photographs, ground truth and annotations of a split: none of their files may be overwritten. */
export function foldersOf({ inputs, root }: DataSet, { items }: Split): string[] {
  return [...new Set([...inputs.filter((input) => input !== root), ...items.flatMap(filesOf).map((file) => dirname(file))])];
}
