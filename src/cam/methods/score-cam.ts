import type { ChannelScores } from './method.js';

/**
 * Score-CAM: the photograph is masked by every channel, and the larger the target then is, the larger the channel's weight.
 * With H(A) = (U(A) - min U(A)) / (max U(A) - min U(A)) and U the bilinear upsampling to the size of the input X,
 *
 *     s^c_k = y_c(X * H(A^k)),   w^c_k = exp(s^c_k) / sum_l exp(s^c_l),   M^c = ReLU(sum_k w^c_k A^k).
 *
 * H. Wang, Z. Wang, M. Du, F. Yang, Z. Zhang, S. Ding, P. Mardziel, X. Hu: Score-CAM: Score-Weighted Visual Explanations for
 * Convolutional Neural Networks, CVPR Workshops 2020, algorithm 1. The paper also subtracts the score of a baseline, which is
 * the same for all channels and cancels in the softmax. A constant channel has H = 0 (as in pytorch-grad-cam).
 */
export function scoreCamWeights({ changed }: ChannelScores): Float64Array {
  const largest = changed.reduce((a, b) => Math.max(a, b), -Infinity);
  const exponentials = changed.map((score) => Math.exp(score - largest));
  const total = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((value) => value / total);
}
