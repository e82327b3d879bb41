import type { AxisName, Grid, NamedVariant, VariantSettings } from '../settings/axes.js';
import { AXIS_NAMES, axisText } from '../settings/axes.js';

/** A variant with all its settings, including those that have no effect. */
export interface WantedVariant {
  /** Default: made of the settings in which variants differ. */
  readonly name?: string;
  readonly settings: VariantSettings;
}

/**
 * All variants: the cross product of the grid's values, with the last axis running fastest, followed by the named variants.
 * If there are neither, the base settings are the only variant.
 *
 * @param base the settings of a variant that neither the grid nor a named variant changes
 */
export function expandGrid(base: VariantSettings, grid: Grid, named: readonly NamedVariant[]): WantedVariant[] {
  const axes = AXIS_NAMES.filter((axis) => grid[axis] !== undefined);
  const product = axes.length === 0 && named.length > 0
    ? []
    : axes.reduce(
        (variants, axis) => variants.flatMap((settings) => grid[axis]!.map((value): VariantSettings => ({ ...settings, [axis]: value }))),
        [base],
      );
  return [
    ...product.map((settings) => ({ settings })),
    ...named.map(({ name, ...changes }) => ({ name, settings: { ...base, ...given(changes) } })),
  ];
}

function given(changes: Partial<VariantSettings>): Partial<VariantSettings> {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}

/**
 * Names of variants, made of the settings in which they differ, without those that have no effect on a variant.
 *
 * @param variants with the settings that have an effect
 */
export function nameVariants(variants: readonly { readonly name?: string; readonly effective: Partial<VariantSettings> }[]): string[] {
  const values = (axis: AxisName): unknown[] => variants.map(({ effective }) => effective[axis]).filter((value) => value !== undefined);
  const differing = AXIS_NAMES.filter((axis) => new Set(values(axis).map((value) => JSON.stringify(value))).size > 1);
  const used = new Map<string, number>();
  return variants.map(({ name, effective }) => {
    const parts = differing.filter((axis) => effective[axis] !== undefined).map((axis) => axisText(axis, effective[axis]!));
    const own = name ?? (parts.length === 0 ? 'base settings' : parts.join(' '));
    const times = (used.get(own) ?? 0) + 1;
    used.set(own, times);
    return times === 1 ? own : `${own} (${times})`;
  });
}
