import { beforeEach, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { refineMaps, REFINERS } from '../../../src/maps/refine/refiners.js';
import type { RefinerSpec } from '../../../src/maps/refine/refiners.js';
import { UPSAMPLERS, upsampleMaps } from '../../../src/maps/refine/upsamplers.js';
import type { UpsamplerSpec } from '../../../src/maps/refine/upsamplers.js';
import { scratchKernels } from '../../../src/kernels/kernels.js';
import { largestDifference, refineCases } from './fixtures.js';

/** Plain data of a step: its options are those of the case. */
function spec<Spec>(
  name: string, table: Readonly<Record<string, { readonly options: z.ZodObject }>>, options: Readonly<Record<string, unknown>>,
): Spec {
  return { name, options: table[name].options.parse(options) } as Spec;
}

// Maps are 0..1, so that absolute differences are meant. Maps are spread in float32, the rest is computed in float64.
const refiners = [['pamr', 1e-5], ['par', 1e-5], ['random-walk', 1e-5], ['guided', 1e-6]] as const;
const upsamplers = [['joint-bilateral', 'joint-bilateral'], ['guided', 'guided-upsampling']] as const;

// What other pictures left in memory must not show.
beforeEach(() => { scratchKernels().arena.floats(2 ** 20).view.fill(NaN); });

describe.each(refiners)('%s gives what the reference in float64 gives, to %d', (name, tolerance) => {
  it.each(refineCases(name))('$name', ({ maps, image, size, options, expected }) => {
    const before = maps.slice();
    expect(largestDifference(refineMaps(maps, image, size, [spec<RefinerSpec>(name, REFINERS, options)]), expected)).toBeLessThan(tolerance);
    expect(maps).toEqual(before);
  });
});

// These are computed by polynomials of far fewer steps.
describe('random walks of many steps', () => {
  it.each(refineCases('random-walk-long'))('give what the power of a matrix gives, to 1e-5: $name', ({ maps, image, size, options, expected }) => {
    expect(largestDifference(refineMaps(maps, image, size, [spec<RefinerSpec>('random-walk', REFINERS, options)]), expected)).toBeLessThan(1e-5);
  });
});

describe.each(upsamplers)('%s upsampling gives what the reference in float64 gives, to 1e-6', (name, group) => {
  it.each(refineCases(group))('$name', ({ maps, from, image, size, options, expected }) => {
    expect(largestDifference(upsampleMaps(maps, from, image, size, spec<UpsamplerSpec>(name, UPSAMPLERS, options)), expected)).toBeLessThan(1e-6);
  });
});
