import { UserError } from '../errors.js';
import { nearest } from '../text/nearest.js';
import type { Size } from '../size.js';

/** The size of a photograph at the network's input. */
export type InputSize
  = | { readonly kind: 'native' }
    | { readonly kind: 'short' | 'long'; readonly pixels: number }
    | { readonly kind: 'fixed'; readonly size: Size };

/**
 * Parses `native`, `short:N`, `long:N` or `fixed:HxW` (also `fixed:N` for a square).
 *
 * @throws UserError for anything else
 */
export function parseInputSize(text: string): InputSize {
  if (text === 'native') return { kind: 'native' };
  const side = /^(short|long):(\d+)$/.exec(text);
  if (side !== null && Number(side[2]) > 0) return { kind: side[1] as 'short' | 'long', pixels: Number(side[2]) };
  const fixed = /^fixed:(\d+)(?:x(\d+))?$/.exec(text);
  if (fixed !== null) {
    const size: Size = [Number(fixed[1]), Number(fixed[2] ?? fixed[1])];
    if (size.every((pixels) => pixels > 0)) return { kind: 'fixed', size };
  }
  throw new UserError(`'${text}' is not an input size`, `it must be native, short:N, long:N or fixed:HxW, for example short:320${guess(text)}`);
}

/** The input size that a misspelt text probably means. */
function guess(text: string): string {
  const [, word, pixels] = /^([a-z]*)[^a-z]*?(\d+(?:x\d+)?)?$/i.exec(text) ?? [];
  const kind = word === undefined || word === '' ? undefined : nearest(word, ['native', 'short', 'long', 'fixed']);
  if (kind === undefined || (kind !== 'native' && pixels === undefined)) return '';
  return ` (did you mean ${kind === 'native' ? kind : `${kind}:${pixels}`}?)`;
}

/** The text that {@link parseInputSize} reads. */
export function formatInputSize(input: InputSize): string {
  switch (input.kind) {
    case 'native': return 'native';
    case 'fixed': return `fixed:${input.size[0]}x${input.size[1]}`;
    default: return `${input.kind}:${input.pixels}`;
  }
}

/** The size of a photograph at the network's input, and whether the pixel limit made it smaller. */
export interface NetworkSize {
  readonly size: Size;
  readonly limited: boolean;
}

/**
 * The size of a photograph at the network's input. The aspect ratio is kept, except by `fixed`. A photograph of more than
 * `maxPixels` is made smaller, so that a single huge or very long photograph cannot exhaust the memory of a batch.
 *
 * @param photo the photograph's own size, [height, width] in pixels
 * @param factor multiplies the size, for maps of several scales
 */
export function networkSize([height, width]: Size, input: InputSize, maxPixels: number, factor = 1): NetworkSize {
  if (input.kind === 'fixed') return { size: [Math.max(1, Math.round(input.size[0] * factor)), Math.max(1, Math.round(input.size[1] * factor))], limited: false };
  const reference = input.kind === 'native' ? 1 : input.kind === 'short' ? Math.min(height, width) : Math.max(height, width);
  const scale = input.kind === 'native' ? factor : (factor * input.pixels) / reference;
  const scaled: Size = [Math.max(1, Math.round(height * scale)), Math.max(1, Math.round(width * scale))];
  if (scaled[0] * scaled[1] <= maxPixels) return { size: scaled, limited: false };
  const held = Math.min(scale, Math.sqrt(maxPixels / (height * width)));
  // Rounded down. In a thin strip with one side of 1, the other side is at most the limit.
  const side = (pixels: number): number => Math.min(Math.max(1, Math.floor(pixels * held)), maxPixels);
  return { size: [side(height), side(width)], limited: true };
}
