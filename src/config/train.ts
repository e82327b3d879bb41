import { z } from 'zod';
import { inputSizeText } from './cam.js';
import { labelsText } from './labels.js';

/** Every setting of `train` that a configuration file may hold, by the names of the flags in camelCase. */
export const trainSchema = z.strictObject({
  mode: z.enum(['head']).default('head'),
  backbone: z.string().optional(),
  layer: z.string().optional(),
  vocRoot: z.string().optional(),
  split: z.string().optional(),
  labels: labelsText.optional(),
  labelFile: z.string().optional(),
  difficult: z.boolean().optional(),
  valSplit: z.string().optional(),
  valLabels: labelsText.optional(),
  out: z.string().optional(),
  inputSizes: z.array(inputSizeText).min(1).default(['short:320']),
  flip: z.boolean().default(true),
  folds: z.number().int().min(2).default(5),
  seed: z.number().int().min(0).default(0),
  cache: z.string().optional(),
  workers: z.number().int().positive().optional(),
});

export type TrainConfig = z.infer<typeof trainSchema>;
