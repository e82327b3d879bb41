import { UserError } from '../../errors.js';
import type { ClassSet } from '../classes/class-set.js';
import { VOC } from '../classes/voc.js';
import { IGNORE_LABEL } from '../label-map.js';
import type { LabelMap } from '../label-map.js';
import type { RgbMasks } from '../masks.js';
import { readTruth, truthName } from '../truth.js';
import type { LabelSource } from './source.js';

/**
 * The classes that have pixels in a label map, ascending, without background and ignored pixels.
 *
 * @param name the mask's name for error messages
 * @throws {UserError} for a label that is neither a class nor 0 or 255
 */
export function classesInMap({ data }: LabelMap, name: string, classes: ClassSet = VOC): number[] {
  const seen = new Uint8Array(256);
  // By index: an iterator is twenty times slower for a whole mask.
  for (let i = 0; i < data.length; i++) seen[data[i]] = 1;
  return Array.from(seen.keys()).filter((label) => {
    if (seen[label] === 0 || label === 0 || label === IGNORE_LABEL) return false;
    if (!classes.hasLabel(label)) throw new UserError(`mask ${name} has the label ${label}, which is not ${classes.oneOf}`);
    return true;
  });
}

/** Labels from the ground truth: what a perfect annotator of image-level labels would write. */
export function maskLabels({ rgbMasks, classes }: { rgbMasks?: RgbMasks; classes?: ClassSet }): LabelSource {
  return {
    name: 'masks',
    async labels({ id, truth }) {
      try {
        if (truth === undefined) throw new UserError('the data set has no ground truth', 'name a folder of masks with --mask-dir');
        return classesInMap(await readTruth(truth, { rgb: rgbMasks, classes }), truthName(truth), classes);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        throw new UserError(`no labels for ${id} from masks: ${error.message}`, error.hint, { cause: error });
      }
    },
  };
}
