import { deflateSync, inflateSync, constants as zlib } from 'node:zlib';
import { crc32 } from './crc32.js';

// A PNG codec for label images. General decoders convert palette images to colours or leave depths below 8 packed. This one
// gives the samples themselves, and is several times faster with Node.js's native zlib.

/** The header (IHDR) of a PNG. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits per sample: 1, 2, 4, 8 or 16. */
  readonly bitDepth: number;
  readonly colourType: number;
  readonly interlaced: boolean;
}

/** The colour types of the PNG specification. */
export const COLOUR_TYPE = { gray: 0, rgb: 2, palette: 3, grayAlpha: 4, rgba: 6 } as const;

/** The parts of a PNG, with the pixels still compressed. */
export interface PngFile {
  readonly header: PngHeader;
  /** The 1 to 256 colours of a palette image (PLTE) as R, G, B bytes. */
  readonly palette?: Uint8Array;
  readonly compressed: Uint8Array;
}

/** The bytes are not a complete PNG. The message says what is wrong, without the file's name. */
export class PngError extends Error {
  override readonly name = 'PngError';
}

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const channelsOf = new Map<number, number>([
  [COLOUR_TYPE.gray, 1], [COLOUR_TYPE.rgb, 3], [COLOUR_TYPE.palette, 1], [COLOUR_TYPE.grayAlpha, 2], [COLOUR_TYPE.rgba, 4],
]);
const depthsOf = new Map<number, readonly number[]>([
  [COLOUR_TYPE.gray, [1, 2, 4, 8, 16]], [COLOUR_TYPE.rgb, [8, 16]], [COLOUR_TYPE.palette, [1, 2, 4, 8]],
  [COLOUR_TYPE.grayAlpha, [8, 16]], [COLOUR_TYPE.rgba, [8, 16]],
]);

/** A regular grid of pixels stored as one image: the whole picture, or one of Adam7's seven passes. */
interface Pass {
  readonly x: number;
  readonly y: number;
  readonly stepX: number;
  readonly stepY: number;
}

const progressive: readonly Pass[] = [{ x: 0, y: 0, stepX: 1, stepY: 1 }];
const adam7: readonly Pass[] = [
  { x: 0, y: 0, stepX: 8, stepY: 8 }, { x: 4, y: 0, stepX: 8, stepY: 8 }, { x: 0, y: 4, stepX: 4, stepY: 8 },
  { x: 2, y: 0, stepX: 4, stepY: 4 }, { x: 0, y: 2, stepX: 2, stepY: 4 }, { x: 1, y: 0, stepX: 2, stepY: 2 },
  { x: 0, y: 1, stepX: 1, stepY: 2 },
];

/**
 * Reads the chunks of a PNG and checks their checksums. Ancillary chunks are skipped.
 *
 * @throws {PngError} if the bytes are not a PNG, end early, or are corrupt
 */
export function parsePng(bytes: Uint8Array): PngFile {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length === 0) throw new PngError('the file is empty');
  if (!file.subarray(0, 8).equals(signature)) {
    throw new PngError(file[0] === 0xff && file[1] === 0xd8 ? 'it is a JPEG, not a PNG; JPEG compression changes labels' : 'it is not a PNG');
  }
  let header: PngHeader | undefined;
  let palette: Uint8Array | undefined;
  const data = new Joined(file.length);
  for (let at = 8; ;) {
    if (at + 12 > file.length) throw new PngError('the PNG is cut short');
    const length = file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + 8);
    const end = at + 8 + length;
    if (end + 4 > file.length) throw new PngError(`the PNG is cut short in its ${type} chunk`);
    if (crc32(file.subarray(at + 4, end)) !== file.readUInt32BE(end)) throw new PngError(`the PNG is corrupt: the checksum of its ${type} chunk is wrong`);
    const body = file.subarray(at + 8, end);
    if (header === undefined && type !== 'IHDR') throw new PngError('the PNG is corrupt: it does not start with a header');
    if (type === 'IHDR') header = parseHeader(body);
    else if (type === 'PLTE') palette = parsePalette(body);
    else if (type === 'IDAT') data.add(body);
    else if (type === 'IEND') break;
    at = end + 4;
  }
  const compressed = data.bytes();
  if (header === undefined || compressed === undefined) throw new PngError('the PNG is corrupt: it contains no pixels');
  if (header.colourType !== COLOUR_TYPE.palette) return { header, compressed };
  if (palette === undefined) throw new PngError('the PNG is corrupt: it has no palette');
  return { header, palette, compressed };
}

