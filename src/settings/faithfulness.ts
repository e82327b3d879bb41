import { z } from 'zod';
import { IMAGENET_MEAN, ROAD_TIES, TESTS } from '../metrics/faithfulness/names.js';
import { runtimeSettings, workerSettings } from '../runtime/settings.js';
import { setting } from '../setting.js';
import { parseNames } from '../text/lists.js';
import { refineSettings } from '../maps/settings.js';
import { ablateSchema } from './ablate.js';
import { mapVariantSettings } from './axes.js';
import { camSettings } from './cam.js';
import { sharedSettings } from './shared.js';

const group = 'Tests';
const { bootstrap, seed } = ablateSchema.shape;

/** Settings that only have an effect with some tests. */
const needs = (...names: string[]) => ({ tests }: { tests: readonly string[] }): string | undefined => (
  names.some((name) => tests.includes(name)) ? undefined : `--tests ${names.join(' or ')}`);

/** Every setting of `faithfulness` that a settings file may contain. */
export const faithfulnessSchema = z.strictObject({
  list: setting(z.string().optional(), {
    group: 'Input', value: 'file', help: 'the photographs, each with its class: lines "path class", or CSV with a column for the image and one for the class',
  }),
  images: setting(z.string().optional(), { group: 'Input', value: 'folder', help: 'the folder that paths in the list start from', otherwise: 'that of the list' }),
  logitOffset: setting(z.number().int().default(0), {
    group: 'Input', value: 'n', help: 'add n to classes that are numbers: 1 if the classifier has a background class that the list does not count',
  }),
  ...sharedSettings,
  ...camSettings,
  ...refineSettings,
  ...mapVariantSettings,
  tests: setting(z.array(z.enum(TESTS)).min(1).default(TESTS.filter((name) => name !== 'road')), { group, value: 'test,...', help: `the tests: ${TESTS.join(', ')}`, parse: parseNames }),
  occludeAbove: setting(z.array(z.number().min(0).max(1)).default([0.5]), {
    group, value: 't,...', help: 'occlude the pixels whose value in the map is above t', needs: needs('occlusion'),
  }),
  occludeArea: setting(z.array(z.number().positive().max(100)).default([5, 10, 20]), {
    group, value: 'p,...', help: 'occlude the strongest p percent of the pixels, the same area for every variant', needs: needs('occlusion'),
  }),
  steps: setting(z.number().int().positive().default(20), {
    group, value: 'n', help: 'steps of insertion and deletion; RISE uses 224', needs: needs('insertion', 'deletion'),
  }),
  fill: setting(z.array(z.number().min(0).max(255)).length(3).default([...IMAGENET_MEAN]), {
    group, value: 'r,g,b', help: 'the colour that hides pixels: the mean of the data set, 0..255; the default is that of ImageNet',
  }),
  roadArea: setting(z.array(z.number().positive().lt(100)).min(1).default([10, 20, 30, 40, 50, 60, 70, 80, 90]), {
    group, value: 'p,...', help: 'ROAD: remove these percentages of the pixels, and take the mean', needs: needs('road'),
  }),
  roadNoise: setting(z.number().min(0).default(0.01), {
    group, value: 's', help: 'ROAD: standard deviation of the noise that is added to filled pixels, in units of the network\'s input', needs: needs('road'),
  }),
  roadTies: setting(z.enum(ROAD_TIES).default('rows'), {
    group, value: 'how', help: 'ROAD: remove pixels of equal value row by row, so that every variant loses the same area, or together, as pytorch-grad-cam does', needs: needs('road'),
  }),
  bootstrap, seed,
  batch: setting(z.number().int().min(1).max(1024).default(8), { group: 'Running', value: 'n', help: 'changed photographs that run at once' }),
  ...runtimeSettings,
  ...workerSettings,
});

export type FaithfulnessConfig = z.infer<typeof faithfulnessSchema>;
