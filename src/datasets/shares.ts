import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UserError } from '../errors.js';
import { isInVal } from './ids.js';
import type { ShareOptions } from './ids.js';
import type { DataItem, Split } from './splits.js';
import { idOfPath, readLines } from './text-lines.js';

/** A data set without lists of splits. */
export interface Undivided {
  readonly root: string;
  /** Where its images come from: the `path` of its splits. */
  readonly path: string;
  readonly items: readonly DataItem[];
  readonly classes: Split['classes'];
  /** Splits that the data set has by itself, by name. */
  readonly own?: ReadonlyMap<string, readonly DataItem[]>;
  readonly share: ShareOptions;
}

/**
 * A split of a data set without lists: `all`, one of its own, or `train` and `val` by {@link isInVal}; or the path of a list of ids or
 * paths of photographs.
 *
 * @throws UserError if there is no such split or list, or if the list names something else
 */
export async function splitOf({ root, path, items, classes, own, share }: Undivided, nameOrPath: string): Promise<Split> {
  const part = (name: string, chosen: readonly DataItem[], from = path): Split => (
    { name, path: from, items: chosen, classes, duplicates: 0, notes: [] });
  if (nameOrPath === 'all') return part('all', items);
  const known = own?.get(nameOrPath);
  if (known !== undefined) return part(nameOrPath, known);
  if (own === undefined && (nameOrPath === 'train' || nameOrPath === 'val')) {
    const chosen = items.filter(({ id }) => isInVal(id, share) === (nameOrPath === 'val'));
    if (chosen.length === 0) throw new UserError(`the split ${nameOrPath} of ${path} is empty`, 'Change --val-share or --split-seed, or use --split all.');
    return part(nameOrPath, chosen);
  }
  for (const file of [resolve(nameOrPath), join(root, nameOrPath)]) {
    if (await stat(file).then((entry) => entry.isFile(), () => false)) {
      const { chosen, duplicates } = await listed(items, root, file);
      return { ...part(idOfPath(file), chosen, file), duplicates };
    }
  }
  const names = ['all', ...own?.keys() ?? ['train', 'val']];
  throw new UserError(`there is no split ${nameOrPath} in ${path}`, `Give one of ${names.join(', ')}, or the path of a list of image ids.`);
}

async function listed(items: readonly DataItem[], root: string, file: string): Promise<{ chosen: DataItem[]; duplicates: number }> {
  const byName = new Map(items.flatMap((item) => [[item.id, item], [item.imagePath, item]]));
  const find = (name: string): DataItem | undefined => byName.get(resolve(root, name)) ?? byName.get(idOfPath(name));
  const chosen = new Set<DataItem>();
  let lines = 0;
  for (const { beginnings, number } of await readLines(file)) {
    const item = beginnings.map(find).findLast((found) => found !== undefined);
    if (item === undefined) throw new UserError(`${file}:${number}: ${beginnings[0]} is not a photograph of the data set`);
    chosen.add(item);
    lines++;
  }
  return { chosen: [...chosen], duplicates: lines - chosen.size };
}
