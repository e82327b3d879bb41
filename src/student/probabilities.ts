import { IGNORE_LABEL } from '../datasets/label-map.js';
import type { LabelMap } from '../datasets/label-map.js';
import type { LayerMaps } from '../cam/layer-maps.js';

/**
 * The softmax over some channels of logits, which leaves the others out: absent classes are masked.
 *
 * @param logits [channels, cells]
 * @param cells the number of values in a channel
 * @param channels the channels to keep, in the order of the result
 * @returns [kept channels, cells]; in each cell they sum to 1
 */
export function maskedSoftmax(logits: Float32Array, cells: number, channels: readonly number[]): Float32Array {
  const result = new Float32Array(channels.length * cells);
  for (let i = 0; i < cells; i++) {
    let largest = -Infinity;
    for (const channel of channels) largest = Math.max(largest, logits[channel * cells + i]);
    let sum = 0;
    for (let k = 0; k < channels.length; k++) sum += result[k * cells + i] = Math.exp(logits[channels[k] * cells + i] - largest);
    for (let k = 0; k < channels.length; k++) result[k * cells + i] /= sum;
  }
  return result;
}

/**
 * The weighted mean of probabilities p and the one-hot labels o of other seeds, in place: (p + w o) / (1 + w). Pixels whose label
 * is 255 keep p.
 *
 * @param probabilities [1 + labels, height, width]: the background first
 * @param labels the label of each channel after the background
 * @param seeds of the photograph; of another size, each pixel takes the label at its centre
 * @param weight w, not negative
 */
export function addSeeds(probabilities: LayerMaps, labels: readonly number[], seeds: LabelMap, weight: number): void {
  const { data, height, width } = probabilities;
  const planes = labels.length + 1;
  const channelOf = new Int16Array(256).fill(-1);
  channelOf[0] = 0;
  labels.forEach((label, k) => { channelOf[label] = k + 1; });
  const cells = height * width;
  for (let y = 0, i = 0; y < height; y++) {
    const row = Math.floor((y + 0.5) * seeds.height / height) * seeds.width;
    for (let x = 0; x < width; x++, i++) {
      const label = seeds.data[row + Math.floor((x + 0.5) * seeds.width / width)];
      if (label === IGNORE_LABEL) continue;
      data[channelOf[label] * cells + i] += weight;
      for (let k = 0; k < planes; k++) data[k * cells + i] /= 1 + weight;
    }
  }
}
