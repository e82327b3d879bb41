import type { Size } from '../../size.js';

/**
 * Refines maps by the photograph's colours. Each class is refined independently, in the same way. Inputs are not changed.
 *
 * @param maps [C, height, width], 0..1
 * @param image RGB, [height, width, 3], 0..255
 * @param size [height, width] of both
 * @returns [C, height, width], 0..1
 */
export type RefineMaps<Options> = (maps: Float32Array, image: Uint8Array, size: Size, options: Options) => Float32Array;
