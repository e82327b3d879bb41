import type { CamFormula } from './method.js';
import { weightedSum } from './method.js';

/**
 * Grad-CAM: every channel is weighted by the mean of its gradient,
 *
 *     w^c_k = (1 / hw) sum_ij dy_c / dA^k_ij,   M^c = ReLU(sum_k w^c_k A^k).
 *
 * R. R. Selvaraju, M. Cogswell, A. Das, R. Vedantam, D. Parikh, D. Batra: Grad-CAM: Visual Explanations from Deep Networks
 * via Gradient-based Localization, ICCV 2017, equations 1 and 2.
 */
export const gradCam: CamFormula = (activation, gradient, b) => weightedSum(b.reduceMean(gradient, [2, 3]), activation, b);
