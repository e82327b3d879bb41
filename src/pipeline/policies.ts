import type { SeedSettings } from '../settings/cam.js';
import type { ClassSet } from '../datasets/classes/class-set.js';
import { VOC } from '../datasets/classes/voc.js';
import type { ConflictPolicy } from '../seeds/assign.js';
import type { BackgroundPolicy } from '../seeds/background.js';
import type { SeedPolicies } from '../seeds/make-seeds.js';
import { thresholdsByClass } from '../seeds/settings.js';

/** The settings that decide how seeds are made of maps. */
export type PolicySettings = Pick<
  SeedSettings, 'background' | 'threshold' | 'backgroundThreshold' | 'alpha' | 'percentile' | 'classThresholds' | 'conflict' | 'conflictMargin' | 'rescue'
>;

function backgroundPolicy({ background, threshold, alpha, percentile, classThresholds }: PolicySettings, classes: ClassSet): BackgroundPolicy {
  switch (background) {
    case 'constant': return { kind: 'constant', threshold };
    case 'power': return { kind: 'power', alpha };
    case 'percentile': return { kind: 'percentile', percent: percentile };
    case 'otsu': return { kind: 'otsu' };
    case 'per-class': return {
      kind: 'per-class', otherwise: threshold,
      thresholds: thresholdsByClass(classThresholds, classes),
    };
  }
}

function conflictPolicy({ conflict, conflictMargin }: PolicySettings): ConflictPolicy {
  return conflict === 'ignore' ? { kind: conflict, margin: conflictMargin } : { kind: conflict };
}

/**
 * @param classes default: VOC
 * @throws UserError if a threshold is for a name that is not a class, or a class has two thresholds
 */
export function seedPolicies(settings: PolicySettings, classes: ClassSet = VOC): SeedPolicies {
  const { backgroundThreshold, rescue } = settings;
  return { background: backgroundPolicy(settings, classes), conflict: conflictPolicy(settings), backgroundThreshold, rescue };
}

/** The policies of a student's seeds. Its background is a map of probabilities, so there is no threshold. */
export function studentPolicies(settings: PolicySettings, classes: ClassSet = VOC): SeedPolicies {
  const { conflict, rescue } = seedPolicies(settings, classes);
  return { background: { kind: 'constant', threshold: 0 }, conflict, rescue };
}
