import { messageOf, UserError } from '../errors.js';
import { writeFileAtomic } from '../jobs/files/atomic.js';
import { NpyError } from '../formats/numpy/npz.js';
import { readRegularFile } from '../jobs/files/read-file.js';
import { requireWithin } from '../limits.js';
import type { ClassSet } from './classes/class-set.js';
import { VOC } from './classes/voc.js';
import { IGNORE_LABEL, toLabelMap } from './label-map.js';
import type { LabelInput, LabelMap } from './label-map.js';
import { whatLiesInPlaceOf } from './files-by-id.js';
import { decodeNpyMask, isNpy } from './npy-mask.js';
import { findReordered, isPaletteOf, misplacedOf, paletteMeanings } from './palette-order.js';
import { COLOUR_TYPE, packPng, parsePng, PngError, unpackSamples } from '../formats/png/png.js';
import type { PngFile } from '../formats/png/png.js';

/**
 * What to do with masks that contain colours instead of labels: refuse them (`reject`), or look up the colours in the palette of the
 * classes (`palette`). With `palette`, white is void (255) in a mask with a black background.
 */
export type RgbMasks = 'reject' | 'palette';

/** Options for reading a mask. */
export interface MaskOptions {
  /** Default: `reject`. */
  readonly rgb?: RgbMasks;
  /** The classes, which have a palette. Default: VOC. */
  readonly classes?: ClassSet;
}

/** The format of a written mask: indexed with the palette of the classes, or grayscale. Both contain the same 8-bit labels. */
export type MaskFormat = 'palette' | 'gray';

/**
 * Reads a label mask from a file, a PNG or an .npy: see {@link decodeMask}.
 *
 * @throws {UserError} if the file is missing or is not a supported mask
 */
export async function readMask(path: string, options?: MaskOptions): Promise<LabelMap> {
  let bytes: Uint8Array;
  try {
    bytes = await readRegularFile(path, (size) => { requireWithin('maskBytes', size, `mask ${path} has ${size} bytes`); });
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw new UserError(`mask ${path} cannot be read: ${messageOf(cause)}`, undefined, { cause });
    throw new UserError(`mask ${path} does not exist`, await whatLiesInPlaceOf(path), { cause });
  }
  return decodeMask(bytes, path, options);
}

/**
 * Decodes a PNG or an .npy as labels.
 *
 * The label of a PNG's pixel is its stored value: the index in a palette image (with any palette) or the gray value in a
 * grayscale image, at bit depths 1, 2, 4 and 8, interlaced or not. Gray values of depths below 8 are not stretched to
 * 0..255 as in image viewers: a 1-bit mask has the labels 0 and 1. Transparency of single indices (tRNS) is ignored.
 * A palette with the colours of the classes in another order is refused, since then the colours are the labels, not the indices
 * ({@link findReordered}).
 *
 * If `rgb` is `palette`, colours are looked up in the palette of the classes: in RGB and RGBA images, and in palette images that use
 * only its colours and white, unless the palette is a different one. White is then void if the mask also has black. Without
 * black, white could be the background, and the mask is refused.
 *
 * An .npy contains integers [H, W] (or with one more axis of length 1).
 *
 * @param bytes the whole file
 * @param name the file's name for error messages
 * @throws {UserError} for colour images unless `rgb` is `palette`, for gray with alpha, for 16 bits, for more pixels than the limit
 *   `maskPixels`, and for broken files
 */
