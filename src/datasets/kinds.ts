import { requireFlag, UserError } from '../errors.js';
import { didYouMean } from '../text/nearest.js';
import type { DataSet, DataSetOptions } from './data-set.js';

/** A kind of data set. */
interface DataKind {
  /** What ROOT is, for help and messages. */
  readonly root: string;
  /** Opens a data set of this kind. */
  readonly open: (root: string, options: DataSetOptions) => Promise<DataSet>;
}

/** Every kind of data set, by its name in `KIND:ROOT`. Their code is loaded when it is used, since most runs use one kind. */
const kinds = {
  voc: {
    root: 'a devkit: the folder that contains JPEGImages',
    open: async (root, options) => (await import('./devkit-data.js')).openVoc(root, options),
  },
  coco: {
    root: 'the folder that contains annotations/instances_*.json',
    open: async (root, options) => (await import('./coco/data-set.js')).openCoco(root, options),
  },
  folder: {
    root: 'a folder with one folder of photographs per class',
    open: async (root, options) => (await import('./folder.js')).openFolder(root, options),
  },
  list: {
    root: 'a file with lines "path class class ..."',
    open: async (root, options) => (await import('./list.js')).openList(root, options),
  },
} as const satisfies Readonly<Record<string, DataKind>>;

/** The names of the kinds. */
export const DATA_KINDS = Object.keys(kinds) as readonly (keyof typeof kinds)[];

/** A data set as users name it: its kind and where it is. */
export interface DataSpec {
  readonly kind: keyof typeof kinds;
  readonly root: string;
}

/**
 * Parses a data set: `coco:ROOT`.
 *
 * @throws UserError if the kind is missing or unknown, or the root is missing
 */
export function parseDataSpec(text: string): DataSpec {
  const [name, ...rest] = text.split(':');
  const root = rest.join(':');
  const kind = DATA_KINDS.find((known) => known === name);
  if (kind === undefined) {
    // A path, or a Windows path such as C:\data.
    throw /[\\/.]/.test(name) || rest.length === 0 || name.length === 1
      ? new UserError(`the data set '${text}' has no kind`, `write KIND:${text}, where KIND is one of ${DATA_KINDS.join(', ')}`)
      : new UserError(`'${name}' is not a kind of data set`, didYouMean(name, DATA_KINDS));
  }
  if (root === '') throw new UserError(`the data set '${text}' has no place`, `write ${kind}:ROOT; ROOT is ${kinds[kind].root}`);
  return { kind, root };
}

/** Whether a text starts with a kind of data set, as in `coco:ROOT`. */
export function isDataSpec(text: string): boolean {
  return DATA_KINDS.some((kind) => text.startsWith(`${kind}:`));
}

/** The settings that name a data set. */
export interface DataSettings {
  /** `KIND:ROOT`. */
  readonly data?: string;
  /** Short for `voc:ROOT`. */
  readonly vocRoot?: string;
}

/**
 * The data set of the settings, as `KIND:ROOT`.
 *
 * @throws UserError if there are two, or none
 */
export function dataSpecOf({ data, vocRoot }: DataSettings): string {
  if (data !== undefined && vocRoot !== undefined) throw new UserError('--data and --voc-root are both given', '--voc-root X is short for --data voc:X: leave one of them out');
  return data ?? `voc:${requireFlag(vocRoot, '--voc-root', 'VOCdevkit/VOC2012; for other data sets: --data KIND:ROOT')}`;
}

/**
 * Opens a data set.
 *
 * ```ts
 * const data = await openDataSet('coco:coco2017');
 * const { items, classes } = await data.readSplit('val2017');
 * ```
 *
 * @param spec `KIND:ROOT`, where KIND is voc, coco, folder or list
 * @throws UserError if there is no such data set, or it is not valid
 */
export async function openDataSet(spec: string, options: DataSetOptions = {}): Promise<DataSet> {
  const { kind, root } = parseDataSpec(spec);
  return kinds[kind].open(root, options);
}
