import type { Size } from '../../size.js';

/**
 * Upsamples maps to the size of a photograph, following its edges. Each class is upsampled independently, in the same way.
 *
 * @param maps [C, h, w], 0..1
 * @param from [h, w], not larger than `size`
 * @param image RGB, [height, width, 3], 0..255
 * @param size [height, width]
 * @returns [C, height, width], 0..1
 */
export type UpsampleMaps<Options> = (maps: Float32Array, from: Size, image: Uint8Array, size: Size, options: Options) => Float32Array;
