import { UserError } from '../../errors.js';
import type { Size } from '../../size.js';
import { guidedUpsampling, guidedUpsamplingOptions } from './guided-upsampling.js';
import { jointBilateral, jointBilateralOptions } from './joint-bilateral.js';
import { parseSteps } from './step-text.js';
import type { StepOf } from './step-text.js';
import type { UpsampleMaps } from './upsampler.js';

/** Every edge-aware upsampler by name. To add one, add a row here and a file. */
export const UPSAMPLERS = {
  'joint-bilateral': { options: jointBilateralOptions, apply: jointBilateral },
  'guided': { options: guidedUpsamplingOptions, apply: guidedUpsampling },
} as const;

/** An upsampler and its options; plain data. */
export type UpsamplerSpec = StepOf<typeof UPSAMPLERS>;

/**
 * Parses an upsampler such as `joint-bilateral:sigmaRange=0.1`, written like a refiner.
 *
 * @throws UserError if it or an option is unknown, or a value is out of range
 */
export function parseUpsampler(text: string): UpsamplerSpec {
  const specs = parseSteps(text, UPSAMPLERS, 'upsampler') as UpsamplerSpec[];
  if (specs.length !== 1) throw new UserError(`"${text}" is not one upsampler`, `give one of ${Object.keys(UPSAMPLERS).join(', ')}`);
  return specs[0];
}

/**
 * Upsamples maps to the size of a photograph, following its edges.
 *
 * @param maps [C, h, w], 0..1
 * @param from [h, w], not larger than `size`
 * @param image RGB, [height, width, 3], 0..255
 * @param size [height, width]
 * @returns [C, height, width], 0..1
 */
export function upsampleMaps(maps: Float32Array, from: Size, image: Uint8Array, size: Size, { name, options }: UpsamplerSpec): Float32Array {
  return (UPSAMPLERS[name].apply as UpsampleMaps<typeof options>)(maps, from, image, size, options);
}
