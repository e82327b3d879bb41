import type { Size } from '../../size.js';
import { imputed } from './impute.js';

/** A photograph as a network sees it. */
export interface Picture {
  /** [channels, height, width], normalised. */
  readonly data: Float32Array;
  readonly size: Size;
  /** The normalised colour that hides pixels: a number for each channel. */
  readonly fill: readonly number[];
}

/** Writes a changed photograph, [channels, height, width]. */
export type Perturbation = (out: Float32Array) => void;

/** Some pixels have the colour that hides them. */
export function occlude({ data, fill }: Picture, pixels: Uint32Array): Perturbation {
  const area = data.length / fill.length;
  return (out) => {
    out.set(data);
    fill.forEach((value, channel) => {
      const start = channel * area;
      for (let i = 0; i < pixels.length; i++) out[start + pixels[i]] = value;
    });
  };
}

/**
 * Some pixels of one photograph are those of another.
 *
 * @param from [channels, height, width], as `data`
 */
export function replace({ data, fill }: Picture, from: Float32Array, pixels: Uint32Array): Perturbation {
  const area = data.length / fill.length;
  return (out) => {
    out.set(data);
    for (let start = 0; start < out.length; start += area) {
      for (let i = 0; i < pixels.length; i++) out[start + pixels[i]] = from[start + pixels[i]];
    }
  };
}

/**
 * Some pixels are filled by those around them, plus noise: the noisy linear imputation of ROAD.
 *
 * @param noise [channels, height, width], as `data`, and the factor of its values
 */
export function impute(
  { data, size }: Picture, pixels: Uint32Array, noise?: { readonly values: Float32Array; readonly deviation: number },
): Perturbation {
  return (out) => {
    out.set(data);
    const values = imputed(data, size, pixels);
    const area = size[0] * size[1];
    for (let from = 0, start = 0; start < out.length; from += pixels.length, start += area) {
      for (let i = 0; i < pixels.length; i++) {
        const at = start + pixels[i];
        out[at] = values[from + i] + (noise === undefined ? 0 : noise.deviation * noise.values[at]);
      }
    }
  };
}

/**
 * Each pixel shows as much of the photograph as the map says: all of it at 1, only the colour that hides at 0.
 *
 * @param map [height, width]; values outside 0..1 are clipped
 */
export function fade({ data, fill }: Picture, map: Float32Array): Perturbation {
  const area = map.length;
  return (out) => {
    fill.forEach((value, channel) => {
      for (let i = 0, at = channel * area; i < area; i++, at++) {
        // NaN stays.
        const share = map[i] < 0 ? 0 : map[i] > 1 ? 1 : map[i];
        out[at] = value + share * (data[at] - value);
      }
    });
  };
}
