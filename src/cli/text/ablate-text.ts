import type { PassSummary } from '../../ablate/run.js';
import type { VariantList } from '../../variants/variant.js';
import type { AblationWork } from '../../ablate/work.js';
import { ablateSchema } from '../../settings/ablate.js';
import { AXIS_NAMES } from '../../settings/axes.js';
import type { VariantSettings } from '../../settings/axes.js';
import { PRESETS, presetSettings } from '../../settings/presets.js';
import { settingsText } from './ablate-command.js';

/** The plan of an ablation, in two lines. */
export function describePlan({ variants, dropped }: VariantList, { views, layers, methods, maps }: AblationWork, thresholds: number): string {
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
  const plural = dropped === 0 ? '' : `, ${dropped} ${dropped === 1 ? 'duplicate' : 'duplicates'} left out`;
  return [
    `${count(variants.length, 'variant')}${plural}; thresholds 0 to 1 in ${thresholds} steps`,
    `per image ${count(views.length, 'view')}, ${count(layers.length, 'layer')} (${layers.join(', ')}), ${count(methods.length, 'method')} (${methods.join(', ')}); combined in ${count(maps.length, 'way')}`,
  ].join('\n');
}

/**
 * The settings that variants start from, in one line.
 *
 * @param start the preset or file they come from
 */
export function describeBase(base: VariantSettings, start: string): string {
  const preset = PRESETS.find((name) => name === start) ?? 'paper';
  const before = presetSettings(ablateSchema, preset);
  const changes = AXIS_NAMES.filter((axis) => JSON.stringify(base[axis]) !== JSON.stringify(before[axis]));
  const text = changes.length === 0 ? '' : `, except ${settingsText(Object.fromEntries(changes.map((axis) => [axis, base[axis]])))}`;
  return `settings: preset ${preset}${text}`;
}

/** The largest number of failures shown in the terminal. ablation.json lists all. */
const MOST = 20;

/** The summary of a pass. */
export function describePass({ counts, failures, interrupted, seconds, stages }: PassSummary): string {
  const lines = [
    `${counts.measured} images measured in ${seconds.toFixed(1)} s${counts.resumed > 0 ? `, ${counts.resumed} before` : ''} (per image ${stages.read} ms reading, ${stages.cam} CAM, ${stages.variants} variants, ${stages.write} writing)`,
  ];
  if (interrupted) lines.push(`interrupted with ${counts.left} images left: run the same command again to continue`);
  if (failures.length > 0) lines.push(`${failures.length} images failed:`, ...failures.slice(0, MOST).map(({ id, reason }) => `  ${id}: ${reason}`));
  if (failures.length > MOST) lines.push(`  ... and ${failures.length - MOST} more, in ablation.json`);
  return lines.join('\n');
}
