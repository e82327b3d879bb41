import type { SeedSettings } from '../settings/cam.js';
import type { ConflictPolicy } from '../seeds/assign.js';
import type { BackgroundPolicy } from '../seeds/background.js';
import type { SeedPolicies } from '../seeds/make-seeds.js';
import { thresholdsByClass } from '../seeds/settings.js';

/** The settings that make seeds of maps: what is background, and who gets a contested pixel. */
export type PolicySettings = Pick<
  SeedSettings, 'background' | 'threshold' | 'backgroundThreshold' | 'alpha' | 'percentile' | 'classThresholds' | 'conflict' | 'conflictMargin' | 'rescue'
>;

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

function conflictPolicy({ conflict, conflictMargin }: PolicySettings): ConflictPolicy {
  return conflict === 'ignore' ? { kind: conflict, margin: conflictMargin } : { kind: conflict };
}

/** @throws UserError if a threshold is given for what is not a VOC class, or two for one class */
export function seedPolicies(settings: PolicySettings): SeedPolicies {
  const { backgroundThreshold, rescue } = settings;
  return { background: backgroundPolicy(settings), conflict: conflictPolicy(settings), backgroundThreshold, rescue };
}
