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
   * A JPEG is decoded once for all sizes of more than half its own. Smaller sizes, photographs of more than four million pixels and
   * other kinds of files are decoded again for each size. So the pixels never depend on which other sizes were requested: libvips rounds
   * some rows differently if it resizes what it has decoded before.
   *
   * Do not change the pixels: other calls may return the same.
   *
   * @returns RGB, HWC, 0..255
   * @throws UserError if the file is truncated or damaged
   */
  at(size: Size, region?: Region): Promise<Uint8Array>;
}

/** The most pixels of a photograph that is kept decoded: 12 MiB. */
const MAX_KEPT = 2 ** 22;

// Not exported: its declaration would name sharp's types, which need those of Node.js.
class OpenedPhoto implements PhotoFile {
  private decoded: Promise<Uint8Array> | undefined;

  /**
   * @param decode reads the pixels at the photograph's own size
   * @param when `always`: of images that cannot be resized as they are; `large`: only for sizes for which a JPEG is decoded in full
   */
  constructor(
    private readonly path: string, private readonly bytes: Uint8Array, private readonly upright: boolean, readonly original: Size,
    private readonly decode: (image: Sharp) => Promise<Uint8Array>, private readonly when: 'always' | 'large' | 'never',
  ) {}

  async at(size: Size, region?: Region): Promise<Uint8Array> {
    const [height, width] = size;
    const whole = region === undefined && height === this.original[0] && width === this.original[1];
    try {
      const copied = this.when === 'always' || (this.when === 'large' && this.isLarge(size));
      if (copied) this.decoded ??= this.decode(open(this.bytes, this.upright));
      if (copied && whole) return await this.decoded!;
      const image = copied ? rawImage(await this.decoded!, this.original) : open(this.bytes, this.upright);
      const resized = image.resize({ height, width, fit: 'fill', kernel: 'cubic' });
      return await pixelsOf(region === undefined ? resized : resized.extract(region));
    } catch (error) {
      throw photoError(this.path, error, this.bytes);
    }
  }

  /** Whether libvips would decode a JPEG in full for this size, in a photograph that may be kept. */
  private isLarge([height, width]: Size): boolean {
    const { original } = this;
    return original[0] * original[1] <= MAX_KEPT && (original[0] < 2 * height || original[1] < 2 * width);
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
      return new OpenedPhoto(path, bytes, false, plain, pixelsOf, 'large');
    }
    const { width, height, autoOrient, space, hasAlpha, format } = await openImage(bytes, { failOn: 'error', limitInputPixels: false }).metadata();
    requirePixels(path, [height, width]);
    const original: Size = upright ? [autoOrient.height, autoOrient.width] : [height, width];
    // When resizing, libvips would weight colours by their opacity and turn transparent pixels black.
    const when = space === 'cmyk' || hasAlpha ? 'always' : format === 'jpeg' ? 'large' : 'never';
    return new OpenedPhoto(path, bytes, upright, original, space === 'cmyk' ? rgbOfCmyk : pixelsOf, when);
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

function rawImage(pixels: Uint8Array, [height, width]: Size): Sharp {
  return openImage(pixels, { raw: { width, height, channels: 3 }, limitInputPixels: false });
}

function pixelsOf(image: Sharp): Promise<Uint8Array> {
  return image.toColourspace('srgb').removeAlpha().raw({ depth: 'uchar' }).toBuffer();
}

/** Without a profile, libvips uses its own for CMYK. Published tools (Pillow, OpenCV) use R = (1 - C)(1 - K) and so on. */
async function rgbOfCmyk(image: Sharp): Promise<Uint8Array> {
  // With CMYK as the pipeline's colour space, libvips does not convert and returns the stored values.
  const { depth } = await image.metadata();
  const stored = image.pipelineColourspace('cmyk').toColourspace('cmyk').raw({ depth: depth === 'ushort' ? 'ushort' : 'uchar' });
  const { data, info: { channels } } = await stored.toBuffer({ resolveWithObject: true });
  // Little-endian: the second byte of 16 bits is the high one.
  const samples = depth === 'ushort' ? Uint8Array.from({ length: data.length / 2 }, (_, i) => data[2 * i + 1]) : data;
  return cmykToRgb(samples, channels);
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
