import type { Sharp } from 'sharp';
import { messageOf, UserError } from '../errors.js';
import { fileKind } from '../jobs/files/file-kind.js';
import { readRegularFile } from '../jobs/files/read-file.js';
import { limitOf, requireWithin } from '../limits.js';
import { cmykToRgb } from './cmyk.js';
import type { Size } from '../size.js';
import { jpegSize } from './jpeg-header.js';
import { openImage, stopCaching } from './libvips.js';

/** A rectangle of at least one pixel, in pixels. */
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

/** An opened photograph, with its header read. */
export interface PhotoFile {
  /** The photograph's own size, [height, width] in pixels. */
  readonly original: Size;
  /**
   * The photograph, or a region of it, resized with an antialiased bicubic filter. The region is cut out after resizing:
   * libvips computes only the requested pixels, the filter sees the neighbours across the cut, and a JPEG much larger than
   * needed is shrunk while it is decoded.
   *
   * It is decoded again for every size. Resizing a decoded copy would save a third of that time, but libvips then rounds some
   * rows differently, and seeds would depend on which other sizes were requested.
   *
   * @returns RGB, HWC, 0..255
   * @throws UserError if the file is truncated or damaged
   */
  at(size: Size, region?: Region): Promise<Uint8Array>;
}

// Not exported: its declaration would name sharp's types, which need those of Node.js.
class OpenedPhoto implements PhotoFile {
  private converted: Promise<Sharp> | undefined;

  /** @param convert converts images that cannot be resized as they are to RGB; without it, the file is resized while it is decoded */
  constructor(
    private readonly path: string, private readonly bytes: Uint8Array, private readonly upright: boolean, readonly original: Size,
    private readonly convert?: (image: Sharp, size: Size) => Promise<Sharp>,
  ) {}

  async at([height, width]: Size, region?: Region): Promise<Uint8Array> {
    try {
      const resized = (await this.image()).resize({ height, width, fit: 'fill', kernel: 'cubic' });
      const part = region === undefined ? resized : resized.extract(region);
      return await part.toColourspace('srgb').removeAlpha().raw({ depth: 'uchar' }).toBuffer();
    } catch (error) {
      throw photoError(this.path, error, this.bytes);
    }
  }

  private async image(): Promise<Sharp> {
    if (this.convert === undefined) return open(this.bytes, this.upright);
    this.converted ??= this.convert(open(this.bytes, this.upright), this.original);
    return (await this.converted).clone();
  }
}

/**
 * Opens a photograph (JPEG, PNG, WebP, TIFF, ...; gray, RGB, CMYK or with alpha; 8 or 16 bits) and reads its header.
 *
 * CMYK is converted to RGB as in Pillow, and transparency is dropped as in Pillow's `convert('RGB')`, both before resizing.
 *
 * @throws UserError if the file is missing, is not an image, or has more pixels than the limit `photoPixels`
 */
export async function openPhoto(path: string, { upright = false }: OpenPhotoOptions = {}): Promise<PhotoFile> {
  let bytes: Uint8Array | undefined;
  try {
    // Read once: with a path, sharp would open and parse the file twice.
    bytes = await readRegularFile(path);
    const plain = upright ? undefined : jpegSize(bytes);
    if (plain !== undefined) {
      stopCaching();
      requirePixels(path, plain);
      return new OpenedPhoto(path, bytes, false, plain);
    }
    const { width, height, autoOrient, space, hasAlpha } = await openImage(bytes, { failOn: 'error', limitInputPixels: false }).metadata();
    requirePixels(path, [height, width]);
    const convert = space === 'cmyk' ? rgbOfCmyk : hasAlpha ? rgbOfAlpha : undefined;
    return new OpenedPhoto(path, bytes, upright, upright ? [autoOrient.height, autoOrient.width] : [height, width], convert);
  } catch (error) {
    throw photoError(path, error, bytes);
  }
}

/** Our own limit, since sharp's error does not say what the limit is. */
function requirePixels(path: string, [height, width]: Size): void {
  requireWithin('photoPixels', width * height, `the photograph ${path} has ${width} x ${height} pixels`);
}

/** The same photograph, which keeps the pixels of every size that it was asked for. They must not be changed. */
export function rememberSizes(photo: PhotoFile): PhotoFile {
  const known = new Map<string, Promise<Uint8Array>>();
  return {
    original: photo.original,
    at: (size, region) => {
      if (region !== undefined) return photo.at(size, region);
      const key = size.join('x');
      const pixels = known.get(key) ?? photo.at(size);
      known.set(key, pixels);
      return pixels;
    },
  };
}

function open(bytes: Uint8Array, upright: boolean): Sharp {
  // No colour profile is applied: networks were trained on pixels as stored, and published tools read them this way.
  return openImage(bytes, { failOn: 'error', autoOrient: upright, ignoreIcc: true, limitInputPixels: limitOf('photoPixels') });
}

/** When resizing, libvips would weight colours by their opacity and turn transparent pixels black. */
async function rgbOfAlpha(image: Sharp, [height, width]: Size): Promise<Sharp> {
  const rgb = await image.toColourspace('srgb').removeAlpha().raw({ depth: 'uchar' }).toBuffer();
  return openImage(rgb, { raw: { width, height, channels: 3 }, limitInputPixels: false });
}

/** Without a profile, libvips uses its own for CMYK. Published tools (Pillow, OpenCV) use R = (1 - C)(1 - K) and so on. */
async function rgbOfCmyk(image: Sharp, [height, width]: Size): Promise<Sharp> {
  // With CMYK as the pipeline's colour space, libvips does not convert and returns the stored values.
  const { depth } = await image.metadata();
  const stored = image.pipelineColourspace('cmyk').toColourspace('cmyk').raw({ depth: depth === 'ushort' ? 'ushort' : 'uchar' });
  const { data, info: { channels } } = await stored.toBuffer({ resolveWithObject: true });
  // Little-endian: the second byte of 16 bits is the high one.
  const samples = depth === 'ushort' ? Uint8Array.from({ length: data.length / 2 }, (_, i) => data[2 * i + 1]) : data;
  return openImage(cmykToRgb(samples, channels), { raw: { width, height, channels: 3 }, limitInputPixels: false });
}

/** Supported kinds of files. For others, the error names the kind instead of libvips's message. */
const READ: ReadonlySet<string> = new Set(['a JPEG', 'a PNG', 'a GIF', 'a WebP', 'a TIFF', 'an AVIF']);

/**
 * The error for a photograph that could not be read. It names the file.
 *
 * @param bytes the file, to detect its kind
 */
export function photoError(path: string, error: unknown, bytes?: Uint8Array): UserError {
  if (error instanceof UserError) return error;
  const [reason] = messageOf(error).split('\n');
  const refused = (why: string, hint?: string): UserError => new UserError(`cannot read the photograph ${path}: ${why}`, hint, { cause: error });
  if (bytes?.length === 0) return refused('the file is empty');
  const kind = bytes && fileKind(bytes);
  if (kind !== undefined && !READ.has(kind)) return refused(`it is ${kind}, which is not supported`, 'convert it to PNG or JPEG');
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return refused('it does not exist');
  // libvips has one error text for all threads: another thread may have taken it, or this one may be that of another file.
  const foreign = reason === 'Unknown error' || (kind !== undefined && /unsupported image format|not in a known format/.test(reason));
  return refused(foreign ? 'the file is damaged or incomplete' : reason);
}
