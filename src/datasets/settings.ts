import { z } from 'zod';
import { UserError } from '../errors.js';
import { checkedBy, setting } from '../setting.js';
import { CLASS_SETS } from './classes/known.js';
import { DATA_KINDS, parseDataSpec } from './kinds.js';
import { LABEL_KINDS, parseLabelSpec } from './labels/create.js';

const group = 'Input';

/** The text of a label source: `xml`, `masks`, `main`, `own`, `npy` or `list`; the last two also with a file: `npy:cls_labels.npy`. */
export const labelsText = z.string().refine(isLabelSpec, 'it must be xml, masks, main, own, npy or list, or with a file npy:FILE or list:FILE');

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

/** The text of a data set: `KIND:ROOT`. */
export const dataText = checkedBy(z.string(), parseDataSpec);

/** How a data set without lists of splits is divided. */
export const shareSettings = {
  valShare: setting(z.number().min(0).max(1).optional(), {
    group, value: 'share', help: 'share of the images in --split val, for data sets without lists of splits', otherwise: '0.2',
  }),
  splitSeed: setting(z.number().int().min(0).optional(), {
    group, value: 'n', help: 'another division into train and val', otherwise: '0',
  }),
};

/** The data set and the images in it. */
export const devkitSettings = {
  data: setting(dataText.optional(), {
    group, value: 'kind:root', help: `data set: ${DATA_KINDS.map((kind) => `${kind}:${kind === 'list' ? 'FILE' : 'FOLDER'}`).join(', ')}`,
    parse: (text) => { parseDataSpec(text); return text; },
  }),
  vocRoot: setting(z.string().optional(), {
    group, value: 'folder', help: 'short for --data voc:FOLDER: the devkit folder that contains JPEGImages, for example VOCdevkit/VOC2012',
  }),
  classSet: setting(z.string().optional(), {
    group, value: 'name|file', help: `the classes: ${CLASS_SETS.join(', ')}, or a YAML file with their names`, otherwise: 'those of the data set; voc for a devkit',
  }),
  split: setting(z.string().optional(), {
    group, value: 'name|file', help: 'split of the data set (train, val, trainval, val2017), or the path of a list of ids or image paths', otherwise: 'all for folder and list',
  }),
  ...shareSettings,
};

/** Where image-level labels come from. */
export const labelSourceSettings = {
  labels: setting(labelsText.optional(), {
    group, value: 'source', help: `image-level labels: ${LABEL_KINDS.join(', ')}`, otherwise: 'own, if the data set has labels', parse: parseLabels,
  }),
  labelFile: setting(z.string().optional(), {
    group, value: 'file', help: 'file of --labels npy (cls_labels.npy) or --labels list (lines "id class class ...")', needs: labelled('npy', 'list'),
  }),
  difficult: setting(z.boolean().optional(), {
    group, help: 'with --labels xml or main, count objects marked difficult (default)', off: 'with --labels xml or main, ignore objects marked difficult', needs: labelled('xml', 'main'),
  }),
};
