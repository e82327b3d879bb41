import type { CamFormula } from './method.js';
import { principalMap } from './principal-map.js';

/**
 * EigenGrad-CAM: Eigen-CAM of the product of gradient and activation, so that classes have maps of their own. With O the [hw, C]
 * matrix of dy_c / dA^k * A^k and v_1 its first right singular vector,
 *
 *     O = U S V^T,   M^c = ReLU(O v_1).
 *
 * J. Gildenblat and contributors: pytorch-grad-cam, 2021 (`EigenGradCAM`); after M. B. Muhammad, M. Yeasin: Eigen-CAM: Class
 * Activation Map using Principal Components, IJCNN 2020. The mean of each channel is taken away first, as there. The sign, which
 * is left to the singular value decomposition there, is fixed as {@link principalMap} says.
 */
export const eigenGradCam: CamFormula = (activation, gradient, b, channels) => principalMap(b.mul(gradient, activation), b, channels);
