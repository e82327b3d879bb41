import { writeFileAtomic } from '../jobs/files/atomic.js';
import type { Size } from '../size.js';
import { loadSharp } from './libvips.js';

/** Anchors of a perceptually ordered colour map, from dark blue through green to yellow, equally spaced from 0 to 1. */
const ANCHORS: readonly (readonly [number, number, number])[] = [
  [68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37],
];

/** The colour of a value in [0, 1], as RGB in 0..255. */
export function heatColour(value: number): [number, number, number] {
  const at = Math.min(Math.max(value, 0), 1) * (ANCHORS.length - 1);
  const low = Math.min(Math.floor(at), ANCHORS.length - 2);
  const share = at - low;
  const [a, b] = [ANCHORS[low], ANCHORS[low + 1]];
  return [0, 1, 2].map((i) => Math.round(a[i] + share * (b[i] - a[i]))) as [number, number, number];
}

/**
 * Draws a map over a photograph as a heat map. The higher the value, the less the photograph shows through.
 *
 * @param pixels the photograph, RGB, HWC, 0..255
 * @param map [height, width], in [0, 1]
 * @param opacity of the heat map at a value of 1
 * @returns RGB, HWC, 0..255
 */
export function overlayHeat(pixels: Uint8Array, map: Float32Array, opacity: number): Uint8Array {
  const colours = Array.from({ length: 256 }, (_, i) => heatColour(i / 255));
  const result = new Uint8Array(pixels.length);
  for (let i = 0; i < map.length; i++) {
    const value = Math.min(Math.max(map[i], 0), 1);
    const colour = colours[Math.round(value * 255)];
    // At least half the opacity everywhere, so that low values are visible as dark regions.
    const weight = opacity * (0.5 + 0.5 * value);
    for (let c = 0; c < 3; c++) result[3 * i + c] = Math.round((1 - weight) * pixels[3 * i + c] + weight * colour[c]);
  }
  return result;
}

/** Writes RGB pixels as a PNG, completely or not at all. */
export async function writeRgbPng(path: string, pixels: Uint8Array, [height, width]: Size): Promise<void> {
  await writeFileAtomic(path, await loadSharp()(pixels, { raw: { width, height, channels: 3 } }).png().toBuffer());
}
