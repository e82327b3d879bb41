import type { CamFormula } from './method.js';
import { weightedSum } from './method.js';

/**
 * HiResCAM: every position of every channel is weighted by its own gradient, of either sign,
 *
 *     M^c = ReLU(sum_k dy_c / dA^k * A^k).
 *
 * R. L. Draelos, L. Carin: Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks,
 * arXiv:2011.08891, 2020, equation 3.
 */
export const hiResCam: CamFormula = (activation, gradient, b) => weightedSum(gradient, activation, b);
