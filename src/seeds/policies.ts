import type { SeedSettings } from '../config/cam.js';
import { parseRefiners } from '../refine/refiners.js';
import { parseUpsampler } from '../refine/upsamplers.js';
import { UserError } from '../errors.js';
import { classIndex } from '../voc/classes.js';
import type { ConflictPolicy } from './assign.js';
import type { BackgroundPolicy } from './background.js';
import type { PhotoMapOptions } from './photo-maps.js';

/** The settings that say what is background and who gets a contested pixel. */
export type PolicySettings = Pick<SeedSettings, 'background' | 'threshold' | 'alpha' | 'percentile' | 'classThresholds' | 'conflict' | 'conflictMargin'>;

/** @throws UserError where a threshold is given for what is no VOC class */
export function backgroundPolicy({ background, threshold, alpha, percentile, classThresholds }: PolicySettings): BackgroundPolicy {
  switch (background) {
    case 'constant': return { kind: 'constant', threshold };
    case 'power': return { kind: 'power', alpha };
    case 'percentile': return { kind: 'percentile', percent: percentile };
    case 'otsu': return { kind: 'otsu' };
    case 'per-class': return {
      kind: 'per-class', otherwise: threshold,
      thresholds: Object.fromEntries(Object.entries(classThresholds).map(([name, value]) => {
        const index = classIndex(name);
        if (index === undefined) throw new UserError(`there is a threshold for '${name}', which is no VOC class`, 'for example classThresholds: { cat: 0.3, person: 0.45 }');
        return [index, value];
      })),
    };
  }
}

export function conflictPolicy({ conflict, conflictMargin }: PolicySettings): ConflictPolicy {
  return conflict === 'ignore' ? { kind: conflict, margin: conflictMargin } : { kind: conflict };
}

/** @throws UserError where a refiner or the upsampler is unknown, or one of its options */
export function photoMapOptions(settings: SeedSettings): PhotoMapOptions {
  const { refine, refineNorm, edgeUpsample, background, alpha } = settings;
  return {
    fusion: settings, refiners: parseRefiners(refine), refineNorm,
    ...(edgeUpsample === 'none' ? {} : { upsampler: parseUpsampler(edgeUpsample) }),
    ...(background === 'power' ? { powerAlpha: alpha } : {}),
  };
}
