import type { ActivationFormula } from './method.js';
import { principalMap } from './principal-map.js';

/**
 * Eigen-CAM: the first principal component of the activations. With O the [hw, C] matrix of the layer and v_1 its first right
 * singular vector,
 *
 *     O = U S V^T,   M = ReLU(O v_1).
 *
 * It depends on no class: all classes of an image have the same map.
 *
 * M. B. Muhammad, M. Yeasin: Eigen-CAM: Class Activation Map using Principal Components, IJCNN 2020. As in J. Gildenblat's
 * pytorch-grad-cam, the mean of each channel is taken away first, which the paper does not say. The sign is fixed as
 * {@link principalMap} says; pytorch-grad-cam leaves it to the singular value decomposition.
 */
export const eigenCam: ActivationFormula = principalMap;
