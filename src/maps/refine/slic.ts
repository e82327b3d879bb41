import { z } from 'zod';
import { iterationsSetting } from './options.js';
import type { RefineMaps } from './refiner.js';
import { slicSuperpixels } from './superpixels.js';

/** Options of {@link slic}. */
export const slicOptions = z.strictObject({
  /** The approximate number of superpixels. */
  segments: z.number().int().min(1).max(1_000_000).default(400),
  /** The weight of distances relative to colours: large for round superpixels, small for ones that follow every edge. */
  compactness: z.number().positive().max(1000).default(10),
  iterations: iterationsSetting.default(10),
});

/**
 * Replaces every pixel by the mean of the map over its SLIC superpixel (Achanta et al., TPAMI 2012).
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
