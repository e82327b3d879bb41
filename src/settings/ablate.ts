import { z } from 'zod';
import { camSettings, seedSettings } from './cam.js';
import { workerSettings, runtimeSettings } from './runtime.js';
import { labelsText } from './labels.js';

/** What variants may differ in, with the defaults of `generate`. */
export const variantSettings = {
  method: camSettings.method,
  layers: camSettings.layers,
  layerNorm: camSettings.layerNorm,
  scaleLayers: camSettings.scaleLayers,
  gamma: camSettings.gamma,
  fuse: camSettings.fuse,
  upsample: camSettings.upsample,
  alignCorners: camSettings.alignCorners,
  mapNorm: camSettings.mapNorm,
  scales: camSettings.scales,
  flip: camSettings.flip,
  scaleNorm: camSettings.scaleNorm,
  scaleFuse: camSettings.scaleFuse,
  fuseFirst: camSettings.fuseFirst,
  edgeUpsample: seedSettings.edgeUpsample,
  refine: seedSettings.refine,
  refineNorm: seedSettings.refineNorm,
  background: seedSettings.background,
  conflict: seedSettings.conflict,
  conflictMargin: seedSettings.conflictMargin,
};

/** All settings of one variant. */
export type VariantSettings = z.infer<z.ZodObject<typeof variantSettings>>;
export type AxisName = keyof VariantSettings;
export const AXIS_NAMES = Object.keys(variantSettings) as readonly AxisName[];

/** The values of some settings, each with all values of the others. */
export type Grid = { readonly [Name in AxisName]?: readonly VariantSettings[Name][] };

/** A variant with a name of its own; what it does not set is as in the base settings. */
export type NamedVariant = Partial<VariantSettings> & { readonly name: string };

/** The schema of a {@link Grid}; the types of objects that are made of a table are lost on the way. */
export const gridSchema = z.strictObject(
  Object.fromEntries(Object.entries(variantSettings).map(([name, schema]) => [name, z.array(schema.unwrap()).min(1).optional()])),
) as unknown as z.ZodType<Grid>;
const namedSchema = z.strictObject({
  name: z.string().min(1),
  ...Object.fromEntries(Object.entries(variantSettings).map(([name, schema]) => [name, schema.unwrap().optional()])),
}) as unknown as z.ZodType<NamedVariant>;

/** Every setting of `ablate` that a configuration file may hold, by the names of the flags in camelCase. */
export const ablateSchema = z.strictObject({
  ...variantSettings,
  target: camSettings.target,
  scoreCamTopK: camSettings.scoreCamTopK,
  scoreCamBatch: camSettings.scoreCamBatch,
  inputSize: camSettings.inputSize,
  maxPixels: camSettings.maxPixels,
  grid: gridSchema.default({}),
  variants: z.array(namedSchema).default([]),
  /** Steps of the sweep: the thresholds 0, 1/n, 2/n, ... */
  thresholds: z.number().int().min(2).max(1000).default(60),
  /** What is tried with the backgrounds `power` and `percentile`. */
  alphas: z.array(z.number().positive()).min(1).default([1, 2, 4, 8, 16, 32]),
  percentiles: z.array(z.number().min(0).max(100)).min(1).default([30, 40, 50, 60, 65, 70, 75, 80, 85, 90, 95]),
  ignoredAs: z.enum(['error', 'background', 'excluded']).default('error'),
  /** Resamples of the images; 0 for no intervals. */
  bootstrap: z.number().int().min(0).max(100_000).default(1000),
  seed: z.number().int().min(0).default(1),
  /** The variant that the others are compared with; the first one unless given. */
  baseline: z.string().optional(),
  ...runtimeSettings,
  model: z.string().optional(),
  vocRoot: z.string().optional(),
  split: z.string().optional(),
  tuneOn: z.string().optional(),
  scoreOn: z.string().optional(),
  labels: labelsText.optional(),
  labelFile: z.string().optional(),
  difficult: z.boolean().optional(),
  out: z.string().optional(),
  ...workerSettings,
}).refine(({ split, tuneOn, scoreOn }) => split === undefined || (tuneOn === undefined && scoreOn === undefined), {
  path: ['split'], message: 'give either a split, or one to tune on and one to score on',
}).refine(({ tuneOn, scoreOn }) => (tuneOn === undefined) === (scoreOn === undefined), {
  path: ['tuneOn'], message: 'tuneOn and scoreOn go together',
});

export type AblateConfig = z.infer<typeof ablateSchema>;
