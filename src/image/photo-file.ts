import { readFile } from 'node:fs/promises';
import type { Metadata, Sharp } from 'sharp';
import sharp from 'sharp';
import { messageOf, UserError } from '../errors.js';
import type { Size } from '../onnx/shapes.js';

// Each image is read once; a cache would only grow.
sharp.cache(false);

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
  /** The photograph will be asked for at several sizes: decode it once where that changes no pixel. */
  readonly several?: boolean;
}

/** From this reduction on libvips shrinks a JPEG while it is decoded. */
const SHRUNK_ON_LOAD = 2;

/** A photograph that was found on disk, with its header read. */
export class PhotoFile {
  /** The photograph's own size, [height, width] in pixels. */
  readonly original: Size;
  private decoded: Promise<Uint8Array> | undefined;

  constructor(
    private readonly path: string, private readonly bytes: Uint8Array, private readonly metadata: Metadata,
    private readonly options: OpenPhotoOptions,
  ) {
    const { width, height, autoOrient } = metadata;
    this.original = options.upright === true ? [autoOrient.height, autoOrient.width] : [height, width];
  }

  /**
   * The photograph at a size, resized with an antialiased bicubic filter, or a part of it. The part is cut out after resizing:
   * libvips computes only the pixels asked for, and the filter sees the neighbours across the cut.
   *
   * A JPEG that is more than twice as large as wanted is shrunk while it is decoded.
   *
   * @returns RGB, HWC, 0..255; not to be changed
   * @throws UserError where the file is truncated or damaged
   */
  async at(size: Size, region?: Region): Promise<Uint8Array> {
    try {
      const [height, width] = size;
      const decoded = this.decodedFor(size);
      if (decoded !== undefined && region === undefined && height === this.original[0] && width === this.original[1]) return await decoded;
      const image = decoded === undefined ? open(this.bytes, this.options) : rawImage(await decoded, this.original);
      const resized = image.resize({ height, width, fit: 'fill', kernel: 'cubic' });
      return await pixelsOf(region === undefined ? resized : resized.extract(region));
    } catch (error) {
      throw photoError(this.path, error);
    }
  }

  /** All pixels of the photograph where several sizes are made of them and this one comes out the same as from the file. */
  private decodedFor([height, width]: Size): Promise<Uint8Array> | undefined {
    const whole = this.original[0] < SHRUNK_ON_LOAD * height && this.original[1] < SHRUNK_ON_LOAD * width;
    if (this.options.several !== true || !whole || !this.resizesAsDecoded()) return undefined;
    return this.decoded ??= pixelsOf(open(this.bytes, this.options));
  }

  /** Whether resizing comes before any conversion of its numbers, and nothing is turned. */
  private resizesAsDecoded(): boolean {
    const { format, depth, space, hasAlpha, orientation = 1 } = this.metadata;
    return (format === 'jpeg' || format === 'png') && depth === 'uchar' && (space === 'srgb' || space === 'b-w') && !hasAlpha
      && (this.options.upright !== true || orientation === 1);
  }
}

/**
 * Opens a photograph (JPEG, PNG, WebP, TIFF, ...; gray, RGB or with alpha; 8 or 16 bits) and reads its header.
 *
 * @throws UserError where the file is missing or no image
 */
export async function openPhoto(path: string, options: OpenPhotoOptions = {}): Promise<PhotoFile> {
  try {
    // Read once: the header is looked at first, and a path would be opened and parsed twice.
    const bytes = await readFile(path);
    return new PhotoFile(path, bytes, await open(bytes, options).metadata(), options);
  } catch (error) {
    throw photoError(path, error);
  }
}

function open(bytes: Uint8Array, { upright = false }: OpenPhotoOptions): Sharp {
  // A colour profile is not applied: networks were trained on pixels as stored, and published tools read them so.
  return sharp(bytes, { failOn: 'error', autoOrient: upright, ignoreIcc: true });
}

function rawImage(pixels: Uint8Array, [height, width]: Size): Sharp {
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

/** The pixels of a photograph of any kind: RGB, HWC, 0..255. */
async function pixelsOf(image: Sharp): Promise<Uint8Array> {
  return await image.toColourspace('srgb').removeAlpha().raw({ depth: 'uchar' }).toBuffer();
}

/** The error to throw where a photograph could not be read: it names the file. */
export function photoError(path: string, error: unknown): UserError {
  const [reason] = messageOf(error).split('\n');
  // libvips keeps one text of errors for all threads: a photograph read at the same time may have taken it away.
  return new UserError(`cannot read the photograph ${path}: ${reason === 'Unknown error' ? 'the file is damaged or incomplete' : reason}`, undefined, { cause: error });
}
