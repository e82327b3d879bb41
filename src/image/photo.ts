import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import type { Sharp } from 'sharp';
import { messageOf, UserError } from '../errors.js';
import type { Size } from '../onnx/shapes.js';
import type { InputSize } from './input-size.js';
import { networkSize } from './input-size.js';

// Each image is read once; a cache would only grow.
sharp.cache(false);

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
export async function readPhoto(path: string, options: PhotoOptions): Promise<Photo> {
  try {
    const upright = options.upright === true;
    // A colour profile is not applied: networks were trained on pixels as stored, and published tools read them so.
    // Read once: the header is looked at first, and a path would be opened and parsed twice.
    const image = sharp(await readFile(path), { failOn: 'error', autoOrient: upright, ignoreIcc: true });
    const { width, height, autoOrient } = await image.metadata();
    const original: Size = upright ? [autoOrient.height, autoOrient.width] : [height, width];
    const { size, limited } = networkSize(original, options.input, options.maxPixels, options.scale);
    return { original, size, limited, pixels: await pixelsOf(resized(image, size)) };
  } catch (error) {
    throw photoError(path, error);
  }
}

/** A photograph at another size, by the antialiased bicubic filter that all are resized with. */
export function resized(image: Sharp, [height, width]: Size): Sharp {
  return image.resize({ height, width, fit: 'fill', kernel: 'cubic' });
}

/** The pixels of a photograph of any kind: RGB, HWC, 0..255. */
export async function pixelsOf(image: Sharp): Promise<Uint8Array> {
  return await image.toColourspace('srgb').removeAlpha().raw({ depth: 'uchar' }).toBuffer();
}

/** The error to throw where a photograph could not be read: it names the file. */
export function photoError(path: string, error: unknown): UserError {
  const [reason] = messageOf(error).split('\n');
  // libvips keeps one text of errors for all threads: a photograph read at the same time may have taken it away.
  return new UserError(`cannot read the photograph ${path}: ${reason === 'Unknown error' ? 'the file is damaged or incomplete' : reason}`, undefined, { cause: error });
}
