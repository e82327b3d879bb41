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
export function toTensor(pixels: Uint8Array, [height, width]: Size, { channelOrder, scale, mean, std }: Normalisation): Float32Array {
  const area = height * width;
  const tensor = new Float32Array(3 * area);
  for (let channel = 0; channel < 3; channel++) {
    const table = Float32Array.from({ length: 256 }, (_, value) => (value * scale - mean[channel]) / std[channel]);
    const from = channelOrder === 'rgb' ? channel : 2 - channel;
    const plane = tensor.subarray(channel * area, (channel + 1) * area);
    for (let i = 0, at = from; i < area; i++, at += 3) plane[i] = table[pixels[at]];
  }
  return tensor;
}

/** The mirror image of a tensor [..., H, W], left to right. */
export function mirrored(tensor: Float32Array, width: number): Float32Array {
  const result = new Float32Array(tensor.length);
  for (let row = 0; row < tensor.length; row += width) {
    for (let x = 0; x < width; x++) result[row + x] = tensor[row + width - 1 - x];
  }
  return result;
}
