import type { LabelMap } from '../voc/label-map.js';
import { IGNORE_LABEL } from '../voc/label-map.js';

/** Maps of several classes that are read row by row; {@link FusedMaps} is one. */
export interface MapRows {
  readonly height: number;
  readonly width: number;
  readonly classCount: number;
  /** Row y of class k, [width]; it is read before the next one is asked for. */
  row(k: number, y: number): Float32Array;
}

export interface AssignOptions {
  /** A pixel is foreground where the largest map exceeds this. */
  readonly threshold: number;
  /** A pixel is background where no map exceeds this, and ignored (255) between the two; equal to `threshold` for none. */
  readonly backgroundThreshold: number;
}

/**
 * Seeds from maps: each pixel takes the class whose map is largest there (the first one of equals), if that exceeds the
 * threshold, else background; between the two thresholds it is ignored.
 *
 * @param labels the VOC index of each map's class
 */
export function assignSeeds(maps: MapRows, labels: readonly number[], { threshold, backgroundThreshold }: AssignOptions): LabelMap {
  const { width, height } = maps;
  const data = new Uint8Array(width * height);
  const best = new Float32Array(width);
  const label = new Uint8Array(width);
  for (let y = 0; y < height; y++) {
    largestOfRow(maps, labels, y, best, label);
    const start = y * width;
    for (let x = 0; x < width; x++) {
      if (best[x] > threshold) data[start + x] = label[x];
      else if (best[x] > backgroundThreshold) data[start + x] = IGNORE_LABEL;
    }
  }
  return { width, height, data };
}

/**
 * The largest map of each pixel in row y and its class.
 *
 * @param best takes the values [width]
 * @param label takes the classes [width]; the first class where every map is zero
 */
export function largestOfRow(maps: MapRows, labels: readonly number[], y: number, best: Float32Array, label: Uint8Array): void {
  best.set(maps.row(0, y));
  label.fill(labels[0]);
  for (let k = 1; k < maps.classCount; k++) {
    const map = maps.row(k, y);
    const own = labels[k];
    for (let x = 0; x < best.length; x++) {
      if (map[x] > best[x]) {
        best[x] = map[x];
        label[x] = own;
      }
    }
  }
}
