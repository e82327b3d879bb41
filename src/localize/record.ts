import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Box } from '../datasets/boxes/box-truth.js';
import { messageOf, UserError } from '../errors.js';

/** The folder of the images' records within the output folder. */
export const RECORD_FOLDER = 'images';

/** The path of an image's record. */
export function recordPath(out: string, id: string): string {
  return join(out, RECORD_FOLDER, `${id}.json`);
}

const box = z.tuple([z.number(), z.number(), z.number(), z.number()]);

const recordSchema = z.strictObject({
  /** The size of the photograph, [height, width]. */
  size: z.tuple([z.number(), z.number()]),
  /** The true classes: how many classes are more likely, their boxes, and for each variant the best IoU of any contour at each threshold. */
  truths: z.array(z.strictObject({
    logit: z.number(), rank: z.number(), boxes: z.array(box), best: z.array(z.array(z.number())),
    /** If the image has a mask: for each variant, how many pixels of the class and of the rest have a value in each bin, for PxAP. */
    pixels: z.array(z.strictObject({ inside: z.array(z.number()), outside: z.array(z.number()) })).optional(),
  })),
  /**
   * The classes with maps: the value of the logit, how many classes are more likely, and for each variant the step and box of each change
   * of the largest contour.
   */
  maps: z.array(z.strictObject({
    logit: z.number(), value: z.number(), rank: z.number(), boxes: z.array(z.array(z.tuple([z.number(), ...box.def.items]))),
  })),
});

/** What is kept of an image: everything that it can be scored with. */
export type LocalizeRecord = z.infer<typeof recordSchema>;

/** The boxes of a map in a record. */
export type StoredBoxes = LocalizeRecord['maps'][number]['boxes'][number];

/** The pixels of a map in a record. */
export type StoredPixels = NonNullable<LocalizeRecord['truths'][number]['pixels']>[number];

/** The steps at which the box changes, each with the new box. */
export function packBoxes(boxes: readonly Box[]): StoredBoxes {
  return boxes.flatMap((own, step): StoredBoxes => (step > 0 && own.join() === boxes[step - 1].join() ? [] : [[step, ...own]]));
}

/** The box at a step. */
export function boxAt(boxes: StoredBoxes, step: number): Box {
  let found = boxes[0];
  for (const own of boxes) if (own[0] <= step) found = own;
  return [found[1], found[2], found[3], found[4]];
}

/** @throws Error if the bytes are not a record of so many variants */
export function decodeRecord(bytes: Uint8Array, variants: number): LocalizeRecord {
  const record = recordSchema.parse(JSON.parse(Buffer.from(bytes).toString()));
  const lists = [...record.truths.flatMap(({ best, pixels }) => [best, pixels ?? best]), ...record.maps.map(({ boxes }) => boxes)];
  if (lists.some(({ length }) => length !== variants)) throw new Error(`it is not a record of ${variants} variants`);
  return record;
}

/** @throws UserError if the record is missing or damaged */
export async function readRecord(out: string, id: string, variants: number): Promise<LocalizeRecord> {
  const path = recordPath(out, id);
  try {
    return decodeRecord(await readFile(path), variants);
  } catch (error) {
    throw new UserError(`cannot read the boxes of ${id} in ${path}: ${messageOf(error)}`, 'run the same command again to make it again', { cause: error });
  }
}
