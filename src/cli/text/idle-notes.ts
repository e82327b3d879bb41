import { flagOf } from '../../setting.js';
import type { VariantSettings } from '../../settings/axes.js';
import { generateSchema } from '../../settings/generate.js';
import { idleSettings } from '../../settings/idle.js';
import type { MaskFlags } from '../options/devkit-options.js';

/**
 * Notes about flags that have no effect.
 *
 * @param given the settings that are given as flags
 */
export function idleNotes(
  given: Readonly<Record<string, unknown>>, settings: VariantSettings & { readonly labels?: string | undefined }, { rgbMasks }: MaskFlags = {},
): string[] {
  const idle = [...idleSettings(settings, undefined, generateSchema.shape)]
    // `all` scales even a single layer, so the other two values are a choice and not idle.
    .filter(([name]) => given[name] !== undefined && name !== 'scaleLayers')
    .map(([name, needs]) => [flagOf(name), needs]);
  if (rgbMasks !== undefined && settings.labels?.startsWith('masks') !== true) idle.push(['--rgb-masks', '--labels masks']);
  return idle.map(([flag, needs]) => `note: ${flag} has no effect here; it needs ${needs}`);
}
