import { parseLayerChoice } from '../cam/layer-choice.js';
import type { SeedSettings } from '../settings/cam.js';
import type { SettingChecks } from '../settings/checks.js';
import { parseRefiners } from '../maps/refine/refiners.js';
import { parseUpsampler } from '../maps/refine/upsamplers.js';
import { UserError } from '../errors.js';
import { didYouMean } from '../text/nearest.js';
import { classIndex, VOC_CLASSES } from '../voc/classes.js';
import type { ConflictPolicy } from '../seeds/assign.js';
import type { BackgroundPolicy } from '../seeds/background.js';
import type { SeedPolicies } from '../seeds/make-seeds.js';

/** The settings that make seeds of maps: what is background, and who gets a contested pixel. */
export type PolicySettings = Pick<
  SeedSettings, 'background' | 'threshold' | 'backgroundThreshold' | 'alpha' | 'percentile' | 'classThresholds' | 'conflict' | 'conflictMargin' | 'rescue'
>;

/** What settings must say that their schema cannot know: there must be such refiners, upsamplers, methods and classes. */
export const seedChecks = {
  layers: (layers: readonly string[]) => { for (const layer of layers) parseLayerChoice(layer, 'layer-cam'); },
  refine: parseRefiners,
  edgeUpsample: (text: string) => { if (text.trim() !== 'none') parseUpsampler(text); },
  classThresholds: thresholdsByClass,
} satisfies SettingChecks;

function backgroundPolicy({ background, threshold, alpha, percentile, classThresholds }: PolicySettings): BackgroundPolicy {
  switch (background) {
    case 'constant': return { kind: 'constant', threshold };
    case 'power': return { kind: 'power', alpha };
    case 'percentile': return { kind: 'percentile', percent: percentile };
    case 'otsu': return { kind: 'otsu' };
    case 'per-class': return {
      kind: 'per-class', otherwise: threshold,
      thresholds: thresholdsByClass(classThresholds),
    };
  }
}

/** Thresholds by class index 1..20. */
function thresholdsByClass(byName: Readonly<Record<string, number>>): Record<number, number> {
  const thresholds: Record<number, number> = {};
  for (const [name, value] of Object.entries(byName)) {
    const index = classIndex(name);
    if (index === undefined) throw new UserError(`'${name}' is not a VOC class`, didYouMean(name, VOC_CLASSES));
    if (thresholds[index] !== undefined) throw new UserError(`there are two thresholds for ${VOC_CLASSES[index - 1]}`, 'leave one of them out');
    thresholds[index] = value;
  }
  return thresholds;
}

function conflictPolicy({ conflict, conflictMargin }: PolicySettings): ConflictPolicy {
  return conflict === 'ignore' ? { kind: conflict, margin: conflictMargin } : { kind: conflict };
}

/** @throws UserError if a threshold is given for what is not a VOC class, or two for one class */
export function seedPolicies(settings: PolicySettings): SeedPolicies {
  const { backgroundThreshold, rescue } = settings;
  return { background: backgroundPolicy(settings), conflict: conflictPolicy(settings), backgroundThreshold, rescue };
}
