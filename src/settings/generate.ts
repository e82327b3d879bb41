import { z } from 'zod';
import { VOC } from '../datasets/classes/voc.js';
import { UserError } from '../errors.js';
import { parseRefiners } from '../maps/refine/refiners.js';
import { batchSettings, runtimeSettings, workerSettings } from '../runtime/settings.js';
import { thresholdsByClass } from '../seeds/settings.js';
import { setting } from '../setting.js';
import { devkitSettings, labelSourceSettings } from '../datasets/settings.js';
import { studentSettings } from '../student/settings.js';
import { seedSettings } from './cam.js';
import { sharedSettings } from './shared.js';

const group = 'Output';

/** Every setting of `generate` that a settings file may contain. */
export const generateSchema = z.strictObject({
  ...devkitSettings,
  ...labelSourceSettings,
  ...sharedSettings,
  ...seedSettings,
  agree: setting(z.array(z.string().min(1)).min(1).optional(), {
    group: 'Seeds', value: 'preset or file,...',
    help: 'also make seeds with these settings; pixels whose labels differ become 255 (ignored)', otherwise: 'none',
  }),
  ...studentSettings,
  png: setting(z.enum(['palette', 'gray']).default('palette'), { group, value: 'format', help: 'palette: 8-bit indexed with the VOC palette; gray: 8-bit grayscale' }),
  saveCams: setting(z.boolean().default(false), {
    group, help: 'also write the maps to cams/<id>.npz: keys (class indices), maps [K, H, W] and layer_<i> [K, h, w] for each layer',
  }),
  saveUnrefined: setting(z.boolean().default(false), {
    group, help: 'also write the seeds without --refine to SegmentationClassUnrefined/<id>.png',
  }),
  soft: setting(z.boolean().default(false), {
    group, help: 'also write the confidence of each pixel\'s label, 0..255, to Confidence/<id>.png',
  }),
  ...runtimeSettings,
  ...workerSettings,
  ...batchSettings,
}).refine(
  ({ threshold, backgroundThreshold }) => backgroundThreshold === undefined || backgroundThreshold <= threshold,
  { path: ['backgroundThreshold'], message: 'it must not be above {threshold}' },
).check((context) => {
  const { data = 'voc:', classSet, classThresholds } = context.value;
  // Other classes are only known once the data set is open.
  if (classSet !== undefined || !data.startsWith('voc:')) return;
  try {
    thresholdsByClass(classThresholds, VOC);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    context.issues.push({ code: 'custom', path: ['classThresholds'], message: `${error.message}; ${error.hint}`, input: classThresholds });
  }
}).refine(
  ({ student, camWeight, camSeeds, saveUnrefined, saveCams, agree }) => (
    student === undefined || (camWeight > 0 && camSeeds === undefined) || (!saveUnrefined && !saveCams && agree === undefined)),
  { path: ['camWeight'], message: 'with {student}, maps are only made if it is above 0 and there are no {camSeeds}; {agree}, {saveCams} and {saveUnrefined} need them' },
).refine(
  ({ saveUnrefined, refine }) => !saveUnrefined || parseRefiners(refine).length > 0,
  { path: ['saveUnrefined'], message: 'there is nothing to save because nothing is refined: name a refiner, for example --refine pamr, or leave it out' },
);

export type GenerateConfig = z.infer<typeof generateSchema>;
