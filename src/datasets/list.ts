import { basename, dirname, extname, join, resolve } from 'node:path';
import { UserError } from '../errors.js';
import type { ClassSet } from './classes/class-set.js';
import { ownClassSet } from './classes/known.js';
import type { DataSet, DataSetOptions } from './data-set.js';
import { FolderIndex } from './folder-index.js';
import { uniqueIds } from './ids.js';
import { classesIn, refuseClassList } from './labels/list.js';
import { ascending } from './labels/source.js';
import { backgroundNote, findMaskFolder, MASK_FOLDERS, truthIn } from './mask-folder.js';
import { splitOf } from './shares.js';
import { findNamed, firstName, isPath } from './splits.js';
import type { DataItem } from './splits.js';
import { readLines } from './text-lines.js';

/**
 * Opens a list of photographs with their classes, as text or CSV:
 *
 *     images/001.jpg scratch dent             a photograph, relative to the list's folder, and its classes
 *     images/002.jpg                          a photograph without any class
 *     images/003.jpg labels/003.png dent      with its mask
 *
 * Other masks are found by id in `masks` or `ground_truth` beside the list, or in the given folder. If there is such a folder, images
 * without classes need no mask: they are all background.
 *
 * @param file the list
 * @throws UserError if the list or a line is not valid, or if it has classes as numbers and no class set is given
 */
export async function openList(file: string, { classes: wanted, maskDir, ...share }: DataSetOptions = {}): Promise<DataSet> {
  const path = resolve(file);
  const root = dirname(path);
  const lines = await readLines(path);
  const masks = await findMaskFolder(root, maskDir);
  const index = new FolderIndex();
  const place = { root, imageDir: root };
  const rows = await Promise.all(lines.map(async (line) => {
    const { first, found, rest } = await firstName(line, (name) => findNamed(name, place, path, index));
    const hasMask = rest.length > 0 && isPath(rest[0]);
    const maskPath = hasMask ? await findNamed(rest[0], place, path, index) ?? resolve(root, rest[0]) : undefined;
    return { line: line.number, imagePath: found ?? resolve(root, first), maskPath, words: hasMask ? rest.slice(1) : rest };
  }));
  const classes = wanted ?? classesOf(rows.flatMap(({ words }) => words), file);
  refuseClassList(lines, file, classes);
  const known = new Map<string, (typeof rows)[number] & { readonly labels: readonly number[] }>();
  let duplicates = 0;
  for (const row of rows) {
    const labels = ascending(classesIn(row.words, `${file}:${row.line}`, classes));
    const before = known.get(row.imagePath);
    if (before === undefined) known.set(row.imagePath, { ...row, labels });
    else if (before.labels.join() === labels.join()) duplicates++;
    else throw new UserError(`${file}:${row.line}: ${row.imagePath} has different classes here than in line ${before.line}`);
  }
  const unique = [...known.values()];
  const ids = uniqueIds(unique.map(({ imagePath }) => imagePath.replaceAll('\\', '/').replace(`${root.replaceAll('\\', '/')}/`, '')));
  const items = await Promise.all(unique.map(async ({ imagePath, maskPath, labels }, i): Promise<DataItem> => {
    if (maskPath !== undefined) return { id: ids[i], imagePath, labels, truth: { kind: 'mask', path: maskPath, classes: labels } };
    if (masks === undefined) return { id: ids[i], imagePath, labels };
    return { id: ids[i], imagePath, labels, truth: await truthIn(masks, { id: ids[i], imagePath, labels, names: [ids[i]] }, index) };
  }));
  return {
    name: `list:${path}`, root, imageDir: root, truthPlace: masks ?? join(root, MASK_FOLDERS[0]), inputs: [path, ...masks === undefined ? [] : [masks]],
    hasLabels: true, defaultSplit: 'all',
    async readSplit(nameOrPath) {
      const split = await splitOf({ root, path, items, classes, share }, nameOrPath);
      const repeated = split.path === path ? duplicates : split.duplicates;
      return { ...split, duplicates: repeated, notes: [...split.notes, ...backgroundNote(split.items)] };
    },
  };
}

function classesOf(words: readonly string[], file: string): ClassSet {
  const names = [...new Set(words.flatMap((word) => word.split(/[\s,;]+/)).filter((word) => word !== ''))].sort();
  if (names.length === 0) throw new UserError(`the list ${file} contains no classes`, 'A line is a photograph and its classes: images/001.jpg scratch dent');
  if (names.every((name) => /^[+-]?\d+$/.test(name))) throw new UserError(`the classes in ${file} are numbers`, 'Name them with --class-set: a file with one name per line.');
  return ownClassSet({ name: basename(file, extname(file)), classes: names }, file);
}
