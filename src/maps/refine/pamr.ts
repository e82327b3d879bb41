import { z } from 'zod';
import { spreadByAffinity } from './dilated-affinity.js';
import { dilationsSetting, iterationsSetting } from './options.js';
import type { RefineMaps } from './refiner.js';

/** Options of {@link pamr}; the defaults are the paper's. */
export const pamrOptions = z.strictObject({
  iterations: iterationsSetting.default(10),
  dilations: dilationsSetting.default([1, 2, 4, 8, 12, 24]),
});

/**
 * Pixel-adaptive mask refinement, PAMR (Araslanov and Roth, CVPR 2020, section 3.3, equations 4 to 6).
 *
 *     k(x, n)  = -1/3 sum_c |I_c(x) - I_c(n)| / (1e-8 + 0.1 sigma_c(x))     colours 0..1
 *     a(x, .)  = softmax_n k(x, n)
 *     m(x)    <- sum_n a(x, n) m(n)                                         `iterations` times
 *
 * n runs over the eight neighbours of x at each dilation. sigma_c(x) is the (unbiased) standard deviation over the 3 x 3
 * windows of all dilations, with x itself once in each, as in the authors' code. Edges are replicated.
 *
 * The affinities of a pixel sum to 1, so a constant map does not change and values stay within the range of the map.
 */
export const pamr: RefineMaps<z.infer<typeof pamrOptions>> = (maps, image, size, { iterations, dilations }) => (
  spreadByAffinity(maps, image, size, { iterations, dilations, spread: 0.1, epsilon: 255e-7 })
);
