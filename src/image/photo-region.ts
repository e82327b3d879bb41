import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import type { Size } from '../onnx/shapes.js';
import { photoError, pixelsOf, resized } from './photo.js';

/** A rectangle in pixels; it holds at least one. */
export interface Region {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** What is wanted of a photograph: a rectangle of what it becomes when it is resized to [height, width]. */
export interface RegionRequest {
  readonly resized: Size;
  readonly region: Region;
}

/**
 * Decodes a photograph as `readPhoto` does (pixels as stored, antialiased bicubic filter), but hands back a part of it.
 * The part is cut out after resizing: libvips computes only the pixels asked for, neighbours across the cut are seen by
 * the filter, and a JPEG much larger than wanted is shrunk while it is decoded.
 *
 * @param choose what is wanted, given the photograph's own size
 * @returns RGB, HWC, 0..255, of the region's size
 * @throws UserError where the file is missing, truncated or no image
 */
export async function readPhotoRegion(path: string, choose: (photo: Size) => RegionRequest): Promise<Uint8Array> {
  try {
    const image = sharp(await readFile(path), { failOn: 'error', ignoreIcc: true });
    const { width, height } = await image.metadata();
    const { resized: whole, region } = choose([height, width]);
    return await pixelsOf(resized(image, whole).extract(region));
  } catch (error) {
    throw photoError(path, error);
  }
}
