import { z } from 'zod';
import { IGNORED_AS } from '../metrics/scores.js';
import { runtimeSettings, workerSettings } from '../runtime/settings.js';
import type { AxisOf } from '../setting.js';
import { infoOf, kebabCase, setting, valueSchema } from '../setting.js';
import { devkitSettings, labelSourceSettings } from '../datasets/settings.js';
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

/** The text of a setting in a variant's name: `gamma 2`. */
export function axisText<Name extends AxisName>(name: Name, value: VariantSettings[Name]): string {
  const text = infoOf(seedSettings[name])?.axis;
  return typeof text === 'function' ? text(value as never) : `${kebabCase(name)} ${String(value)}`;
}

/** Lists of values by setting; all combinations are variants. */
export type Grid = { readonly [Name in AxisName]?: readonly VariantSettings[Name][] };

/** A variant with its own name; other settings are those of the base settings. */
export type NamedVariant = Partial<VariantSettings> & { readonly name: string };

const valueSchemas = AXIS_NAMES.map((name) => [name, valueSchema(seedSettings[name])] as const);

/** The schema of a {@link Grid}, without its type, which is lost in `Object.fromEntries`. */
export const gridSchema = z.strictObject(
  Object.fromEntries(valueSchemas.map(([name, schema]) => [name, z.array(schema).min(1).optional()])),
);
const namedSchema = z.strictObject({
  name: z.string().min(1),
  ...Object.fromEntries(valueSchemas.map(([name, schema]) => [name, z.optional(schema)])),
});

const group = 'Scoring';
const { target, finerStrength, scoreCamTopK, scoreCamBatch, inputSize, maxPixels } = camSettings;

/** Every setting of `ablate` that a configuration file may contain. */
export const ablateSchema = z.strictObject({
  ...devkitSettings,
  tuneOn: setting(z.string().optional(), { group: 'Input', value: 'name|file', help: 'split or list to choose thresholds on' }),
  scoreOn: setting(z.string().optional(), { group: 'Input', value: 'name|file', help: 'split or list to score with these thresholds' }),
  ...labelSourceSettings,
  ...sharedSettings,
  ...variantSettings,
  target, finerStrength, scoreCamTopK, scoreCamBatch, inputSize, maxPixels,
  grid: setting((gridSchema as unknown as z.ZodType<Grid>).default({}), { group: 'Variants', flag: false, help: 'lists of values by setting: all combinations are variants' }),
  variants: setting(z.array(namedSchema as unknown as z.ZodType<NamedVariant>).default([]), { group: 'Variants', flag: false, help: 'named variants, each with the settings that differ from the others' }),
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
}).refine(({ split, tuneOn, scoreOn }) => split === undefined || (tuneOn === undefined && scoreOn === undefined), {
  path: ['split'], message: 'give either a split, or one to tune on and one to score on',
}).refine(({ tuneOn, scoreOn }) => (tuneOn === undefined) === (scoreOn === undefined), {
  path: ['tuneOn'], message: 'give both tuneOn and scoreOn, or neither',
});

export type AblateConfig = z.infer<typeof ablateSchema>;
