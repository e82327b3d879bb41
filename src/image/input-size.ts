import { UserError } from '../errors.js';
import { nearest } from '../text/nearest.js';
import type { Size } from '../size.js';

/** The size of a photograph at the network's input. */
export type InputSize
  = | { readonly kind: 'native' }
    | { readonly kind: 'short' | 'long'; readonly pixels: number; /** Both sides are multiples of it. Default: 1. */ readonly multiple?: number }
    | { readonly kind: 'fixed'; readonly size: Size };

/**
 * Parses `native`, `short:N`, `long:N` or `fixed:HxW` (also `fixed:N` for a square). With `short:N/M` and `long:N/M`, both sides are
 * rounded to multiples of M.
 *
 * @throws UserError for anything else
 */
export function parseInputSize(text: string): InputSize {
  if (text === 'native') return { kind: 'native' };
  const side = /^(short|long):(\d+)(?:\/(\d+))?$/.exec(text);
  if (side !== null) {
    const [kind, pixels, multiple] = [side[1] as 'short' | 'long', Number(side[2]), Number(side[3] ?? 1)];
    if (pixels > 0 && multiple > 0) return multiple === 1 ? { kind, pixels } : { kind, pixels, multiple };
  }
  const fixed = /^fixed:(\d+)(?:x(\d+))?$/.exec(text);
  if (fixed !== null) {
    const size: Size = [Number(fixed[1]), Number(fixed[2] ?? fixed[1])];
    if (size.every((pixels) => pixels > 0)) return { kind: 'fixed', size };
  }
  throw new UserError(`'${text}' is not an input size`, `it must be native, short:N, long:N, short:N/M, long:N/M or fixed:HxW, for example short:320${guess(text)}`);
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
    default: return `${input.kind}:${input.pixels}${input.multiple === undefined ? '' : `/${input.multiple}`}`;
  }
}

/** The size of a photograph at the network's input, and whether the pixel limit made it smaller. */
export interface NetworkSize {
  readonly size: Size;
  readonly limited: boolean;
}

/**
 * The size of a photograph at the network's input. The aspect ratio is kept, except by `fixed` and by multiples. A photograph of more than
 * `maxPixels` is made smaller, so that a single huge or very long photograph cannot exhaust the memory of a batch.
 *
 * @param photo the photograph's own size, [height, width] in pixels
 * @param factor multiplies the size, for maps of several scales
 */
export function networkSize([height, width]: Size, input: InputSize, maxPixels: number, factor = 1): NetworkSize {
  if (input.kind === 'fixed') return { size: [Math.max(1, Math.round(input.size[0] * factor)), Math.max(1, Math.round(input.size[1] * factor))], limited: false };
  const reference = input.kind === 'native' ? 1 : input.kind === 'short' ? Math.min(height, width) : Math.max(height, width);
  const scale = input.kind === 'native' ? factor : (factor * input.pixels) / reference;
  const multiple = input.kind === 'native' ? 1 : input.multiple ?? 1;
  const rounded = (pixels: number, round = Math.round): number => Math.max(1, round(pixels / multiple)) * multiple;
  const scaled: Size = [rounded(height * scale), rounded(width * scale)];
  if (scaled[0] * scaled[1] <= maxPixels) return { size: scaled, limited: false };
  const held = Math.min(scale, Math.sqrt(maxPixels / (height * width)));
  // Rounded down. In a thin strip with one side of 1, the other side is at most the limit.
  const [a, b] = [rounded(height * held, Math.floor), rounded(width * held, Math.floor)];
  const longest = (other: number): number => rounded(maxPixels / other, Math.floor);
  return { size: a < b ? [a, Math.min(b, longest(a))] : [Math.min(a, longest(b)), b], limited: true };
}
