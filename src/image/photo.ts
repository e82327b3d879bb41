import type { Size } from '../size.js';
import type { InputSize } from './input-size.js';
import { networkSize } from './input-size.js';
import { openPhoto } from './photo-file.js';

/** A photograph at the network's input size. */
export interface Photo {
  /** The photograph's own size, [height, width] in pixels. */
  readonly original: Size;
  /** The size of `pixels`. */
  readonly size: Size;
  /** Whether it was made smaller to stay below the pixel limit. */
  readonly limited: boolean;
  /** RGB, HWC, 0..255. */
  readonly pixels: Uint8Array;
}

export interface PhotoOptions {
  readonly input: InputSize;
  /** The most pixels at the network's input. */
  readonly maxPixels: number;
  /** A factor for the size at the network's input. Default: 1. */
  readonly scale?: number;
  /** Turn the picture upright as its EXIF data says. Off for VOC, whose masks belong to the pixels as stored. */
  readonly upright?: boolean;
}

/** The default limit of pixels at the network's input: 2048 x 2048. */
export const DEFAULT_MAX_PIXELS = 2 ** 22;

/**
 * Decodes a photograph (JPEG, PNG, WebP, TIFF, ...; gray, RGB or with alpha; 8 or 16 bits) and resizes it for the network
 * with an antialiased bicubic filter.
 *
 * @throws UserError if the file is missing, truncated or not an image
 */
export async function readPhoto(path: string, { input, maxPixels, scale, upright }: PhotoOptions): Promise<Photo> {
  const photo = await openPhoto(path, { upright });
  const { size, limited } = networkSize(photo.original, input, maxPixels, scale);
  return { original: photo.original, size, limited, pixels: await photo.at(size) };
}
