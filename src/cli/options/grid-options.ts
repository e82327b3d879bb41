import { UserError } from '../../errors.js';
import { explainIssues } from '../../formats/yaml/issues.js';
import type { Grid } from '../../settings/ablate.js';
import { ablateSchema, AXIS_NAMES, gridSchema } from '../../settings/ablate.js';
import { placeOfFlag } from '../../settings/load.js';

/** The axes that flags give. */
export interface GivenAxes {
  /** For each given axis, its value if there is one; `undefined` if there are several. */
  readonly single: Readonly<Record<string, unknown>>;
  /** The axes with several values. */
  readonly grid: Grid;
}

/**
 * Separates flags with one value, which are base settings, from those with several, which are axes of a grid.
 *
 * @param given the settings that are given as flags; each axis is a list
 * @throws UserError if a value of an axis is not valid
 */
export function givenAxes(given: Readonly<Record<string, unknown>>): GivenAxes {
  const axes = AXIS_NAMES.filter((axis) => given[axis] !== undefined).map((axis) => [axis, given[axis] as readonly unknown[]] as const);
  return {
    single: Object.fromEntries(axes.map(([axis, values]) => [axis, values.length === 1 ? values[0] : undefined])),
    grid: parseGrid(Object.fromEntries(axes.filter(([, values]) => values.length > 1))),
  };
}

function parseGrid(grid: unknown): Grid {
  const parsed = gridSchema.safeParse(grid);
  if (!parsed.success) throw new UserError(explainIssues(parsed.error, gridSchema, grid, placeOfFlag(ablateSchema)));
  return parsed.data;
}
