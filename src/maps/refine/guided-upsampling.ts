import { z } from 'zod';
import { cellMeans, upsamplePlanes } from './cells.js';
import { applyModel, guideOf, linearModels } from './linear-model.js';
import type { Guide } from './linear-model.js';
import { ridgeSetting } from './options.js';
import type { UpsampleMaps } from './upsampler.js';

/** Options of {@link guidedUpsampling}. */
export const guidedUpsamplingOptions = z.strictObject({
  /** Windows are 2 radius + 1 cells wide and high. */
  radius: z.number().int().min(1).max(256).default(2),
  eps: ridgeSetting.default(0.01),
  guide: z.enum(['colour', 'gray']).default('colour'),
});

/**
 * The fast guided filter (He and Sun, arXiv:1505.00996, algorithm 2) as an upsampler. Linear models are fitted on the small
 * grid, to the mean colours of its cells. Their coefficients are upsampled bilinearly and applied to the full photograph.
 */
export const guidedUpsampling: UpsampleMaps<z.infer<typeof guidedUpsamplingOptions>> = (maps, from, image, size, { radius, eps, guide: kind }) => {
  const full = guideOf(image, size, kind);
  const small: Guide = { planes: full.planes.map((plane) => Float64Array.from(cellMeans(plane, 1, size, from))), size: from };
  const area = size[0] * size[1];
  const models = linearModels(maps, small, radius, eps);
  const result = new Float32Array(models.length * area);
  models.forEach(({ slopes, offset }, k) => {
    const model = { slopes: slopes.map((slope) => upsamplePlanes(slope, 1, from, size)), offset: upsamplePlanes(offset, 1, from, size) };
    applyModel(model, full, result.subarray(k * area, (k + 1) * area));
  });
  return result;
};
