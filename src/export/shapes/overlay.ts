import type { LabelMap } from '../../datasets/label-map.js';

/**
 * Blends the colours of labels over a photograph: `(1 - alpha) * pixel + alpha * colour`. The background stays as it is.
 *
 * @param pixels the photograph, RGB, HWC, of the size of the labels; changed in place
 * @param palette the colours of the labels 0..255 as R, G, B
 * @param alpha 0..1
 */
export function overlayLabels(pixels: Uint8Array, { data }: LabelMap, palette: Readonly<Uint8Array>, alpha: number): void {
  const share = 1 - alpha;
  for (let i = 0, at = 0; i < data.length; i++, at += 3) {
    const label = data[i];
    if (label === 0) continue;
    for (let c = 0; c < 3; c++) pixels[at + c] = Math.round(share * pixels[at + c] + alpha * palette[3 * label + c]);
  }
}
