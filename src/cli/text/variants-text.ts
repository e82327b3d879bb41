import type { Variant } from '../../variants/variant.js';

/** The number of variants and their names. */
export function describeVariants(variants: readonly Variant[]): string {
  return `${variants.length} ${variants.length === 1 ? 'variant' : 'variants'}: ${variants.map(({ name }) => name).join('; ')}`;
}
