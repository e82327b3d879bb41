import type { MapInput } from '../maps/ndarray.js';
import { toMapRows } from '../maps/ndarray.js';
import type { LabelMap } from '../datasets/label-map.js';
import { assignSeeds, giveStrongest, lostClasses } from './assign.js';
import type { ConflictPolicy } from './assign.js';
import type { BackgroundPolicy } from './background.js';
import { thresholdsOf } from './background.js';

/** How seeds are made of maps; plain data, which can be sent to worker threads. */
export interface SeedPolicies {
  readonly background: BackgroundPolicy;
  readonly backgroundThreshold?: number;
  readonly conflict: ConflictPolicy;
  /** The share of the image's pixels for a class that would get none; 0: the class is only reported. */
  readonly rescue: number;
}

/** Seeds, and the classes that were lost. */
export interface Seeds {
  readonly labels: LabelMap;
  /** VOC indices of the image's classes that got no pixel by the policies; `rescue` may have given them some. */
  readonly lost: readonly number[];
}

/**
 * Seeds of one image.
 *
 * @param input maps, one per class, 0..1
 * @param labels the VOC index of each map's class
 * @param background a background map [height, width] that was refined together with the others
 */
export function makeSeeds(input: MapInput, labels: readonly number[], policies: SeedPolicies, background?: Float32Array): Seeds {
  const maps = toMapRows(input);
  // A background map replaces the thresholds: they are only equivalent to it before it is refined.
  const thresholds = background === undefined ? thresholdsOf(policies.background, maps, labels) : labels.map(() => 0);
  const { backgroundThreshold, conflict, rescue } = policies;
  const seeds = assignSeeds(maps, labels, { thresholds, backgroundThreshold, background, conflict });
  const lost = lostClasses(seeds, labels);
  if (rescue > 0) for (const label of lost) giveStrongest(seeds, maps, labels.indexOf(label), label, rescue);
  return { labels: seeds, lost };
}
