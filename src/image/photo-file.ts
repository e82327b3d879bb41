import type { Sharp } from 'sharp';
import { messageOf, UserError } from '../errors.js';
import { readRegularFile } from '../jobs/read-file.js';
import type { Size } from '../onnx/shapes.js';
import { openImage } from './libvips.js';

/** A rectangle in pixels; it holds at least one. */
export interface Region {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

export interface OpenPhotoOptions {
  /** Turn the picture upright as its EXIF data says. Off for VOC, whose masks belong to the pixels as stored. */
  readonly upright?: boolean;
}

/** A photograph that was found on disk, with its header read. */
export class PhotoFile {
  /**
   * Made by {@link openPhoto}.
   *
   * @param original the photograph's own size, [height, width] in pixels
   */
  constructor(private readonly path: string, private readonly bytes: Uint8Array, private readonly upright: boolean, readonly original: Size) {}

  /**
   * The photograph at a size, resized with an antialiased bicubic filter, or a part of it. The part is cut out after resizing:
   * libvips computes only the pixels asked for, the filter sees the neighbours across the cut, and a JPEG much larger than
   * wanted is shrunk while it is decoded.
   *
   * It is decoded anew for every size. To resize what was decoded once would save a third of that time, but libvips rounds
   * some rows differently there, and seeds would depend on what else was asked for.
   *
   * @returns RGB, HWC, 0..255
   * @throws UserError where the file is truncated or damaged
   */
  async at([height, width]: Size, region?: Region): Promise<Uint8Array> {
    try {
      const resized = open(this.bytes, this.upright).resize({ height, width, fit: 'fill', kernel: 'cubic' });
      const part = region === undefined ? resized : resized.extract(region);
      return await part.toColourspace('srgb').removeAlpha().raw({ depth: 'uchar' }).toBuffer();
    } catch (error) {
      throw photoError(this.path, error);
    }
  }
}

/**
 * Opens a photograph (JPEG, PNG, WebP, TIFF, ...; gray, RGB or with alpha; 8 or 16 bits) and reads its header.
 *
 * @throws UserError where the file is missing or no image
 */
export async function openPhoto(path: string, { upright = false }: OpenPhotoOptions = {}): Promise<PhotoFile> {
  try {
    // Read once: the header is looked at first, and a path would be opened and parsed twice.
    const bytes = await readRegularFile(path);
    const { width, height, autoOrient } = await open(bytes, upright).metadata();
    return new PhotoFile(path, bytes, upright, upright ? [autoOrient.height, autoOrient.width] : [height, width]);
  } catch (error) {
    throw photoError(path, error);
  }
}

function open(bytes: Uint8Array, upright: boolean): Sharp {
  // A colour profile is not applied: networks were trained on pixels as stored, and published tools read them so.
  return openImage(bytes, { failOn: 'error', autoOrient: upright, ignoreIcc: true });
}

/** The error to throw where a photograph could not be read: it names the file. */
export function photoError(path: string, error: unknown): UserError {
  const [reason] = messageOf(error).split('\n');
  // libvips keeps one text of errors for all threads: a photograph read at the same time may have taken it away.
  return new UserError(`cannot read the photograph ${path}: ${reason === 'Unknown error' ? 'the file is damaged or incomplete' : reason}`, undefined, { cause: error });
}
