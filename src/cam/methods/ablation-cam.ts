import type { ChannelScores } from './method.js';

/**
 * Ablation-CAM: every channel is weighted by the share of the target that is lost without it,
 *
 *     w^c_k = (y_c - y^k_c) / y_c,   M^c = ReLU(sum_k w^c_k A^k),
 *
 * with y^k_c the target after channel k of the layer was set to zero. If y_c is exactly 0, all weights are 0.
 *
 * S. Desai, H. G. Ramaswamy: Ablation-CAM: Visual Explanations for Deep Convolutional Network via Gradient-free
 * Localization, WACV 2020, equations 2 and 3.
 */
export function ablationCamWeights({ plain, changed }: ChannelScores): Float64Array {
  return changed.map((score) => (plain === 0 ? 0 : (plain - score) / plain));
}
