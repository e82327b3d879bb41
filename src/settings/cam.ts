import type { z } from 'zod';
import { camSettings as methodSettings } from '../cam/settings.js';
import { imageSettings } from '../image/settings.js';
import { fusionSettings, refineSettings } from '../maps/settings.js';
import { labelSettings } from '../seeds/settings.js';

/** The settings of class activation maps: method, target, layers, input size and fusion. */
export const camSettings = { ...methodSettings, ...imageSettings, ...fusionSettings };

/** The settings of seeds: everything that a label map depends on, except the model and the photograph. */
export const seedSettings = { ...camSettings, ...refineSettings, ...labelSettings };

/** {@link seedSettings} as a type. */
export type SeedSettings = z.infer<z.ZodObject<typeof seedSettings>>;
