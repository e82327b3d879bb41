import { z } from 'zod';
import { applyModel, guideOf, linearModels } from './linear-model.js';
import { ridgeSetting } from './options.js';
import type { RefineMaps } from './refiner.js';

/** Options of {@link guided}. */
export const guidedOptions = z.strictObject({
  /** Windows are 2 radius + 1 pixels wide and high. */
  radius: z.number().int().min(1).max(1024).default(8),
  /** Differences of colours (0..1) whose square is far below this are smoothed away. */
  eps: ridgeSetting.default(0.01),
  guide: z.enum(['colour', 'gray']).default('colour'),
});

/**
 * The guided filter (He, Sun and Tang, ECCV 2010; TPAMI 2013, equations 13 to 16, for colour 19 to 21): near each pixel the map
 * becomes a linear function of the photograph, so that it has the same edges.
 *
 *     q(i) = mean(a)(i) . I(i) + mean(b)(i)     clipped to 0..1
 *
 * Windows are cut at the edges of the picture. A constant map does not change.
 */
export const guided: RefineMaps<z.infer<typeof guidedOptions>> = (maps, image, size, { radius, eps, guide: kind }) => {
  const guide = guideOf(image, size, kind);
  const area = size[0] * size[1];
  const result = new Float32Array(maps.length);
  linearModels(maps, guide, radius, eps).forEach((model, k) => applyModel(model, guide, result.subarray(k * area, (k + 1) * area)));
  return result;
};
