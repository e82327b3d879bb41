import type { CamFormula } from './method.js';
import { weightedSum } from './method.js';

/**
 * Grad-CAM++: every channel is weighted by a weighted sum of its positive gradients. With g = dy_c / dA and S_k = sum_ij A^k_ij,
 *
 *     alpha^c_kij = g^2 / (2 g^2 + S_k g^3),   w^c_k = sum_ij alpha^c_kij ReLU(g),   M^c = ReLU(sum_k w^c_k A^k).
 *
 * A. Chattopadhay, A. Sarkar, P. Howlader, V. N. Balasubramanian: Grad-CAM++: Generalized Gradient-Based Visual Explanations
 * for Deep Convolutional Networks, WACV 2018, equations 9 and 19, in the closed form for y = exp(logit) (as in
 * J. Gildenblat's pytorch-grad-cam). pytorch-grad-cam adds 1e-6 to the denominator, which dominates it if gradients are below
 * 1e-3. Here g^2 is cancelled, alpha = 1 / (2 + S_k g), and nothing is added. A denominator of exactly zero, which is only
 * possible in a layer with negative values, becomes 1, as in the authors' code.
 */
export const gradCamPlusPlus: CamFormula = (activation, gradient, b) => {
  const denominator = b.add(b.floats(2), b.mul(b.reduceSum(activation, [2, 3]), gradient));
  const safe = b.where(b.equal(denominator, b.floats(0)), b.floats(1), denominator);
  return weightedSum(b.reduceSum(b.div(b.relu(gradient), safe), [2, 3]), activation, b);
};
