import type { CamFormula } from './method.js';
import { weightedSum } from './method.js';

/**
 * LayerCAM: every position of every channel is weighted by its own positive gradient,
 *
 *     w^c_kij = ReLU(dy_c / dA^k_ij),   M^c = ReLU(sum_k w^c_k * A^k).
 *
 * P.-T. Jiang, C.-B. Zhang, Q. Hou, M.-M. Cheng, Y. Wei: LayerCAM: Exploring Hierarchical Class Activation Maps for
 * Localization, IEEE Transactions on Image Processing 30, 2021, equations 5 to 7.
 */
export const layerCam: CamFormula = (activation, gradient, b) => weightedSum(b.relu(gradient), activation, b);
