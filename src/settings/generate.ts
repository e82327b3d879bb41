import { z } from 'zod';
import { parseRefiners } from '../maps/refine/refiners.js';
import { runtimeSettings, workerSettings } from '../runtime/settings.js';
import { setting } from '../setting.js';
import { devkitSettings, labelSourceSettings } from '../voc/settings.js';
import { seedSettings } from './cam.js';
import { sharedSettings } from './shared.js';

const group = 'Output';

/** Every setting of `generate` that a configuration file may hold. */
export const generateSchema = z.strictObject({
  ...devkitSettings,
  ...labelSourceSettings,
  ...sharedSettings,
  ...seedSettings,
  png: setting(z.enum(['palette', 'gray']).default('palette'), { group, value: 'format', help: '8-bit indexed with the VOC palette, or plain gray' }),
  saveCams: setting(z.boolean().default(false), {
    group, help: 'also write the maps, cams/<id>.npz with keys (class indices), maps [K, H, W], and those of each layer, layer_<i> [K, h, w]',
  }),
  saveUnrefined: setting(z.boolean().default(false), {
    group, help: 'also write the seeds that there would be without --refine, SegmentationClassUnrefined/<id>.png',
  }),
  ...runtimeSettings,
  ...workerSettings,
}).refine(
  ({ threshold, backgroundThreshold }) => backgroundThreshold === undefined || backgroundThreshold <= threshold,
  { path: ['backgroundThreshold'], message: 'it must not be above {threshold}' },
).refine(
  ({ saveUnrefined, refine }) => !saveUnrefined || parseRefiners(refine).length > 0,
  { path: ['saveUnrefined'], message: 'it has nothing to save because nothing is refined: name a refiner, for example --refine pamr, or leave it out' },
);

export type GenerateConfig = z.infer<typeof generateSchema>;
