import type { CamFormula } from './method.js';
import { weightedSum } from './method.js';

/**
 * CAM: the class weights of a linear head after global average pooling, applied to the channels before pooling,
 *
 *     y_c = b_c + sum_k w^c_k (1 / hw) sum_ij A^k_ij,   M^c = ReLU(sum_k w^c_k A^k).
 *
 * The gradient of such a logit is w^c_k / hw everywhere in channel k, so its sum over a channel is the weight, however the head
 * is written.
 *
 * B. Zhou, A. Khosla, A. Lapedriza, A. Oliva, A. Torralba: Learning Deep Features for Discriminative Localization, CVPR
 * 2016, equation 2. (The maps of the paper are signed. As with the other methods, negative values become 0 here.)
 */
export const cam: CamFormula = (activation, gradient, b) => weightedSum(b.reduceSum(gradient, [2, 3]), activation, b);
