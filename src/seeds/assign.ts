import type { LabelMap } from '../voc/label-map.js';
import { IGNORE_LABEL } from '../voc/label-map.js';

/** Maps of several classes that are read row by row; {@link FusedMaps} is one. */
export interface MapRows {
  readonly height: number;
  readonly width: number;
  readonly classCount: number;
  /** Writes row y of class k, [width]. */
  readRow(k: number, y: number, out: Float32Array): void;
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
  const other = new Float32Array(width);
  const label = new Uint8Array(width);
  for (let y = 0; y < height; y++) {
    largestOfRow(maps, labels, y, best, label, other);
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
 * @param label takes the classes [width]
 * @param other scratch space [width]
 */
export function largestOfRow(
  maps: MapRows, labels: readonly number[], y: number, best: Float32Array, label: Uint8Array, other: Float32Array,
): void {
  best.fill(0);
  label.fill(0);
  for (let k = 0; k < maps.classCount; k++) {
    maps.readRow(k, y, other);
    for (let x = 0; x < best.length; x++) {
      if (other[x] > best[x]) {
        best[x] = other[x];
        label[x] = labels[k];
      }
    }
  }
}
