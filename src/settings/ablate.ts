import { z } from 'zod';
import { IGNORED_AS } from '../metrics/scores.js';
import { runtimeSettings, workerSettings } from '../runtime/settings.js';
import type { AxisOf } from '../setting.js';
import { infoOf, kebabCase, setting, valueSchema } from '../setting.js';
import { devkitSettings, labelSourceSettings } from '../voc/settings.js';
import { camSettings, seedSettings } from './cam.js';
import type { SeedSettings } from './cam.js';
import { sharedSettings } from './shared.js';

/** The settings that variants may differ in. */
export type AxisName = AxisOf<typeof seedSettings>;
export const AXIS_NAMES = (Object.keys(seedSettings) as (keyof SeedSettings)[])
  .filter((name) => infoOf(seedSettings[name])?.axis !== undefined) as readonly AxisName[];

/** All settings of one variant. */
export type VariantSettings = Pick<SeedSettings, AxisName>;

/** The schemas of {@link VariantSettings}, with the defaults of `generate`. */
export const variantSettings = Object.fromEntries(AXIS_NAMES.map((name) => [name, seedSettings[name]])) as Pick<typeof seedSettings, AxisName>;

/** How a setting is put into a variant's name: `gamma 2`. */
export function axisText<Name extends AxisName>(name: Name, value: VariantSettings[Name]): string {
  const text = infoOf(seedSettings[name])?.axis;
  return typeof text === 'function' ? text(value as never) : `${kebabCase(name)} ${String(value)}`;
}

/** The values of some settings, each with all values of the others. */
export type Grid = { readonly [Name in AxisName]?: readonly VariantSettings[Name][] };

/** A variant with its own name; what it does not set is as in the base settings. */
export type NamedVariant = Partial<VariantSettings> & { readonly name: string };

const valueSchemas = AXIS_NAMES.map((name) => [name, valueSchema(seedSettings[name])] as const);

/** The schema of a {@link Grid}. The types of objects that are made from a table are lost on the way. */
export const gridSchema = z.strictObject(
  Object.fromEntries(valueSchemas.map(([name, schema]) => [name, z.array(schema).min(1).optional()])),
);
const namedSchema = z.strictObject({
  name: z.string().min(1),
  ...Object.fromEntries(valueSchemas.map(([name, schema]) => [name, z.optional(schema)])),
});

const group = 'Scoring';
const { target, scoreCamTopK, scoreCamBatch, inputSize, maxPixels } = camSettings;

/** Every setting of `ablate` that a configuration file may hold. */
export const ablateSchema = z.strictObject({
  ...devkitSettings,
  tuneOn: setting(z.string().optional(), { group: 'Input', value: 'name|file', help: 'choose thresholds on this split or list' }),
  scoreOn: setting(z.string().optional(), { group: 'Input', value: 'name|file', help: 'and score with them on this one' }),
  ...labelSourceSettings,
  ...sharedSettings,
  ...variantSettings,
  target, scoreCamTopK, scoreCamBatch, inputSize, maxPixels,
  grid: setting((gridSchema as unknown as z.ZodType<Grid>).default({}), { group: 'Variants', flag: false, help: 'lists of values by setting: all combinations are variants' }),
  variants: setting(z.array(namedSchema as unknown as z.ZodType<NamedVariant>).default([]), { group: 'Variants', flag: false, help: 'variants by name, each with the settings in which it differs' }),
  thresholds: setting(z.number().int().min(2).max(1000).default(60), { group, value: 'n', help: 'try the thresholds 0, 1/n, 2/n, ...' }),
  alphas: setting(z.array(z.number().positive()).min(1).default([1, 2, 4, 8, 16, 32]), { group, value: 'a,...', help: 'what --background power tries' }),
  percentiles: setting(z.array(z.number().min(0).max(100)).min(1).default([30, 40, 50, 60, 65, 70, 75, 80, 85, 90, 95]), {
    group, value: 'p,...', help: 'what --background percentile tries',
  }),
  ignoredAs: setting(z.enum(IGNORED_AS).default('error'), { group, value: 'how', help: 'how pixels labelled 255 by --conflict ignore count' }),
  bootstrap: setting(z.number().int().min(0).max(100_000).default(1000), { group, value: 'n', help: 'resamples of the images for the intervals, 0 for none' }),
  seed: setting(z.number().int().min(0).default(1), { group, value: 'n', help: 'of the resamples' }),
  baseline: setting(z.string().optional(), { group, value: 'name', help: 'the variant that the others are compared with, or best', otherwise: 'the first one' }),
  ...runtimeSettings,
  ...workerSettings,
}).refine(({ split, tuneOn, scoreOn }) => split === undefined || (tuneOn === undefined && scoreOn === undefined), {
  path: ['split'], message: 'give either a split, or one to tune on and one to score on',
}).refine(({ tuneOn, scoreOn }) => (tuneOn === undefined) === (scoreOn === undefined), {
  path: ['tuneOn'], message: 'tuneOn and scoreOn go together',
});

export type AblateConfig = z.infer<typeof ablateSchema>;
