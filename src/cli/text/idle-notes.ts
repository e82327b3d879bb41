import { flagOf } from '../../setting.js';
import type { VariantSettings } from '../../settings/axes.js';
import { seedSettings } from '../../settings/cam.js';
import { generateSchema } from '../../settings/generate.js';
import { idleSettings } from '../../settings/idle.js';
import type { MaskFlags } from '../options/devkit-options.js';

interface StudentChoice {
  readonly student?: string | undefined;
  readonly camWeight?: number;
  readonly camSeeds?: string | undefined;
}

/** The settings of class activation maps and their seeds, without those that a student's seeds depend on too. */
const CAM_ONLY: ReadonlySet<string> = new Set(
  ['model', ...Object.keys(seedSettings)].filter((name) => !['conflict', 'conflictMargin', 'rescue'].includes(name)),
);

/** Whether only a student runs. */
function isAlone({ student, camWeight = 0, camSeeds }: StudentChoice): boolean {
  return student !== undefined && (camWeight === 0 || camSeeds !== undefined);
}

/**
 * Notes about flags that have no effect.
 *
 * @param given the settings that are given as flags
 */
export function idleNotes(
  given: Readonly<Record<string, unknown>>, settings: VariantSettings & StudentChoice & { readonly labels?: string | undefined },
  { rgbMasks }: MaskFlags = {},
): string[] {
  const idle = [...idleSettings(settings, undefined, generateSchema.shape)]
    // `all` scales even a single layer, so the other two values are a choice and not idle.
    .filter(([name]) => given[name] !== undefined && name !== 'scaleLayers')
    .map(([name, needs]) => [flagOf(name), needs]);
  if (isAlone(settings)) {
    const known = new Set(idle.map(([flag]) => flag));
    idle.push(...Object.keys(given).filter((name) => CAM_ONLY.has(name) && !known.has(flagOf(name))).map((name) => [flagOf(name), '--cam-weight above 0, without --cam-seeds']));
  }
  if (rgbMasks !== undefined && settings.labels?.startsWith('masks') !== true) idle.push(['--rgb-masks', '--labels masks']);
  return idle.map(([flag, needs]) => `note: ${flag} has no effect here; it needs ${needs}`);
}