export function decodeMask(bytes: Uint8Array, name: string, { rgb = 'reject', classes = VOC }: MaskOptions = {}): LabelMap {
  try {
    if (isNpy(bytes)) return decodeNpyMask(bytes, name, classes);
    const file = parsePng(bytes);
    const { width, height, bitDepth, colourType } = file.header;
    requireWithin('maskPixels', width * height, `mask ${name} has ${width} x ${height} pixels`);
    if (bitDepth === 16) {
      throw new UserError(`mask ${name} has 16 bits per sample`, 'Labels are 0..255. Save it as an 8-bit indexed or grayscale PNG.');
    }
    switch (colourType) {
      case COLOUR_TYPE.gray:
        return { width, height, data: unpackSamples(file) };
      case COLOUR_TYPE.palette:
        return { width, height, ...labelsOfIndices(unpackSamples(file), file.palette!, name, rgb, classes) };
      case COLOUR_TYPE.grayAlpha:
        throw new UserError(`mask ${name} is grayscale with transparency`, 'Save it without the alpha channel, as an 8-bit indexed or grayscale PNG.');
      default:
        if (rgb === 'palette') return { width, height, ...labelsOfColours(file, name, classes) };
        throw new UserError(
          `mask ${name} contains ${colourType === COLOUR_TYPE.rgba ? 'RGBA' : 'RGB'} colours, not labels`,
          `If its colours are those of ${paletteName(classes)}, add --rgb-masks palette to convert them. Otherwise save it as an indexed PNG.`);
    }
  } catch (error) {
    if (!(error instanceof PngError || error instanceof NpyError)) throw error;
    throw new UserError(`mask ${name} cannot be read: ${error.message}`, error instanceof PngError ? 'Download or write the file again.' : undefined, { cause: error });
  }
}

type Labels = Pick<LabelMap, 'data' | 'whiteVoid'>;

/** The labels of a palette image's indices. Overwrites the indices. */
function labelsOfIndices(indices: Uint8Array, palette: Uint8Array, name: string, rgb: RgbMasks, classes: ClassSet): Labels {
  const colours = palette.length / 3;
  const own = isPaletteOf(classes, palette);
  if (own && colours === 256) return { data: indices };
  const used = valuesIn(indices);
  // Pillow writes masks of 21 colours and void like this.
  const lacking = used.find((index) => index >= colours && index !== IGNORE_LABEL);
  if (lacking !== undefined) throw new PngError(`the PNG is corrupt: it uses the index ${lacking}, but its palette has only ${colours} colours`);
  if (own) return { data: indices };
  const moved = findReordered(used, palette, classes);
  if (rgb === 'palette') {
    const hasBlack = used.some((index) => palette[3 * index] === 0 && palette[3 * index + 1] === 0 && palette[3 * index + 2] === 0);
    const meanings = paletteMeanings(palette, classes);
    const labels = meanings.map((meaning) => (meaning === 'white' ? hasBlack ? IGNORE_LABEL : undefined : meaning));
    const strange = used.find((index) => index < colours && labels[index] === undefined);
    if (strange === undefined && (moved !== undefined || misplacedOf(used, meanings).length === 0)) {
      return { data: replaced(indices, labels), ...used.some((index) => meanings[index] === 'white' && index !== IGNORE_LABEL) && { whiteVoid: true } };
    }
    if (strange !== undefined && moved !== undefined) {
      throw new UserError(`mask ${name}: the index ${strange} has the colour ${colourText(palette, 3 * strange)}, which is not in ${paletteName(classes)}`, hintOfColour(palette, 3 * strange));
    }
  } else if (moved !== undefined) {
    const { index, label } = moved;
    throw new UserError(
      `mask ${name}: its palette has ${ownerOf(classes)} colours in another order: the index ${index} has the colour ${colourText(palette, 3 * index)}, which is ${ownerOf(classes)} colour of ${label === IGNORE_LABEL ? 'void' : classes.nameOf(label)} (${label})`,
      `Tools that re-compress PNGs keep the colours but change the indices. If the colours are right, add --rgb-masks palette. If the indices are right, save them as grayscale or with ${paletteName(classes)}.`);
  }
  return { data: indices };
}

/** Replaces indices by labels in place. An index without a label is kept. */
function replaced(indices: Uint8Array, labels: readonly (number | undefined)[]): Uint8Array {
  const table = Uint8Array.from({ length: 256 }, (_, index) => labels[index] ?? index);
  for (let i = 0; i < indices.length; i++) indices[i] = table[indices[i]];
  return indices;
}

