import { z } from 'zod';
import { seedSettings } from './cam.js';
import { labelsText } from './labels.js';
import { workerSettings, runtimeSettings } from './runtime.js';

/** Every setting of `generate` that a configuration file may hold, by the names of the flags in camelCase. */
export const generateSchema = z.strictObject({
  ...seedSettings,
  model: z.string().optional(),
  vocRoot: z.string().optional(),
  split: z.string().optional(),
  labels: labelsText.optional(),
  labelFile: z.string().optional(),
  difficult: z.boolean().optional(),
  out: z.string().optional(),
  png: z.enum(['palette', 'gray']).default('palette'),
  saveCams: z.boolean().default(false),
  saveUnrefined: z.boolean().default(false),
  ...runtimeSettings,
  ...workerSettings,
}).refine(
  ({ threshold, backgroundThreshold }) => backgroundThreshold === undefined || backgroundThreshold <= threshold,
  { path: ['backgroundThreshold'], message: 'it must not be above {threshold}' },
);

export type GenerateConfig = z.infer<typeof generateSchema>;
