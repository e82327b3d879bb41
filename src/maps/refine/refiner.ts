import type { Size } from '../../size.js';

/**
 * Improves maps with the help of the photograph's colours. The maps of all classes are treated alike, each on its own, and
 * nothing is changed in place.
 *
 * @param maps [C, height, width], 0..1
 * @param image RGB, [height, width, 3], 0..255
 * @param size [height, width] of both
 * @returns [C, height, width], 0..1
 */
export type RefineMaps<Options> = (maps: Float32Array, image: Uint8Array, size: Size, options: Options) => Float32Array;
