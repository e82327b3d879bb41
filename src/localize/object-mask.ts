import { basename } from 'node:path';
import { IGNORE_LABEL } from '../datasets/label-map.js';
import { readMask } from '../datasets/masks.js';
import { UserError } from '../errors.js';
import type { Size } from '../size.js';

/** The pixels of the classes of an image. */
export class ObjectMasks {
  private constructor(private readonly labels: Uint8Array, private readonly only: number | undefined, private readonly path: string) {}

  /**
   * Reads a mask. Its labels are those of the classifier's classes, 255 for pixels that do not count. If the image has one class, the mask
   * may also be black and white: 0, and 1 or 255 for the object.
   *
   * @param classes the number of true classes of the image
   * @param size of the photograph
   * @throws UserError if it is not a mask, or has another size
   */
  static async read(path: string, classes: number, [height, width]: Size): Promise<ObjectMasks> {
    const { data, ...mask } = await readMask(path);
    if (mask.height !== height || mask.width !== width) {
      throw new UserError(`the mask ${path} is ${mask.width} x ${mask.height} pixels, but the photograph is ${width} x ${height}`);
    }
    const [value] = data.filter((label) => label !== 0).subarray(0, 1);
    const isBinary = (value === 1 || value === IGNORE_LABEL) && data.every((label) => label === 0 || label === value);
    if (isBinary && classes > 1 && value === IGNORE_LABEL) {
      throw new UserError(`the mask ${path} has only the values 0 and 255, but its image has ${classes} classes`, 'write the labels of the classes into the mask: 1, 2, ...');
    }
    return new ObjectMasks(data, isBinary && classes === 1 ? value : undefined, path);
  }

  /**
   * The mask of a class: 1 for its pixels, 0 for other ones, 255 for those that do not count.
   *
   * @param label of the class in masks
   * @throws UserError if masks cannot have this label
   */
  of(label: number): Uint8Array {
    const { labels, only, path } = this;
    if (only !== undefined) return labels.map((own) => Number(own === only));
    if (label >= IGNORE_LABEL) {
      throw new UserError(`the mask ${basename(path)} has labels, but the class would have the label ${label}`, 'labels are 1..254: with more classes, use masks with 0 and 255 of images with one class');
    }
    return labels.map((own) => (own === IGNORE_LABEL ? IGNORE_LABEL : Number(own === label)));
  }
}
