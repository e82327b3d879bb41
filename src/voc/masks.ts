import { readFile } from 'node:fs/promises';
import { messageOf, UserError } from '../errors.js';
import { writeFileAtomic } from '../jobs/files.js';
import type { LabelMap } from './label-map.js';
import { VOC_PALETTE, vocLabelOfColour } from './palette.js';
import { COLOUR_TYPE, packPng, parsePng, PngError, unpackSamples } from './png.js';
import type { PngFile } from './png.js';

/** What to do with masks that hold colours instead of labels: refuse them, or look the colours up in the VOC palette. */
export type RgbMasks = 'reject' | 'voc';

/** How a mask is read. */
export interface MaskOptions {
  /** Default `reject`. */
  readonly rgb?: RgbMasks;
}

/** How a mask is written: indexed with the VOC palette, or the labels as plain gray. Both hold the same 8-bit labels. */
export type MaskFormat = 'palette' | 'gray';

/**
 * Reads a label mask from a PNG file: see {@link decodeMask}.
 *
 * @throws {UserError} when the file is missing, or is not a mask that can be read
 */
export async function readMask(path: string, options?: MaskOptions): Promise<LabelMap> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new UserError(
      (cause as NodeJS.ErrnoException).code === 'ENOENT' ? `mask ${path} does not exist` : `mask ${path} cannot be read: ${messageOf(cause)}`,
      undefined, { cause });
  }
  return decodeMask(bytes, path, options);
}

/**
 * Decodes a PNG as labels. The label of a pixel is the value stored for it: the index of a palette image (of whatever
 * palette), the gray value of a grayscale image, at bit depths 1, 2, 4 and 8, interlaced or not. Gray values of
 * depths below 8 are not stretched to 0..255, as image viewers do it: a 1-bit mask holds the labels 0 and 1.
 * Transparency of single indices (tRNS) has no influence.
 *
 * @param bytes the whole PNG file
 * @param name the file's name for error messages
 * @throws {UserError} for colour images unless `rgb` is `voc`, for gray with alpha, for 16 bits, and for broken files
 */
export function decodeMask(bytes: Uint8Array, name: string, { rgb = 'reject' }: MaskOptions = {}): LabelMap {
  try {
    const file = parsePng(bytes);
    const { width, height, bitDepth, colourType } = file.header;
    if (bitDepth === 16) {
      throw new UserError(`mask ${name} has 16 bits per sample`, 'Labels are 0..255: save it as an 8-bit indexed or grayscale PNG.');
    }
    switch (colourType) {
      case COLOUR_TYPE.gray:
      case COLOUR_TYPE.palette:
        return { width, height, data: unpackSamples(file) };
      case COLOUR_TYPE.grayAlpha:
        throw new UserError(`mask ${name} is grayscale with transparency`, 'Save it without the alpha channel, as an 8-bit indexed or grayscale PNG.');
      default:
        if (rgb === 'voc') return { width, height, data: labelsOfColours(file, name) };
        throw new UserError(
          `mask ${name} holds ${colourType === COLOUR_TYPE.rgba ? 'RGBA' : 'RGB'} colours, not labels`,
          'If its colours are those of the VOC palette, add --rgb-masks voc to convert them; otherwise save it as an indexed PNG.');
    }
  } catch (error) {
    if (!(error instanceof PngError)) throw error;
    throw new UserError(`mask ${name} cannot be read: ${error.message}`, 'Download or write the file again.', { cause: error });
  }
}

function labelsOfColours(file: PngFile, name: string): Uint8Array {
  const { width, height, colourType } = file.header;
  const channels = colourType === COLOUR_TYPE.rgba ? 4 : 3;
  const samples = unpackSamples(file);
  const labels = new Uint8Array(width * height);
  for (let pixel = 0, at = 0; pixel < labels.length; pixel++, at += channels) {
    const label = vocLabelOfColour(samples[at], samples[at + 1], samples[at + 2]);
    const opaque = channels === 3 || samples[at + 3] === 255;
    if (label === undefined || !opaque) {
      throw new UserError(
        `mask ${name}: the pixel at x ${pixel % width}, y ${Math.floor(pixel / width)} has the colour (${samples.subarray(at, at + channels).join(', ')}), which is not in the VOC palette`,
        'Colours between two labels come from resizing or from JPEG compression: go back to the original mask.');
    }
    labels[pixel] = label;
  }
  return labels;
}

/**
 * Encodes labels as an 8-bit PNG of one channel.
 *
 * @param format `palette`: indexed, with the 256 VOC colours, as the official masks are; `gray`: grayscale
 * @throws {RangeError} when the map's data does not fill its width and height
 */
export function encodeMask({ width, height, data }: LabelMap, format: MaskFormat): Uint8Array {
  return packPng(width, height, data, format === 'palette' ? VOC_PALETTE : undefined);
}

/** Writes labels to a PNG file, whole or not at all: see {@link encodeMask}. Missing folders are made. */
export async function writeMask(path: string, map: LabelMap, format: MaskFormat): Promise<void> {
  await writeFileAtomic(path, encodeMask(map, format));
}
