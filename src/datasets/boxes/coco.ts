import type { FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { messageOf, UserError } from '../../errors.js';
import { openRegularFile } from '../../jobs/files/read-file.js';
import { readAnnotations } from '../coco/annotations.js';
import { idOfPath } from '../text-lines.js';
import { byClass } from './box-truth.js';
import type { BadTruth, Box, BoxTruth, BoxTruths } from './box-truth.js';

/**
 * Reads true boxes from a COCO annotation file. Crowds are left out, and so are images without other annotations. The edges of COCO's
 * boxes lie between pixels.
 *
 * @throws UserError if the file cannot be read; an image whose annotations cannot be used is one of `bad`
 */
export async function readCocoBoxes(path: string): Promise<BoxTruths> {
  const { images: entries, categories } = await readAnnotations(path);
  const names = new Map(categories.map(({ id, name }) => [id, name]));
  const images: BoxTruth[] = [];
  const bad: BadTruth[] = [];
  const { file } = await openRegularFile(path);
  try {
    for (const { id: imageId, fileName, width, height, places } of entries) {
      const id = idOfPath(fileName);
      try {
        const objects = [];
        for (let i = 0; i < places.length; i += 2) objects.push(...objectOf(await annotationAt(file, places[i], places[i + 1]), names));
        if (objects.length > 0) images.push({ id, fileName: basename(fileName), width, height, classes: byClass(objects), imageId });
      } catch (error) {
        bad.push({ id, reason: `image ${imageId} of ${path}: ${messageOf(error)}` });
      }
    }
  } finally {
    await file.close();
  }
  return { images, bad, categoryIds: new Map(categories.map(({ id, name }) => [name, id])) };
}

async function annotationAt(file: FileHandle, offset: number, length: number): Promise<Readonly<Record<string, unknown>>> {
  const bytes = Buffer.alloc(length);
  await file.read(bytes, 0, length, offset);
  return JSON.parse(bytes.toString()) as Readonly<Record<string, unknown>>;
}

/** An object, or none for a crowd. */
function objectOf(
  { id, category_id: category, iscrowd, bbox }: Readonly<Record<string, unknown>>, names: ReadonlyMap<number, string>,
): { name: string; box: Box }[] {
  if (iscrowd === 1 || iscrowd === true) return [];
  const name = names.get(category as number);
  if (name === undefined) throw new UserError(`annotation ${String(id)} has the category ${String(category)}, which is not in the file`);
  if (!Array.isArray(bbox) || bbox.length !== 4 || !bbox.every((value) => typeof value === 'number' && Number.isFinite(value))) {
    throw new UserError(`annotation ${String(id)} has no bbox of four numbers`);
  }
  const [x, y, width, height] = bbox as number[];
  return [{ name, box: [x, y, x + Math.max(width, 1) - 1, y + Math.max(height, 1) - 1] }];
}
