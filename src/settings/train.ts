import { z } from 'zod';
import { inputSizeText } from './cam.js';
import { labelsText } from './labels.js';
import { workerSettings, runtimeSettings } from './runtime.js';

const share = z.number().min(0).max(1);
const pixels = z.number().int().positive();

const furtherList = z.strictObject({
  vocRoot: z.string().optional(),
  split: z.string(),
  labels: labelsText.optional(),
  labelFile: z.string().optional(),
});

/** Every setting of `train` that a configuration file may hold, by the names of the flags in camelCase. */
export const trainSchema = z.strictObject({
  mode: z.enum(['head', 'full']).default('head'),
  backbone: z.string().optional(),
  layer: z.string().optional(),
  outputStride: z.number().int().positive().optional(),
  vocRoot: z.string().optional(),
  split: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
  labels: labelsText.optional(),
  labelFile: z.string().optional(),
  difficult: z.boolean().optional(),
  alsoTrainOn: z.array(furtherList).default([]),
  valSplit: z.string().optional(),
  valLabels: labelsText.optional(),
  out: z.string().optional(),
  inputSizes: z.array(inputSizeText).min(1).default(['short:320']),
  flip: z.boolean().default(true),
  folds: z.number().int().min(2).default(5),
  seed: z.number().int().min(0).default(0),
  cache: z.string().optional(),
  ...runtimeSettings,
  ...workerSettings,
  trainFrom: z.string().optional(),
  initHead: z.enum(['fit', 'zero']).default('fit'),
  headBias: z.boolean().default(true),
  epochs: z.number().int().positive().default(10),
  batchSize: z.number().int().positive().default(16),
  accumulate: z.number().int().positive().default(1),
  optimiser: z.enum(['sgd', 'lars']).default('sgd'),
  rate: z.number().positive().default(0.0002),
  headRate: z.number().positive().default(10),
  warmUp: share.default(0.05),
  decay: z.enum(['poly', 'cosine', 'constant']).default('poly'),
  momentum: share.default(0.9),
  weightDecay: z.number().min(0).default(1e-4),
  average: share.default(0.99),
  sampler: z.enum(['shuffle', 'balanced']).default('shuffle'),
  crop: pixels.default(224),
  resize: z.tuple([pixels, pixels]).refine(([least, greatest]) => least <= greatest, 'the smaller size must come first').default([224, 320]),
  aspect: z.number().min(1).default(1),
  jitter: share.default(0.3),
  erase: share.default(0),
  checkpointEvery: z.number().int().positive().default(200),
  keep: z.enum(['last', 'best']).default('last'),
  work: z.string().optional(),
});

export type TrainConfig = z.infer<typeof trainSchema>;

/** The settings of `train` as a user writes them: what is left out has its default. */
export type TrainSettings = z.input<typeof trainSchema>;
