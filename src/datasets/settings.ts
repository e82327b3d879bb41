import { z } from 'zod';
import { UserError } from '../errors.js';
import { setting } from '../setting.js';
import { CLASS_SETS } from './classes/load.js';
import { LABEL_KINDS, parseLabelSpec } from './labels/create.js';

const group = 'Input';

/** The text of a label source: `xml`, `masks`, `npy` or `list`; the last two also with a file: `npy:cls_labels.npy`. */
export const labelsText = z.string().refine(isLabelSpec, 'it must be xml, masks, npy or list, or with a file npy:FILE or list:FILE');

/** Returns the text of a label source if it is valid, or throws a `UserError`. */
export function parseLabels(text: string): string {
  parseLabelSpec(text);
  return text;
}

function isLabelSpec(text: string): boolean {
  try {
    parseLabelSpec(text);
    return true;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

/** For settings that only have an effect with some kinds of labels. */
const labelled = (...kinds: string[]) => ({ labels }: { labels?: string }): string | undefined => (
  labels === undefined || kinds.includes(labels.split(':')[0]) ? undefined : `--labels ${kinds.join(' or ')}`);

/** The devkit and the images in it. */
export const devkitSettings = {
  vocRoot: setting(z.string().optional(), {
    group, value: 'folder', help: 'devkit folder that contains JPEGImages, for example VOCdevkit/VOC2012',
  }),
  classSet: setting(z.string().optional(), {
    group, value: 'name|file', help: `the classes: ${CLASS_SETS.join(', ')}, or a YAML file with their names`, otherwise: 'voc',
  }),
  split: setting(z.string().optional(), {
    group, value: 'name|file', help: 'official split (train, val, trainval), or the path of a list of ids or image paths',
  }),
};

/** Where image-level labels come from. */
export const labelSourceSettings = {
  labels: setting(labelsText.optional(), {
    group, value: 'source', help: `image-level labels: ${LABEL_KINDS.join(', ')}`, parse: parseLabels,
  }),
  labelFile: setting(z.string().optional(), {
    group, value: 'file', help: 'file of --labels npy (cls_labels.npy) or --labels list (lines "id class class ...")', needs: labelled('npy', 'list'),
  }),
  difficult: setting(z.boolean().optional(), {
    group, help: 'with --labels xml, count objects marked difficult (default)', off: 'with --labels xml, ignore objects marked difficult', needs: labelled('xml'),
  }),
};
