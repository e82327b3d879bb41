/**
 * A label per pixel, row by row: 0 background, 1..20 the VOC classes, 255 ignore (void).
 * `data.length === width * height`.
 */
export interface LabelMap {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
  /** Whether the mask was painted with white as void: white counts as 255. */
  readonly whiteVoid?: true;
}

/** The label of pixels that are left out of scoring: borders and difficult regions in VOC, undecided pixels in seeds. */
export const IGNORE_LABEL = 255;
