/** A box in pixels, counted from 0. The last column and row are part of it. */
export type Box = readonly [left: number, top: number, right: number, bottom: number];

/** The true boxes of a class in an image. */
export interface ClassBoxes {
  /** A name or an index, as the file has it. */
  readonly name: string;
  readonly boxes: readonly Box[];
}

/** The true boxes of an image. */
export interface BoxTruth {
  /** The file name of the photograph without its extension. */
  readonly id: string;
  /** The file name of the photograph, or only its id if the extension is unknown. */
  readonly fileName: string;
  /** The size that the boxes are for, if it is known. */
  readonly width?: number;
  readonly height?: number;
  /** Each class once. */
  readonly classes: readonly ClassBoxes[];
  /** Its id in a COCO file. */
  readonly imageId?: number;
}

/** An image whose annotation cannot be used. */
export interface BadTruth {
  readonly id: string;
  readonly reason: string;
}

/** True boxes of images. */
export interface BoxTruths {
  readonly images: readonly BoxTruth[];
  readonly bad: readonly BadTruth[];
  /** The ids of categories by their names, in a COCO file. */
  readonly categoryIds?: ReadonlyMap<string, number>;
}

/** Puts the boxes of each class together, in the order in which classes appear. */
export function byClass(objects: readonly { readonly name: string; readonly box: Box }[]): ClassBoxes[] {
  const found = new Map<string, Box[]>();
  for (const { name, box } of objects) found.set(name, [...found.get(name) ?? [], box]);
  return [...found].map(([name, boxes]) => ({ name, boxes }));
}