/** The values that occur, ascending. */
function valuesIn(samples: Uint8Array): number[] {
  const seen = new Uint8Array(256);
  // Four at a time, and only if they change: masks are mostly areas of one label.
  const fours = new Uint32Array(samples.buffer, samples.byteOffset, samples.length >> 2);
  let last = -1;
  for (let i = 0; i < fours.length; i++) {
    const four = fours[i];
    if (four === last) continue;
    last = four;
    seen[four & 255] = seen[four >> 8 & 255] = seen[four >> 16 & 255] = seen[four >>> 24] = 1;
  }
  for (let i = 4 * fours.length; i < samples.length; i++) seen[samples[i]] = 1;
  return Array.from(seen.keys()).filter((value) => seen[value] === 1);
}

const WHITE = 0xffffff;

function labelsOfColours(file: PngFile, name: string, classes: ClassSet): Labels {
  const { width, height, colourType } = file.header;
  const channels = colourType === COLOUR_TYPE.rgba ? 4 : 3;
  const samples = unpackSamples(file);
  const labels = new Uint8Array(width * height);
  let white = -1;
  let hasBlack = false;
  // Neighbours mostly have the same colour.
  let last = -1;
  let label = 0;
  for (let pixel = 0, at = 0; pixel < labels.length; pixel++, at += channels) {
    const colour = samples[at] << 16 | samples[at + 1] << 8 | samples[at + 2];
    if (colour !== last) {
      last = colour;
      hasBlack ||= colour === 0;
      if (colour === WHITE && white < 0) white = at;
      const meant = colour === WHITE ? IGNORE_LABEL : classes.labelOfColour(samples[at], samples[at + 1], samples[at + 2]);
      if (meant === undefined) throw strangePixel(at);
      label = meant;
    }
    if (channels === 4 && samples[at + 3] !== 255) throw strangePixel(at);
    labels[pixel] = label;
  }
  if (white >= 0 && !hasBlack) throw strangePixel(white);
  return { data: labels, ...white >= 0 && { whiteVoid: true } };

  function strangePixel(at: number): UserError {
    const pixel = at / channels;
    return new UserError(
      `mask ${name}: the pixel at x ${pixel % width}, y ${Math.floor(pixel / width)} has the colour ${colourText(samples, at, channels)}, which is not in ${paletteName(classes)}`,
      hintOfColour(samples, at));
  }
}

function colourText(samples: Uint8Array, at: number, channels = 3): string {
  return `(${samples.subarray(at, at + channels).join(', ')})`;
}

/** How messages call the palette of some classes. */
function paletteName(classes: ClassSet): string {
  return classes.name === 'voc' ? 'the VOC palette' : `the palette of ${classes.name}`;
}

function ownerOf({ name }: ClassSet): string {
  return name === 'voc' ? 'VOC\'s' : `the class set ${name}'s`;
}

function hintOfColour(samples: Uint8Array, at: number): string {
  return samples[at] === 255 && samples[at + 1] === 255 && samples[at + 2] === 255
    ? 'White is read as void only if the mask has a black background. This mask has none, so white may be the background. Save the mask with an indexed palette.'
    : 'Colours between two labels come from resizing or JPEG compression. Use the original mask.';
}

/**
 * Encodes labels as an 8-bit PNG of one channel.
 *
 * @param format `palette`: indexed, with 256 colours, like the official masks of VOC; `gray`: grayscale
 * @param classes whose palette is used
 * @throws {RangeError} if the map's data does not have width * height labels
 */
export function encodeMask(labels: LabelInput, format: MaskFormat = 'palette', classes: ClassSet = VOC): Uint8Array {
  const { width, height, data } = toLabelMap(labels);
  return packPng(width, height, data, format === 'palette' ? classes.palette : undefined);
}

/** Writes labels to a PNG file, completely or not at all: see {@link encodeMask}. Missing folders are created. */
export async function writeMask(path: string, map: LabelInput, format: MaskFormat = 'palette', classes: ClassSet = VOC): Promise<void> {
  await writeFileAtomic(path, encodeMask(map, format, classes));
}
