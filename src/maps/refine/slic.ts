import { z } from 'zod';
import { iterationsSetting } from './options.js';
import type { RefineMaps } from './refiner.js';
import { slicSuperpixels } from './superpixels.js';

/** Options of {@link slic}. */
export const slicOptions = z.strictObject({
  /** About how many superpixels a picture has. */
  segments: z.number().int().min(1).max(1_000_000).default(400),
  /** How much the distance counts beside the colour: round superpixels, or such that follow every edge. */
  compactness: z.number().positive().max(1000).default(10),
  iterations: iterationsSetting.default(10),
});

/**
 * Voting of superpixels: every pixel takes the mean of the map over its SLIC superpixel (Achanta et al., TPAMI 2012), so
 * that maps are constant within superpixels and change only at their edges.
 */
export const slic: RefineMaps<z.infer<typeof slicOptions>> = (maps, image, size, options) => {
  const { labels, count } = slicSuperpixels(image, size, options);
  const pixels = new Float64Array(count);
  for (const label of labels) pixels[label]++;
  const result = new Float32Array(maps.length);
  for (let start = 0; start < maps.length; start += labels.length) {
    const sums = new Float64Array(count);
    for (let i = 0; i < labels.length; i++) sums[labels[i]] += maps[start + i];
    for (let i = 0; i < labels.length; i++) result[start + i] = sums[labels[i]] / pixels[labels[i]];
  }
  return result;
};
