import { z } from 'zod';
import { IGNORED_AS } from '../metrics/scores.js';
import { batchSettings, runtimeSettings, workerSettings } from '../runtime/settings.js';
import { setting } from '../setting.js';
import { devkitSettings, labelSourceSettings } from '../datasets/settings.js';
import { AXIS_NAMES, variantListSettings, variantSettings } from './axes.js';
import { camSettings } from './cam.js';
import { sharedSettings } from './shared.js';

const group = 'Scoring';
const { target, finerStrength, scoreCamTopK, scoreCamBatch, inputSize, maxPixels } = camSettings;

/** Every setting of `ablate` that a settings file may contain. */
export const ablateSchema = z.strictObject({
  ...devkitSettings,
  tuneOn: setting(z.string().optional(), { group: 'Input', value: 'name|file', help: 'split or list to choose thresholds on' }),
  scoreOn: setting(z.string().optional(), { group: 'Input', value: 'name|file', help: 'split or list to score with these thresholds' }),
  ...labelSourceSettings,
  ...sharedSettings,
  ...variantSettings,
  target, finerStrength, scoreCamTopK, scoreCamBatch, inputSize, maxPixels,
  ...variantListSettings(AXIS_NAMES),
  thresholds: setting(z.number().int().min(2).max(1000).default(60), { group, value: 'n', help: 'number of thresholds to try: 0, 1/n, 2/n, ...' }),
  alphas: setting(z.array(z.number().positive()).min(1).default([1, 2, 4, 8, 16, 32]), { group, value: 'a,...', help: 'alphas to try with --background power' }),
  percentiles: setting(z.array(z.number().min(0).max(100)).min(1).default([30, 40, 50, 60, 65, 70, 75, 80, 85, 90, 95]), {
    group, value: 'p,...', help: 'percentages to try with --background percentile',
  }),
  ignoredAs: setting(z.enum(IGNORED_AS).default('error'), { group, value: 'how', help: 'how to score pixels labelled 255 by --conflict ignore' }),
  bootstrap: setting(z.number().int().min(0).max(100_000).default(1000), { group, value: 'n', help: 'number of resamples for the intervals; 0: no intervals' }),
  seed: setting(z.number().int().min(0).default(1), { group, value: 'n', help: 'seed of the random resamples' }),
  baseline: setting(z.string().optional(), { group, value: 'name', help: 'variant that the others are compared with, or best', otherwise: 'the first one' }),
  ...runtimeSettings,
  ...workerSettings,
  ...batchSettings,
}).refine(({ split, tuneOn, scoreOn }) => split === undefined || (tuneOn === undefined && scoreOn === undefined), {
  path: ['split'], message: 'give either a split, or one to tune on and one to score on',
}).refine(({ tuneOn, scoreOn }) => (tuneOn === undefined) === (scoreOn === undefined), {
  path: ['tuneOn'], message: 'give both tuneOn and scoreOn, or neither',
});

export type AblateConfig = z.infer<typeof ablateSchema>;
