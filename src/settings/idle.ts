import type { SettingTable } from '../setting.js';
import { infoOf } from '../setting.js';
import type { VariantSettings } from './axes.js';
import { seedSettings } from './cam.js';

/**
 * The settings that have no effect with these values of the others, each with what would give it one.
 *
 * @param layerCount the number of fused layers; default: as many as the settings name
 * @param table the settings to check
 */
export function idleSettings(
  settings: VariantSettings, layerCount = settings.layers.length, table: SettingTable = seedSettings,
): Map<string, string> {
  return new Map(Object.entries(table).flatMap(([name, schema]) => {
    const needs = infoOf(schema)?.needs?.({ ...settings, layerCount } as never);
    return needs === undefined ? [] : [[name, needs]];
  }));
}
