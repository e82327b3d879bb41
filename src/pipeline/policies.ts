import type { SeedSettings } from '../settings/cam.js';
import { parseRefiners } from '../maps/refine/refiners.js';
import { parseUpsampler } from '../maps/refine/upsamplers.js';
import type { ConflictPolicy } from '../seeds/assign.js';
import type { BackgroundPolicy } from '../seeds/background.js';
import { thresholdsByClass } from '../seeds/settings.js';
import type { PhotoMapOptions } from '../maps/photo-maps.js';

/** The settings that say what is background and who gets a contested pixel. */
export type PolicySettings = Pick<SeedSettings, 'background' | 'threshold' | 'alpha' | 'percentile' | 'classThresholds' | 'conflict' | 'conflictMargin'>;

/** @throws UserError if a threshold is given for what is not a VOC class, or two for one class */
export function backgroundPolicy({ background, threshold, alpha, percentile, classThresholds }: PolicySettings): BackgroundPolicy {
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

export function conflictPolicy({ conflict, conflictMargin }: PolicySettings): ConflictPolicy {
  return conflict === 'ignore' ? { kind: conflict, margin: conflictMargin } : { kind: conflict };
}

/** @throws UserError if a refiner or the upsampler is unknown, or one of its options */
export function photoMapOptions(settings: SeedSettings): PhotoMapOptions {
  const { refine, refineNorm, edgeUpsample, background, alpha } = settings;
  return {
    fusion: settings, refiners: parseRefiners(refine), refineNorm,
    ...(edgeUpsample.trim() === 'none' ? {} : { upsampler: parseUpsampler(edgeUpsample) }),
    ...(background === 'power' ? { powerAlpha: alpha } : {}),
  };
}
