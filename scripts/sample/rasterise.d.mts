/** What is drawn of one object, or of the background or an ignored region: rings of [x, y], filled by the even-odd rule. */
export interface Shape {
  class: string;
  /** Tells the objects of a class apart; `background` and `ignore` have none. */
  instance?: number;
  truncated?: boolean;
  difficult?: boolean;
  rings: [x: number, y: number][][];
}

/** A file of data/sample/polygons. */
export interface Outlines {
  width: number;
  height: number;
  shapes: Shape[];
}

/** An object with its VOC bounding box: 1-based, inclusive. */
export interface SampleObject {
  name: string;
  truncated: boolean;
  difficult: boolean;
  box: { xmin: number; ymin: number; xmax: number; ymax: number };
}

export const CLASSES: string[];
export function rasterise(outlines: Outlines): { labels: Uint8Array; objects: SampleObject[] };
export function annotationXml(id: string, size: { width: number; height: number }, objects: SampleObject[]): string;
export function labelLine(id: string, objects: SampleObject[]): string;
