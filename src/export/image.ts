import { copyFile, mkdir, symlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { ClassSet } from '../datasets/classes/class-set.js';
import type { LabelMap } from '../datasets/label-map.js';
import { classesInMap } from '../datasets/labels/masks.js';
import { readMask } from '../datasets/masks.js';
import { messageOf, UserError } from '../errors.js';
import { openPhoto } from '../image/photo-file.js';
import { systemProblem } from '../jobs/files/atomic.js';
import { requireWanted } from '../jobs/stop/abandon.js';
import { untilDone } from '../jobs/stop/interrupt.js';
import { readMapDump } from '../metrics/maps/dump.js';
import type { MapDump } from '../metrics/maps/dump.js';
import type { ExportContext, ExportFormat, ExportItem, PhotoMode } from './format.js';

/** The result of an image. */
export type ImageOutcome = { readonly status: 'done'; readonly entry: unknown } | { readonly status: 'failed'; readonly reason: string };

/** Exports one image. Never throws: the reason of a failure is returned. */
export async function exportImage(format: ExportFormat<unknown>, item: ExportItem, context: ExportContext): Promise<ImageOutcome> {
  try {
    const labels = await readMask(item.maskPath, { classes: context.classes, rgb: context.rgb });
    const present = classesInMap(labels, item.maskPath, context.classes);
    const maps = format.readsMaps === true ? await mapsOf(item, context.classes) : undefined;
    const wantsPhoto = format.needsPhotos === true || (format.photoFolder !== undefined && context.options.photos !== 'none');
    if (wantsPhoto) await requirePhoto(item, labels);
    const entry = await format.image({ ...item, ...context, labels, present, maps });
    // Last, so that a bad image leaves no photograph behind.
    if (format.photoFolder !== undefined && wantsPhoto) {
      await placePhoto(item.photoPath!, join(context.out, format.photoFolder(context.options)), context.options.photos);
    }
    return { status: 'done', entry };
  } catch (error) {
    return { status: 'failed', reason: messageOf(error) };
  }
}

const CLASSES = 'name the right classes with --class-set';

async function mapsOf({ camPath, classless }: ExportItem, classes: ClassSet): Promise<MapDump> {
  if (camPath === undefined) {
    if (classless === true) return { keys: [], height: 0, width: 0, maps: new Float32Array() };
    throw new UserError('it has no maps', 'make them with generate --save-cams');
  }
  const maps = await readMapDump(camPath, undefined, classes.labelCount);
  const strange = maps.keys.find((key) => !Number.isInteger(key) || key < 1 || key > classes.classes.length);
  if (strange === undefined) return maps;
  throw new UserError(`the maps ${camPath} have the key ${strange}, but the classes of ${classes.name} are 1..${classes.classes.length}`, CLASSES);
}

/** @throws UserError if there is no photograph, or its size is not that of the labels */
async function requirePhoto({ photoPath }: ExportItem, { width, height }: LabelMap): Promise<void> {
  if (photoPath === undefined) throw new UserError('its photograph is not on disk', 'name the devkit with --voc-root');
  const { original } = await openPhoto(photoPath);
  if (original[0] !== height || original[1] !== width) {
    throw new UserError(`its photograph ${photoPath} is ${original[1]}x${original[0]}, but its labels are ${width}x${height}`);
  }
}

async function placePhoto(path: string, folder: string, mode: PhotoMode): Promise<void> {
  requireWanted();
  await untilDone(mkdir(folder, { recursive: true }));
  const target = join(folder, basename(path));
  try {
    await untilDone(mode === 'copy' ? copyFile(path, target) : symlink(resolve(path), target));
  } catch (error) {
    const problem = systemProblem(error)?.problem ?? messageOf(error);
    throw new UserError(
      mode === 'copy' ? `cannot copy the photograph ${path} to ${dirname(target)}: ${problem}` : `cannot link the photograph ${path} in ${dirname(target)}: ${problem}`,
      mode === 'copy' ? undefined : 'copy photographs instead: --photos copy', { cause: error },
    );
  }
}
