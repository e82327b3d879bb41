import { UserError } from '../errors.js';
import { printable } from '../text/printable.js';

/** The 20 classes of PASCAL VOC in the official order; the label of `VOC_CLASSES[i]` is i + 1, and 0 is the background. */
export const VOC_CLASSES = [
  'aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair', 'cow',
  'diningtable', 'dog', 'horse', 'motorbike', 'person', 'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor',
] as const;

/** The label 0. */
export const BACKGROUND_NAME = 'background';

/** Names of the same classes in other data sets (ImageNet, COCO) and papers. Spaces, `-`, `_` and `/` are ignored. */
const aliases: Readonly<Record<string, typeof VOC_CLASSES[number]>> = {
  airplane: 'aeroplane', bike: 'bicycle', motorcycle: 'motorbike', mbike: 'motorbike', couch: 'sofa',
  tv: 'tvmonitor', television: 'tvmonitor', televisionmonitor: 'tvmonitor',
};

/**
 * The class index (1..20) for a text, or `undefined`. Accepts the official names in any case, with or without spaces
 * (`dining table`), the indices "1".."20", and the aliases airplane, bike, motorcycle, mbike, couch, tv, television and
 * television monitor. `tv/monitor` is the same as `tv monitor`. The background is not a class.
 */
export function classIndex(text: string): number | undefined {
  const name = text.trim().toLowerCase();
  if (/^\d+$/.test(name)) {
    const index = Number(name);
    return index >= 1 && index <= VOC_CLASSES.length ? index : undefined;
  }
  const compact = name.replace(/[\s_/-]/g, '');
  const at = (VOC_CLASSES as readonly string[]).indexOf(Object.hasOwn(aliases, compact) ? aliases[compact] : compact);
  return at < 0 ? undefined : at + 1;
}

/**
 * Like {@link classIndex}, for a text that must name a class.
 *
 * @param where where the text comes from, put before the error message: `labels.txt:7`
 * @throws {UserError} if it is not a class; the hint lists the names
 */
export function requireClass(text: string, where?: string): number {
  const index = classIndex(text);
  if (index === undefined) {
    throw new UserError(
      `${where === undefined ? '' : `${where}: `}"${printable(text)}" is not a VOC class`,
      `The classes are 1..${VOC_CLASSES.length} or their names: ${VOC_CLASSES.join(', ')}.`);
  }
  return index;
}

/**
 * The official name of a label: `background` for 0, else the class 1..20.
 *
 * @throws {RangeError} for other labels
 */
export function className(label: number): string {
  const name = label === 0 ? BACKGROUND_NAME : VOC_CLASSES[label - 1];
  if (name === undefined) throw new RangeError(`no VOC class has the label ${label}`);
  return name;
}
