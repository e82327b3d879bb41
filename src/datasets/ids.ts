import { createHash } from 'node:crypto';
import { UserError } from '../errors.js';
import { idOfPath } from './text-lines.js';

/**
 * The ids of photographs: their file names without the extension. Photographs with the same name get their folders in front:
 * `cat_001` for `cat/001.jpg`.
 *
 * @param paths relative to the data set, with `/`
 * @throws UserError if two photographs still have the same id
 */
export function uniqueIds(paths: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const path of paths) counts.set(idOfPath(path), (counts.get(idOfPath(path)) ?? 0) + 1);
  const known = new Map<string, string>();
  return paths.map((path) => {
    const name = idOfPath(path);
    const folders = path.split('/').slice(0, -1).map((folder) => folder.normalize('NFC'));
    const id = counts.get(name) === 1 ? name : [...folders, name].join('_');
    const other = known.get(id);
    if (other !== undefined) throw new UserError(`two photographs have the id ${id}: ${other} and ${path}`, 'Results are named by id: rename one of them.');
    known.set(id, path);
    return id;
  });
}

/** How a data set without lists is divided. */
export interface ShareOptions {
  /** Default: 0. */
  readonly seed?: number;
  /** The share of `val`, 0..1. Default: 0.2. */
  readonly valShare?: number;
}

/**
 * Whether an image is in `val`, if a data set has no lists: if the first 48 bits of the SHA-256 of `<seed>:<id>`, as a fraction, are
 * below the share. Images that are added later do not move others.
 */
export function isInVal(id: string, { seed = 0, valShare = 0.2 }: ShareOptions = {}): boolean {
  return createHash('sha256').update(`${seed}:${id}`).digest().readUIntBE(0, 6) / 2 ** 48 < valShare;
}
