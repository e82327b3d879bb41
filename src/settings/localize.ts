import { z } from 'zod';
import { BOX_FORMATS } from '../datasets/boxes/read.js';
import { batchSettings, runtimeSettings, workerSettings } from '../runtime/settings.js';
import { setting } from '../setting.js';
import { parseNames } from '../text/lists.js';
import { mapVariantSettings } from './axes.js';
import { camSettings } from './cam.js';
import { refineSettings } from '../maps/settings.js';
import { sharedSettings } from './shared.js';

const [input, scoring] = ['Input', 'Scoring'];

/** The layouts of predicted boxes. */
export const BOX_FILES = ['csv', 'coco', 'voc'] as const;

/** Every setting of `localize` that a settings file may contain. */
export const localizeSchema = z.strictObject({
  boxes: setting(z.string().optional(), { group: input, value: 'file|folder', help: `the true boxes: ${BOX_FORMATS.join(', ')}` }),
  images: setting(z.string().optional(), { group: input, value: 'folder', help: 'the folder of the photographs' }),
  masks: setting(z.string().optional(), {
    group: input, value: 'folder', help: 'masks of the objects, <id>.png with the labels of the classifier\'s classes (or with 0 and 255, of images with one class): also measure PxAP',
  }),
  boxClasses: setting(z.string().optional(), {
    group: input, value: 'file', help: 'names of the classes of the true boxes, one per line in the order of the classifier\'s classes, for example synset ids', otherwise: 'those of the classifier, or indices',
  }),
  logitOffset: setting(z.number().int().min(0).optional(), {
    group: input, value: 'n', help: 'the logit of class 0, for true boxes with indices or --box-classes: 1 if the first logit is the background', otherwise: '0',
  }),
  tuneOn: setting(z.string().optional(), { group: input, value: 'file', help: 'list of the images to choose thresholds on', otherwise: 'the scored images' }),
  scoreOn: setting(z.string().optional(), { group: input, value: 'file', help: 'list of the images to score', otherwise: 'all' }),
  ...sharedSettings,
  ...camSettings,
  ...refineSettings,
  ...mapVariantSettings,
  top: setting(z.number().int().min(0).max(1000).default(1), {
    group: 'Boxes', value: 'n', help: 'also find the boxes of the n most likely classes; 0: only those of the true classes, which is enough for the scores and faster',
  }),
  boxFiles: setting(z.array(z.enum(BOX_FILES)).min(1).default(['csv']), {
    group: 'Boxes', value: 'kind,...', parse: parseNames,
    help: 'files of boxes to write: csv (boxes.csv), coco (results.json, as for COCO\'s evaluation), voc (Annotations/<id>.xml)',
  }),
  thresholds: setting(z.number().int().min(2).max(1000).default(100), { group: scoring, value: 'n', help: 'number of thresholds to try: 0, 1/n, 2/n, ... of a map\'s maximum' }),
  bootstrap: setting(z.number().int().min(0).max(100_000).default(1000), { group: scoring, value: 'n', help: 'number of resamples for the intervals; 0: no intervals' }),
  seed: setting(z.number().int().min(0).default(1), { group: scoring, value: 'n', help: 'seed of the random resamples' }),
  ...runtimeSettings,
  ...workerSettings,
  ...batchSettings,
});

export type LocalizeConfig = z.infer<typeof localizeSchema>;
