import { UserError } from '../../errors.js';
import { nearest } from '../../text/nearest.js';
import type { ClassSet } from '../classes/class-set.js';
import type { Devkit } from '../devkit.js';
import type { RgbMasks } from '../masks.js';
import type { PhotoPlace } from '../splits.js';
import { listLabels } from './list.js';
import { mainLabels } from './main.js';
import { maskLabels } from './masks.js';
import { npyLabels } from './npy.js';
import { ownLabels } from './own.js';
import type { LabelSource } from './source.js';
import { xmlLabels } from './xml.js';

/** Options of the label sources. Each source uses some of them. */
export interface LabelSourceOptions {
  /** `xml` and `main`: the devkit. */
  readonly devkit?: Devkit;
  /** `list`: where the photographs are. Default: the devkit. */
  readonly photos?: PhotoPlace;
  /** `main`: the name of the split. */
  readonly split?: string;
  /** Default: VOC. */
  readonly classes?: ClassSet;
  /** `npy` and `list`: the label file. */
  readonly file?: string;
  /** `xml` and `main`: whether objects marked difficult count. Default: true. */
  readonly difficult?: boolean;
  /** `masks`: what to do with masks in colours. Default: `reject`. */
  readonly rgbMasks?: RgbMasks;
}

/** Every label source. */
export const LABEL_KINDS = ['xml', 'npy', 'list', 'masks', 'main', 'own'] as const;

/** The name of a label source. */
export type LabelKind = typeof LABEL_KINDS[number];

/** A label source as users write it: its kind, and its file if that is given as in `npy:cls_labels.npy`. */
export interface LabelSpec {
  readonly kind: LabelKind;
  readonly file?: string;
}

/**
 * Parses a label source: `xml`, `masks`, `main`, `own`, `npy`, `list`, or with its file `npy:cls_labels.npy`.
 *
 * @throws UserError for anything else
 */
export function parseLabelSpec(text: string): LabelSpec {
  const [name, ...rest] = text.split(':');
  const kind = LABEL_KINDS.find((known) => known === name);
  if (kind === undefined) {
    const near = nearest(name, LABEL_KINDS);
    throw new UserError(`Allowed are ${LABEL_KINDS.join(', ')}.`, near === undefined ? undefined : `Did you mean ${near}?`);
  }
  if (rest.length === 0) return { kind };
  if (kind !== 'npy' && kind !== 'list') throw new UserError(`The labels ${kind} take no file.`);
  return { kind, file: rest.join(':') };
}

const sources: Readonly<Record<LabelKind, (options: LabelSourceOptions) => LabelSource | Promise<LabelSource>>> = {
  own: ownLabels,
  xml: (options) => xmlLabels({ ...options, devkit: requireDevkit('xml', options) }),
  main: ({ split = 'trainval', ...options }) => mainLabels({ ...options, split, devkit: requireDevkit('main', options) }),
  npy: (options) => npyLabels(requireFile('npy', options), options.classes),
  list: (options) => listLabels(requireFile('list', options), { place: options.photos ?? options.devkit, classes: options.classes }),
  masks: maskLabels,
};

/**
 * Opens a source of image-level labels. A label file is read once, here.
 *
 * @throws {UserError} if the source's files are missing or broken
 */
export async function createLabelSource(kind: LabelKind, options: LabelSourceOptions): Promise<LabelSource> {
  return sources[kind](options);
}

function requireDevkit(kind: LabelKind, { devkit }: LabelSourceOptions): Devkit {
  if (devkit === undefined) throw new UserError(`--labels ${kind} needs a VOC devkit`, 'Other data sets have labels of their own: leave --labels out.');
  return devkit;
}

function requireFile(kind: LabelKind, { file }: LabelSourceOptions): string {
  if (file === undefined) throw new UserError(`--labels ${kind} needs a label file`, 'Give it with --label-file.');
  return file;
}
