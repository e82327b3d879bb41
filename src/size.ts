/** The height and width of an image, in pixels. */
export type Size = readonly [height: number, width: number];