/** Joins chunks. Each is copied at once: a list of millions of tiny chunks would take far more memory than the file. */
class Joined {
  private first: Uint8Array | undefined;
  private copy: Uint8Array | undefined;
  private length = 0;

  /** @param most the maximum size of all chunks together, in bytes */
  constructor(private readonly most: number) {}

  add(chunk: Uint8Array): void {
    if (this.first === undefined) this.first = chunk;
    else {
      if (this.copy === undefined) {
        this.copy = Buffer.allocUnsafe(this.most);
        this.copy.set(this.first);
      }
      this.copy.set(chunk, this.length);
    }
    this.length += chunk.length;
  }

  /** All chunks in order; `undefined` if there were none. A single chunk is not copied. */
  bytes(): Uint8Array | undefined {
    return this.copy === undefined ? this.first : this.copy.subarray(0, this.length);
  }
}

function parsePalette(body: Buffer): Uint8Array {
  if (body.length === 0 || body.length > 768 || body.length % 3 !== 0) throw new PngError('the PNG is corrupt: its palette has the wrong length');
  return body;
}

function parseHeader(body: Buffer): PngHeader {
  if (body.length !== 13) throw new PngError('the PNG is corrupt: its header has the wrong length');
  const header = {
    width: body.readUInt32BE(0), height: body.readUInt32BE(4), bitDepth: body[8], colourType: body[9], interlaced: body[12] === 1,
  };
  const valid = header.width > 0 && header.height > 0 && depthsOf.get(header.colourType)?.includes(header.bitDepth) === true
    && body[10] === 0 && body[11] === 0 && body[12] <= 1;
  if (!valid) throw new PngError('the PNG is corrupt: its header is invalid');
  return header;
}

/**
 * Unpacks the pixels of a PNG with at most 8 bits per sample.
 *
 * @returns one byte per sample, layout HWC (1 channel for gray and palette, 3 RGB, 4 RGBA), with the values as stored:
 *   depths below 8 are not scaled up
 * @throws {PngError} if the pixels are corrupt
 */
export function unpackSamples({ header, compressed }: PngFile): Uint8Array {
  const { width, height, bitDepth, interlaced } = header;
  const channels = channelsOf.get(header.colourType)!;
  const passes = (interlaced ? adam7 : progressive)
    .map((pass) => ({ ...pass, columns: Math.ceil((width - pass.x) / pass.stepX), rows: Math.ceil((height - pass.y) / pass.stepY) }))
    .filter(({ columns, rows }) => columns > 0 && rows > 0)
    .map((pass) => ({ ...pass, rowBytes: Math.ceil(pass.columns * channels * bitDepth / 8) }));
  const total = passes.reduce((sum, { rows, rowBytes }) => sum + rows * (1 + rowBytes), 0);
  const raw = inflate(compressed, total);

  const samples = new Uint8Array(width * height * channels);
  const pixelBytes = Math.max(1, channels * bitDepth / 8);
  let at = 0;
  for (const { x, y, stepX, stepY, columns, rows, rowBytes } of passes) {
    let above: Uint8Array = new Uint8Array(rowBytes);
    for (let row = 0; row < rows; row++) {
      const line = raw.subarray(at + 1, at + 1 + rowBytes);
      unfilter(raw[at], line, above, pixelBytes);
      const start = ((y + row * stepY) * width + x) * channels;
      if (bitDepth < 8) spreadBits(line, bitDepth, columns, samples, start, stepX);
      else if (stepX === 1) samples.set(line, start);
      else for (let i = 0; i < line.length; i++) samples[start + Math.floor(i / channels) * stepX * channels + i % channels] = line[i];
      above = line;
      at += 1 + rowBytes;
    }
  }
  return samples;
}

