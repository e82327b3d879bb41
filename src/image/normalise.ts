import type { Size } from '../size.js';
import { scratchKernels } from '../kernels/kernels.js';

/** The pixel format of a network's input: `(value * scale - mean) / std` for values 0..255, per channel in the network's order. */
export interface Normalisation {
  readonly channelOrder: 'rgb' | 'bgr';
  readonly scale: number;
  /** In the network's channel order. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/**
 * Turns pixels into a network's input tensor.
 *
 * @param pixels RGB, HWC, 0..255
 * @returns NCHW [1, 3, H, W]
 */
export function toTensor(pixels: Uint8Array, size: Size, normalisation: Normalisation): Float32Array {
  return planes(pixels, size, normalisation, false).slice();
}

/** Where {@link placeInTensor} puts a picture. */
export interface Placement {
  /** The row and column of its upper left corner. */
  readonly at: readonly [y: number, x: number];
  /** Mirror it, left to right. */
  readonly flip: boolean;
}

/**
 * Like {@link toTensor}, but writes into a part of a larger tensor.
 *
 * @param pixels RGB, HWC, 0..255
 * @param tensor [3, H, W]; values outside the picture are unchanged
 * @param side the tensor's width
 */
export function placeInTensor(
  pixels: Uint8Array, size: Size, normalisation: Normalisation, tensor: Float32Array, side: number, { at: [top, left], flip }: Placement,
): void {
  const [height, width] = size;
  const picture = planes(pixels, size, normalisation, flip);
  for (let channel = 0, from = 0; channel < 3; channel++) {
    const corner = channel * tensor.length / 3 + top * side + left;
    for (let y = 0; y < height; y++, from += width) tensor.set(picture.subarray(from, from + width), corner + y * side);
  }
}

/** The picture as [3, H, W], in memory that the next call overwrites. */
function planes(pixels: Uint8Array, [height, width]: Size, normalisation: Normalisation, flip: boolean): Float32Array {
  const { run, arena } = scratchKernels();
  const out = arena.floats(3 * height * width);
  const tables = arena.floats(3 * 256);
  const bytes = arena.bytes(pixels.length);
  tables.view.set(tableOf(normalisation));
  bytes.view.set(pixels);
  run.planesOf(bytes.address, height, width, tables.address, normalisation.channelOrder === 'rgb' ? 0 : 2, flip ? 1 : 0, out.address);
  return out.view;
}

/** Of the last format: a run has the same for all photographs. */
let known: { readonly normalisation: Normalisation; readonly values: Float32Array } | undefined;

function tableOf(normalisation: Normalisation): Float32Array {
  if (known?.normalisation !== normalisation) known = { normalisation, values: Float32Array.from(normalisedValues(normalisation)) };
  return known.values;
}

/** The normalised values for 0..255, [3, 256], for each channel in the network's order. */
export function normalisedValues({ scale, mean, std }: Normalisation): number[] {
  return mean.flatMap((_, channel) => Array.from({ length: 256 }, (__, value) => (value * scale - mean[channel]) / std[channel]));
}

/** The mirror image of a tensor [..., H, W], left to right. */
export function mirrored(tensor: Float32Array, width: number): Float32Array {
  const result = tensor.slice();
  // Several times faster than a loop over the numbers.
  for (let row = 0; row < result.length; row += width) result.subarray(row, row + width).reverse();
  return result;
}
