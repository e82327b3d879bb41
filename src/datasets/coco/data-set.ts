import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { UserError } from '../../errors.js';
import { isFolder } from '../../jobs/files/is-folder.js';
import { printable } from '../../text/printable.js';
import type { ClassSet } from '../classes/class-set.js';
import { COCO } from '../classes/coco.js';
import { ownClassSet } from '../classes/known.js';
import type { DataSet, DataSetOptions } from '../data-set.js';
import { maskPathOf } from '../files-by-id.js';
import { FolderIndex } from '../folder-index.js';
import { uniqueIds } from '../ids.js';
import { findMaskFolder } from '../mask-folder.js';
import type { DataItem, Split } from '../splits.js';
import { readAnnotations } from './annotations.js';
import type { CocoAnnotations, CocoCategory } from './annotations.js';

/** What stands before and after a split's name in the names of annotation files. */
const FILE_NAME = /^(?:instances_)?(.*)\.json$/;

/**
 * Opens a data set with annotations as in MS COCO:
 *
 *     ROOT/annotations/instances_<split>.json    images, annotations and categories; or <split>.json, or the path of any such file
 *     ROOT/<split>/<file_name>                   photographs; also in ROOT/images/<split>, ROOT/images, ROOT and beside the annotations
 *
 * An image has the class of each of its annotations, crowds included. Its ground truth is drawn from them: see `renderRegions`. Its id
 * is the name of its file; if two have the same name, their folders come first.
 *
 * The classes are the 80 of COCO if the categories are among them (by id and name), else the categories in the order of their ids.
 *
 * @throws UserError if there is no such folder, or it has no annotation files
 */
export async function openCoco(given: string, { classes, maskDir }: DataSetOptions = {}): Promise<DataSet> {
  const root = resolve(given);
  if (!await isFolder(root)) throw new UserError(`the COCO folder ${given} does not exist`, 'Give the folder that contains annotations, for instance coco.');
  const masks = maskDir === undefined ? undefined : await findMaskFolder(root, maskDir);
  const annotationDir = join(root, 'annotations');
  return {
    name: `coco:${root}`, root, imageDir: await isFolder(join(root, 'images')) ? join(root, 'images') : root,
    truthPlace: masks ?? annotationDir, inputs: [root, annotationDir, ...masks === undefined ? [] : [masks]], hasLabels: true,
    async readSplit(nameOrPath) {
      const path = await findFile(root, annotationDir, nameOrPath);
      return splitIn(root, path, await readAnnotations(path), classes, masks);
    },
  };
}

async function findFile(root: string, annotationDir: string, nameOrPath: string): Promise<string> {
  const index = new FolderIndex();
  const candidates = nameOrPath.endsWith('.json')
    ? [resolve(nameOrPath), join(annotationDir, nameOrPath), join(root, nameOrPath)]
    : [join(annotationDir, `instances_${nameOrPath}.json`), join(annotationDir, `${nameOrPath}.json`), join(root, nameOrPath, '_annotations.coco.json')];
  for (const candidate of candidates) {
    const found = await index.find(candidate);
    if (found !== undefined) return found;
  }
  const names = (await readdir(annotationDir).catch(() => [])).flatMap((name) => FILE_NAME.exec(name)?.[1] ?? []).sort();
  throw new UserError(
    `there is no split ${nameOrPath}: ${candidates[0]} does not exist`,
    names.length === 0 ? 'Give the path of an annotation file, for instance instances_val2017.json.' : `Give the path of an annotation file, or one of: ${names.join(', ')}.`);
}

async function splitIn(
  root: string, path: string, annotations: CocoAnnotations, wanted: ClassSet | undefined, masks: string | undefined,
): Promise<Split> {
  const { images, categories, strays, strayCount } = annotations;
  const file = basename(path);
  const name = file.startsWith('_annotations') ? basename(dirname(path)) : FILE_NAME.exec(file)?.[1] ?? file;
  const classes = wanted ?? classesOf(categories, basename(root), path);
  const labels = labelsOf(categories, classes, path);
  const ids = uniqueIds(images.map(({ fileName }) => fileName.replaceAll('\\', '/')));
  const index = new FolderIndex();
  const places = [join(root, name), join(root, 'images', name), join(root, 'images'), root, dirname(path)];
  const items: DataItem[] = [];
  for (const [i, { id, fileName, width, height, categories: own, places: parts, strange }] of images.entries()) {
    items.push({
      id: ids[i], imagePath: await findPhoto(fileName.replaceAll('\\', '/'), places, index),
      truth: masks === undefined ? { kind: 'coco', path, imageId: id, width, height, places: parts, labels } : { kind: 'mask', path: await maskPathOf(masks, ids[i], index) },
      ...strange === undefined
        ? { labels: own.map((category) => labels[category]).sort((a, b) => a - b) }
        : { problem: `annotation ${strange} of ${path} has no category, or one that is not in the file` },
    });
  }
  const notes = strayCount === 0 ? [] : [`${path} has annotations of images that are not in it (${strayCount}); they are left out: ${strays.join(', ')}${strayCount > strays.length ? ', ...' : ''}`];
  return { name, path, items, classes, duplicates: 0, notes };
}

async function findPhoto(fileName: string, places: readonly string[], index: FolderIndex): Promise<string> {
  for (const place of places) {
    const found = await index.find(resolve(place, fileName));
    if (found !== undefined) return found;
  }
  return resolve(places[0], fileName);
}

function classesOf(categories: readonly CocoCategory[], name: string, path: string): ClassSet {
  const ids = COCO.data.categoryIds!;
  if (categories.every((category) => COCO.classes[ids.indexOf(category.id)] === category.name)) return COCO;
  return ownClassSet({ name, classes: categories.map((category) => category.name), categoryIds: categories.map(({ id }) => id) }, path);
}

/** The label of each category: by its name or, in a class set with ids of its own, by its id. */
function labelsOf(categories: readonly CocoCategory[], classes: ClassSet, path: string): Record<number, number> {
  const ids = classes === COCO ? undefined : classes.data.categoryIds;
  return Object.fromEntries(categories.map(({ id, name }) => {
    const byName = classes.indexOf(name);
    const byId = (ids?.indexOf(id) ?? -1) + 1;
    const where = `category ${id} of ${path}`;
    if (byName !== undefined && byId > 0 && byName !== byId) {
      throw new UserError(`${where} is called ${printable(name)}, but in the class set ${classes.name} the id ${id} is ${classes.nameOf(byId)}`, 'correct the ids in the class set, or leave them out');
    }
    return [id, byName ?? (byId > 0 ? byId : classes.require(name, where))];
  }));
}
