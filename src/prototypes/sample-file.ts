import { decodeNpz, encodeNpz } from '../formats/numpy/npz.js';

/** What is kept of a photograph at one layer: some positions, in random order. */
export interface LayerSample {
  /** [n, channels], each of length 1 */
  readonly features: Float32Array;
  readonly channels: number;
  /** The map of each class of the photograph at these positions, 0..1, [classes, n] */
  readonly guide: Float32Array;
}

/** Encodes the samples of a photograph for the cache. */
export function encodeSamples(layers: readonly LayerSample[]): Uint8Array {
  return encodeNpz(Object.fromEntries(layers.flatMap(({ features, channels, guide }, i) => [
    [`features_${i}`, { shape: [features.length / channels, channels], data: features }],
    [`guide_${i}`, { shape: [guide.length], data: guide }],
  ])));
}

/** The sample of one layer. @throws NpyError if the bytes are damaged */
export function decodeSample(bytes: Uint8Array, layer: number): LayerSample {
  const arrays = decodeNpz(bytes);
  const [features, guide] = [arrays.get(`features_${layer}`)!, arrays.get(`guide_${layer}`)!];
  return { features: features.values as Float32Array, channels: features.shape[1], guide: guide.values as Float32Array };
}
