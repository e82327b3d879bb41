import { z } from 'zod';
import { labelSettings } from '../seeds/settings.js';
import type { AxisOf } from '../setting.js';
import { infoOf, kebabCase, setting, valueSchema } from '../setting.js';
import { seedSettings } from './cam.js';
import type { SeedSettings } from './cam.js';

/** The settings that variants may differ in. */
export type AxisName = AxisOf<typeof seedSettings>;
export const AXIS_NAMES = (Object.keys(seedSettings) as (keyof SeedSettings)[])
  .filter((name) => infoOf(seedSettings[name])?.axis !== undefined) as readonly AxisName[];

type MapAxis = Exclude<AxisName, keyof typeof labelSettings>;

/** Those of them that maps depend on. */
export const MAP_AXES = AXIS_NAMES.filter((name): name is MapAxis => !Object.hasOwn(labelSettings, name));

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

/** The schema of a {@link Grid}, without its type, which is lost in `Object.fromEntries`. */
export function gridSchemaOf(axes: readonly AxisName[]): z.ZodObject {
  return z.strictObject(Object.fromEntries(axes.map((name) => [name, z.array(valueSchema(seedSettings[name])).min(1).optional()])));
}

interface VariantListSettings {
  readonly grid: z.ZodDefault<z.ZodType<Grid>>;
  readonly variants: z.ZodDefault<z.ZodType<NamedVariant[]>>;
}

/** The settings of a file that list variants. */
export function variantListSettings(axes: readonly AxisName[]): VariantListSettings {
  const optional = axes.map((name) => [name, z.optional(valueSchema(seedSettings[name]))] as const);
  const named = z.strictObject({ name: z.string().min(1), ...Object.fromEntries(optional) });
  const info = { group: 'Variants', flag: false } as const;
  return {
    grid: setting((gridSchemaOf(axes) as unknown as z.ZodType<Grid>).default({}), { ...info, help: 'lists of values by setting: all combinations are variants' }),
    variants: setting(z.array(named as unknown as z.ZodType<NamedVariant>).default([]), { ...info, help: 'named variants, each with the settings that differ from the others' }),
  };
}

/** {@link variantListSettings} of the commands whose variants differ in maps alone. */
export const mapVariantSettings = variantListSettings(MAP_AXES);

/** The settings that variants of maps start from. Those of labels, which have no effect on maps, have their defaults. */
export function mapVariantOf(config: Pick<VariantSettings, MapAxis>): VariantSettings {
  const labels = z.object(labelSettings).parse({});
  const maps = Object.fromEntries(MAP_AXES.map((name) => [name, config[name]])) as Pick<VariantSettings, MapAxis>;
  return { ...labels, ...maps };
}
