import { UserError } from '../../errors.js';
import { explainIssues } from '../../formats/yaml/issues.js';
import type { z } from 'zod';
import { ablateSchema } from '../../settings/ablate.js';
import { AXIS_NAMES, gridSchemaOf, mapVariantOf } from '../../settings/axes.js';
import type { Grid, NamedVariant } from '../../settings/axes.js';
import { loadConfig, placeOfFlag } from '../../settings/load.js';
import { chooseLayers } from '../../cam/layer-choice.js';
import type { LoadedClassifier } from '../../classifier/load.js';
import { expandGrid } from '../../variants/grid.js';
import { resolveVariants } from '../../variants/variant.js';
import type { Variant } from '../../variants/variant.js';
import { sayModelNotes } from '../text/model-notes.js';
import { givenSettings } from './setting-options.js';

type MapGridConfig = Parameters<typeof mapVariantOf>[0] & { readonly grid: Grid; readonly variants: readonly NamedVariant[] };

/** The axes that flags give. */
interface GivenAxes {
  /** For each given axis, its value if there is one; `undefined` if there are several. */
  readonly single: Readonly<Record<string, unknown>>;
  /** The axes with several values. */
  readonly grid: Grid;
}

/**
 * Loads the settings of a command with variants. A flag with one value is a base setting. A flag with several is an axis of the grid.
 * Both override the file.
 *
 * @param start a preset or a file
 * @throws UserError like {@link loadConfig}
 */
export async function loadGridConfig<S extends z.ZodObject<{ readonly grid: z.ZodType<Grid> }>>(
  schema: S, start: string, flags: object,
): Promise<z.infer<S>> {
  const given = givenSettings(schema.shape, flags);
  const { single, grid } = givenAxes(given);
  const config = await loadConfig(schema, start, { ...given, ...single });
  const kept = Object.entries(config.grid).filter(([axis]) => single[axis] === undefined);
  return { ...config, grid: { ...Object.fromEntries(kept), ...grid } };
}

/**
 * The variants of a command that compares maps. Prints notes about the classifier and its layers.
 *
 * @throws UserError like {@link resolveVariants}
 */
export function mapVariants(classifier: LoadedClassifier, config: MapGridConfig): readonly Variant[] {
  const { graph } = classifier;
  const { variants } = resolveVariants(graph, expandGrid(mapVariantOf(config), config.grid, config.variants));
  sayModelNotes(classifier, ...variants.map(({ settings: { layers, method } }) => chooseLayers(graph, layers, method)));
  return variants;
}

/**
 * Separates flags with one value, which are base settings, from those with several, which are axes of a grid.
 *
 * @param given the settings that are given as flags; each axis is a list
 * @throws UserError if a value of an axis is not valid
 */
function givenAxes(given: Readonly<Record<string, unknown>>): GivenAxes {
  const axes = AXIS_NAMES.filter((axis) => given[axis] !== undefined).map((axis) => [axis, given[axis] as readonly unknown[]] as const);
  return {
    single: Object.fromEntries(axes.map(([axis, values]) => [axis, values.length === 1 ? values[0] : undefined])),
    grid: parseGrid(Object.fromEntries(axes.filter(([, values]) => values.length > 1))),
  };
}

function parseGrid(grid: unknown): Grid {
  const schema = gridSchemaOf(AXIS_NAMES);
  const parsed = schema.safeParse(grid);
  if (!parsed.success) throw new UserError(explainIssues(parsed.error, schema, grid, placeOfFlag(ablateSchema)));
  return parsed.data as Grid;
}
