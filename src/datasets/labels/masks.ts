import { UserError } from '../../errors.js';
import { VOC_CLASSES } from '../classes/voc.js';
import { IGNORE_LABEL } from '../label-map.js';
import type { LabelMap } from '../label-map.js';
import { readMask } from '../masks.js';
import type { RgbMasks } from '../masks.js';
import type { LabelSource } from './source.js';

/**
 * The classes that have pixels in a label map, ascending, without background and ignored pixels.
 *
 * @param name the mask's name for error messages
 * @throws {UserError} for a label that is neither 0..20 nor 255
 */
export function classesInMap({ data }: LabelMap, name: string): number[] {
  const seen = new Uint8Array(256);
  // By index: an iterator is twenty times slower for a whole mask.
  for (let i = 0; i < data.length; i++) seen[data[i]] = 1;
  return Array.from(seen.keys()).filter((label) => {
    if (seen[label] === 0 || label === 0 || label === IGNORE_LABEL) return false;
    if (label > VOC_CLASSES.length) throw new UserError(`mask ${name} has the label ${label}, which is not a VOC class`);
    return true;
  });
}

/** Labels from the ground-truth masks: what a perfect annotator of image-level labels would write. */
export function maskLabels({ rgbMasks }: { rgbMasks?: RgbMasks }): LabelSource {
  return {
    name: 'masks',
    async labels({ id, maskPath }) {
      try {
        return classesInMap(await readMask(maskPath, { rgb: rgbMasks }), maskPath);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        throw new UserError(`no labels for ${id} from masks: ${error.message}`, error.hint, { cause: error });
      }
    },
  };
}
