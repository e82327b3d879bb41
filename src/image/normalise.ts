import type { Size } from '../onnx/shapes.js';

/** How a network wants its pixels: `(value * scale - mean) / std` for values 0..255, per channel in its own order. */
export interface Normalisation {
  readonly channelOrder: 'rgb' | 'bgr';
  readonly scale: number;
  /** In the network's channel order. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/**
 * Turns pixels into the tensor that a network reads.
 *
 * @param pixels RGB, HWC, 0..255
 * @returns NCHW [1, 3, H, W]
 */
export function toTensor(pixels: Uint8Array, [height, width]: Size, normalisation: Normalisation): Float32Array {
  const tensor = new Float32Array(3 * height * width);
  placeInTensor(pixels, [height, width], normalisation, tensor, width, { at: [0, 0], flip: false });
  return tensor;
}

/** What the values 0..255 become, for each channel in the network's order. */
function normalisedValues({ scale, mean, std }: Normalisation): readonly Float32Array[] {
  return mean.map((_, channel) => Float32Array.from({ length: 256 }, (_, value) => (value * scale - mean[channel]) / std[channel]));
}

/** Where {@link placeInTensor} puts a picture. */
export interface Placement {
  /** The row and column of its upper left corner. */
  readonly at: readonly [y: number, x: number];
  /** Mirror it, left to right. */
  readonly flip: boolean;
}

/**
 * {@link toTensor} straight into a part of a larger tensor.
 *
 * @param pixels RGB, HWC, 0..255
 * @param tensor [3, H, W]; what the picture does not cover stays as it is
 * @param side the tensor's width
 */
export function placeInTensor(
  pixels: Uint8Array, [height, width]: Size, normalisation: Normalisation, tensor: Float32Array, side: number, { at: [top, left], flip }: Placement,
): void {
  const plane = (channel: number): Float32Array => tensor.subarray(channel * tensor.length / 3, (channel + 1) * tensor.length / 3);
  // Per channel of the network; the first and last byte of a pixel change places for BGR.
  const [first, second, third] = [plane(0), plane(1), plane(2)];
  const [ofFirst, ofSecond, ofThird] = normalisedValues(normalisation);
  const offset = normalisation.channelOrder === 'rgb' ? 0 : 2;
  const step = flip ? -1 : 1;
  for (let y = 0, from = 0; y < height; y++) {
    let to = (top + y) * side + left + (flip ? width - 1 : 0);
    for (let x = 0; x < width; x++, from += 3, to += step) {
      first[to] = ofFirst[pixels[from + offset]];
      second[to] = ofSecond[pixels[from + 1]];
      third[to] = ofThird[pixels[from + 2 - offset]];
    }
  }
}

/** The mirror image of a tensor [..., H, W], left to right. */
export function mirrored(tensor: Float32Array, width: number): Float32Array {
  const result = new Float32Array(tensor.length);
  for (let row = 0; row < tensor.length; row += width) {
    for (let x = 0; x < width; x++) result[row + x] = tensor[row + width - 1 - x];
  }
  return result;
}
