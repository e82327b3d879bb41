import type { Size } from '../../size.js';

/**
 * Brings small maps to the size of a photograph so that their edges follow its own. The maps of all classes are treated
 * alike, each on its own.
 *
 * @param maps [C, h, w], 0..1
 * @param from [h, w], not larger than `size`
 * @param image RGB, [height, width, 3], 0..255
 * @param size [height, width]
 * @returns [C, height, width], 0..1
 */
export type UpsampleMaps<Options> = (maps: Float32Array, from: Size, image: Uint8Array, size: Size, options: Options) => Float32Array;
