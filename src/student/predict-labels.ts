import type { LabelMap } from '../datasets/label-map.js';
import { resizeMap } from '../image/resize-map.js';
import type { Size } from '../size.js';

/**
 * The label with the largest logit at each pixel of a photograph. Logits are enlarged as by PyTorch's bilinear `interpolate`.
 *
 * @param logits [labels, cellRows, cells]
 * @param size of the photograph
 * @param allowed the labels to choose from, ascending; the first wins a tie
 */
export function predictLabels(logits: Float32Array, cells: Size, [height, width]: Size, allowed: readonly number[]): LabelMap {
  const plane = cells[0] * cells[1];
  const best = new Float32Array(height * width).fill(-Infinity);
  const data = new Uint8Array(height * width);
  for (const label of allowed) {
    const map = resizeMap(logits.subarray(label * plane, (label + 1) * plane), [cells[0], cells[1]], [height, width]);
    for (let i = 0; i < map.length; i++) {
      if (map[i] <= best[i]) continue;
      best[i] = map[i];
      data[i] = label;
    }
  }
  return { width, height, data };
}
