import type { Size } from '../size.js';
import type { InputSize } from './input-size.js';
import { networkSize } from './input-size.js';
import { openPhoto } from './photo-file.js';

/** A photograph as it goes into the network. */
export interface Photo {
  /** The photograph's own size, [height, width] in pixels. */
  readonly original: Size;
  /** The size of `pixels`. */
  readonly size: Size;
  /** Whether it was held down to the limit of pixels. */
  readonly limited: boolean;
  /** RGB, HWC, 0..255. */
  readonly pixels: Uint8Array;
}

export interface PhotoOptions {
  readonly input: InputSize;
  /** The most pixels that go into the network. */
  readonly maxPixels: number;
  /** What the size at the network is multiplied by; 1 unless given. */
  readonly scale?: number;
  /** Turn the picture upright as its EXIF data says. Off for VOC, whose masks belong to the pixels as stored. */
  readonly upright?: boolean;
}

/** The default limit of pixels at the network: a photograph of 2048 x 2048. */
export const DEFAULT_MAX_PIXELS = 2 ** 22;

/**
 * Decodes a photograph (JPEG, PNG, WebP, TIFF, ...; gray, RGB or with alpha; 8 or 16 bits) and resizes it for the network
 * with an antialiased bicubic filter.
 *
 * @throws UserError where the file is missing, truncated or no image
 */
export async function readPhoto(path: string, { input, maxPixels, scale, upright }: PhotoOptions): Promise<Photo> {
  const photo = await openPhoto(path, { upright });
  const { size, limited } = networkSize(photo.original, input, maxPixels, scale);
  return { original: photo.original, size, limited, pixels: await photo.at(size) };
}
