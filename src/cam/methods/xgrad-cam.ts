import type { CamFormula } from './method.js';
import { weightedSum } from './method.js';

/**
 * XGrad-CAM: every channel is weighted by the mean of its gradient, weighted by the activation at each position,
 *
 *     w^c_k = sum_ij (A^k_ij / sum_lm A^k_lm) dy_c / dA^k_ij,   M^c = ReLU(sum_k w^c_k A^k).
 *
 * R. Fu, Q. Hu, X. Dong, Y. Guo, Y. Gao, B. Li: Axiom-based Grad-CAM: Towards Accurate Visualization and Explanation of
 * CNNs, BMVC 2020, equation 8. As in the authors' code, 1e-7 is added to the sum, for channels that are zero everywhere.
 */
export const xGradCam: CamFormula = (activation, gradient, b) => {
  const total = b.add(b.reduceSum(activation, [2, 3]), b.floats(1e-7));
  return weightedSum(b.div(b.reduceSum(b.mul(activation, gradient), [2, 3]), total), activation, b);
};