function inflate(compressed: Uint8Array, total: number): Uint8Array {
  let raw: Uint8Array;
  try {
    // One buffer of the right size: joining pieces would take twice the memory. (One extra byte keeps zlib from allocating
    // a second buffer.)
    raw = inflateSync(compressed, { maxOutputLength: total, chunkSize: Math.max(64, total + 1) });
  } catch (cause) {
    throw new PngError('the PNG is corrupt: its pixels cannot be decompressed', { cause });
  }
  if (raw.length !== total) throw new PngError('the PNG is corrupt: pixels are missing');
  return raw;
}

/** Undoes one of the five row filters of the PNG specification, in place. */
function unfilter(type: number, line: Uint8Array, above: Uint8Array, step: number): void {
  switch (type) {
    case 0:
      return;
    case 1:
      for (let i = step; i < line.length; i++) line[i] += line[i - step];
      return;
    case 2:
      for (let i = 0; i < line.length; i++) line[i] += above[i];
      return;
    case 3:
      for (let i = 0; i < line.length; i++) line[i] += ((i < step ? 0 : line[i - step]) + above[i]) >> 1;
      return;
    case 4:
      for (let i = 0; i < line.length; i++) {
        line[i] += i < step ? above[i] : paeth(line[i - step], above[i], above[i - step]);
      }
      return;
    default:
      throw new PngError(`the PNG is corrupt: unknown row filter ${type}`);
  }
}

/** The value of left, above and above-left that is nearest to left + above - above-left. */
function paeth(left: number, above: number, corner: number): number {
  const toLeft = Math.abs(above - corner);
  const toAbove = Math.abs(left - corner);
  const toCorner = Math.abs(left + above - 2 * corner);
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}

/** Unpacks samples of 1, 2 or 4 bits. The first sample is in the highest bits of a byte. */
function spreadBits(line: Uint8Array, bits: number, count: number, out: Uint8Array, start: number, step: number): void {
  const mask = (1 << bits) - 1;
  for (let i = 0; i < count; i++) {
    const bit = i * bits;
    out[start + i * step] = line[bit >> 3] >> (8 - bits - (bit & 7)) & mask;
  }
}

/**
 * Encodes a PNG with one 8-bit sample per pixel.
 *
 * @param samples width * height bytes, row by row
 * @param palette 256 colours as R, G, B bytes for an indexed PNG; without it the PNG is grayscale
 * @throws {RangeError} if the number of samples is not width * height, or is zero
 */
export function packPng(width: number, height: number, samples: Uint8Array, palette?: Readonly<Uint8Array>): Uint8Array {
  if (width < 1 || height < 1 || samples.length !== width * height) {
    throw new RangeError(`a picture of ${width} x ${height} needs ${width * height} samples (at least one), but ${samples.length} were given`);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  header[9] = palette === undefined ? COLOUR_TYPE.gray : COLOUR_TYPE.palette;

  // Row filter 0 everywhere: differences of labels are not small. Run lengths are all that deflate finds in labels, and
  // searching only for those makes it six times faster.
  const raw = Buffer.alloc(height * (width + 1));
  for (let row = 0; row < height; row++) raw.set(samples.subarray(row * width, (row + 1) * width), row * (width + 1) + 1);
  const compressed = deflateSync(raw, { strategy: zlib.Z_RLE });

  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    ...palette === undefined ? [] : [chunk('PLTE', palette)],
    chunk('IDAT', compressed),
    chunk('IEND', new Uint8Array()),
  ]);
}

function chunk(type: string, body: Readonly<Uint8Array>): Buffer {
  const out = Buffer.alloc(body.length + 12);
  out.writeUInt32BE(body.length, 0);
  out.write(type, 4, 'latin1');
  out.set(body, 8);
  out.writeUInt32BE(crc32(out.subarray(4, body.length + 8)), body.length + 8);
  return out;
}
