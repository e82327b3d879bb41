import type { Sharp } from 'sharp';
import { messageOf, UserError } from '../errors.js';
import { fileKind } from '../jobs/files/file-kind.js';
import { readRegularFile } from '../jobs/files/read-file.js';
import { limitOf, requireWithin } from '../limits.js';
import { cmykToRgb } from './cmyk.js';
import type { Size } from '../size.js';
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
export interface PhotoFile {
  /** The photograph's own size, [height, width] in pixels. */
  readonly original: Size;
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
  at(size: Size, region?: Region): Promise<Uint8Array>;
}

// Not exported: its declaration would name sharp's types, which need those of Node.js.
class OpenedPhoto implements PhotoFile {
  private converted: Promise<Sharp> | undefined;

  /** @param convert makes RGB of what cannot be resized as it is; without it, the file is resized while it is decoded */
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
      throw photoError(this.path, error);
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
 * CMYK becomes RGB as in Pillow, and transparency is left out as in Pillow's `convert('RGB')`: both before resizing.
 *
 * @throws UserError where the file is missing, no image, or has more pixels than the limit `photoPixels`
 */
export async function openPhoto(path: string, { upright = false }: OpenPhotoOptions = {}): Promise<PhotoFile> {
  let bytes: Uint8Array | undefined;
  try {
    // Read once: the header is looked at first, and a path would be opened and parsed twice.
    bytes = await readRegularFile(path);
    // The limit is ours, and named: sharp's own does not say what it is.
    const { width, height, autoOrient, space, hasAlpha } = await openImage(bytes, { failOn: 'error', limitInputPixels: false }).metadata();
    requireWithin('photoPixels', width * height, `the photograph ${path} has ${width} x ${height} pixels`);
    const convert = space === 'cmyk' ? rgbOfCmyk : hasAlpha ? rgbOfAlpha : undefined;
    return new OpenedPhoto(path, bytes, upright, upright ? [autoOrient.height, autoOrient.width] : [height, width], convert);
  } catch (error) {
    throw photoError(path, error, bytes);
  }
}

function open(bytes: Uint8Array, upright: boolean): Sharp {
  // A colour profile is not applied: networks were trained on pixels as stored, and published tools read them so.
  return openImage(bytes, { failOn: 'error', autoOrient: upright, ignoreIcc: true, limitInputPixels: limitOf('photoPixels') });
}

/** libvips would weigh colours by their opacity when it resizes, and make black of what is transparent. */
async function rgbOfAlpha(image: Sharp, [height, width]: Size): Promise<Sharp> {
  const rgb = await image.toColourspace('srgb').removeAlpha().raw({ depth: 'uchar' }).toBuffer();
  return openImage(rgb, { raw: { width, height, channels: 3 }, limitInputPixels: false });
}

/**
 * Without a profile, libvips takes one of its own for CMYK. Published tools (Pillow, OpenCV) take R = (1 - C)(1 - K) and so on.
 */
async function rgbOfCmyk(image: Sharp, [height, width]: Size): Promise<Sharp> {
  // The pipeline's own colour space keeps libvips from converting; what is stored comes out.
  const { depth } = await image.metadata();
  const stored = image.pipelineColourspace('cmyk').toColourspace('cmyk').raw({ depth: depth === 'ushort' ? 'ushort' : 'uchar' });
  const { data, info: { channels } } = await stored.toBuffer({ resolveWithObject: true });
  // Little-endian: the second byte of 16 bits is the high one.
  const samples = depth === 'ushort' ? Uint8Array.from({ length: data.length / 2 }, (_, i) => data[2 * i + 1]) : data;
  return openImage(cmykToRgb(samples, channels), { raw: { width, height, channels: 3 }, limitInputPixels: false });
}

/** The kinds of files that are photographs; others are named instead of what libvips says of them. */
const READ: ReadonlySet<string> = new Set(['a JPEG', 'a PNG', 'a GIF', 'a WebP', 'a TIFF', 'an AVIF']);

/**
 * The error to throw where a photograph could not be read: it names the file.
 *
 * @param bytes the file, which tells what it is
 */
export function photoError(path: string, error: unknown, bytes?: Uint8Array): UserError {
  if (error instanceof UserError) return error;
  const [reason] = messageOf(error).split('\n');
  const refused = (why: string, hint?: string): UserError => new UserError(`cannot read the photograph ${path}: ${why}`, hint, { cause: error });
  if (bytes?.length === 0) return refused('the file is empty');
  const kind = bytes && fileKind(bytes);
  if (kind !== undefined && !READ.has(kind)) return refused(`it is ${kind}, which is not read`, 'convert it to PNG or JPEG');
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return refused('it does not exist');
  // libvips keeps one text of errors for all threads: a photograph read at the same time may have taken it away.
  return refused(reason === 'Unknown error' ? 'the file is damaged or incomplete' : reason);
}
