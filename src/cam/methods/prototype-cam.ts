import type { VectorFormula } from './method.js';

/** In place of the length of a feature that is zero in all channels. */
const TINY = 1e-12;

/**
 * Prototype CAM: how much more similar the feature at a position is to the positive prototypes of the class, P+, than to the
 * negative ones, P-, which show its surroundings. With f_ij the feature at a position, all channels of it, and prototypes of length 1,
 *
 *     v^c = (1 / |P+|) sum_{p in P+} p - (1 / |P-|) sum_{p in P-} p,   M^c = ReLU(v^c . f_ij / |f_ij|).
 *
 * Z. Chen, Q. Sun: Extracting Class Activation Maps from Non-Discriminative Features as well, CVPR 2023 (LPCAM).
 * How prototypes are fitted is in docs/prototypes.md, with the differences to the paper.
 */
export const prototypeCam: VectorFormula = (activation, vectors, b) => {
  const lengths = b.max(b.sqrt(b.reduceSum(b.mul(activation, activation), [1])), b.floats(TINY));
  const flat = b.reshape(activation, [0, 0, -1]);
  const products = b.matmul(b.unsqueeze(vectors, [1]), flat);
  const maps = b.reshape(products, b.concat([b.shape(vectors, 0, 1), b.ints([1]), b.shape(activation, 2, 4)], 0));
  return b.relu(b.div(maps, lengths));
};
