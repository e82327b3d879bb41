import { z } from 'zod';
import { spreadByAffinity, WINDOW } from './dilated-affinity.js';
import { dilationsSetting, iterationsSetting } from './options.js';
import type { RefineMaps } from './refiner.js';

/** The weights w1 and w2 of the authors' code. */
const SPREAD = 0.3;
const POSITION_WEIGHT = 0.01;

/** Options of {@link par}; the defaults are the paper's. */
export const parOptions = z.strictObject({
  iterations: iterationsSetting.default(10),
  dilations: dilationsSetting.default([1, 2, 4, 8, 12, 24]),
});

/**
 * Pixel-adaptive refinement, PAR (Ru et al., "Learning affinity from attention", CVPR 2022, section 3.4, equations 8 to 10).
 *
 *     k(x, n)  = -1/3 sum_c (|I_c(x) - I_c(n)| / (w1 sigma_c(x)))^2     w1 = 0.3
 *     p(n)     = -(|x - n| / (w1 sigma_p))^2
 *     a(x, .)  = (softmax_n k(x, n) + w2 softmax_n p(n)) / (1 + w2)     w2 = 0.01
 *     m(x)    <- sum_n a(x, n) m(n)
 *
 * n runs over the eight neighbours of x at each dilation. sigma_c(x) and sigma_p are the (unbiased) standard deviations of
 * their colours and distances. Edges are replicated.
 *
 * The authors' code does not divide by 1 + w2, which only makes every map (1 + w2)^iterations times as large. Here affinities
 * sum to 1 and values stay in 0..1.
 */
export const par: RefineMaps<z.infer<typeof parOptions>> = (maps, image, size, { iterations, dilations }) => (
  spreadByAffinity(maps, image, size, {
    iterations, dilations, spread: SPREAD, epsilon: 255e-8, position: positionAffinities(dilations), positionWeight: POSITION_WEIGHT,
  })
);

/** w2 softmax_n p(n), [8 dilations]. */
function positionAffinities(dilations: readonly number[]): Float32Array {
  const distances = dilations.flatMap((dilation) => WINDOW.map(([down, right]) => dilation * Math.hypot(down, right)));
  const mean = distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
  const variance = distances.reduce((sum, distance) => sum + (distance - mean) ** 2, 0) / (distances.length - 1);
  const powers = distances.map((distance) => Math.exp(-(distance ** 2) / (SPREAD ** 2 * variance)));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return Float32Array.from(powers, (power) => (POSITION_WEIGHT * power) / total);
}
