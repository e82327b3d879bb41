import type { CamFormula } from './method.js';
import { weightedSum } from './method.js';

/**
 * CAM: the class weights of a linear head over global average pooling, put on the channels before pooling,
 *
 *     y_c = b_c + sum_k w^c_k (1 / hw) sum_ij A^k_ij,   M^c = ReLU(sum_k w^c_k A^k).
 *
 * The gradient of such a logit is w^c_k / hw everywhere in channel k, so that its sum over a channel is the weight, however
 * the head was written down.
 *
 * B. Zhou, A. Khosla, A. Lapedriza, A. Oliva, A. Torralba: Learning Deep Features for Discriminative Localization, CVPR
 * 2016, equation 2. (Its maps are signed; as with the other methods, what speaks against the class is left out.)
 */
export const cam: CamFormula = (activation, gradient, b) => weightedSum(b.reduceSum(gradient, [2, 3]), activation, b);
