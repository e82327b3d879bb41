import { networkSize } from '../image/input-size.js';
import { jitter } from '../image/jitter.js';
import type { Adjustment } from '../image/jitter.js';
import { placeInTensor } from '../image/normalise.js';
import type { Normalisation } from '../image/normalise.js';
import { openPhoto } from '../image/photo-file.js';
import type { Region } from '../image/photo-file.js';
import type { Size } from '../size.js';
import { shuffled } from '../random.js';

/** The random changes to each photograph. */
export interface Augmentation {
  /** The side of the square network input, in pixels. */
  readonly crop: number;
  /** The range of the photograph's short side after resizing, in pixels, both ends included. */
  readonly resize: readonly [least: number, greatest: number];
  /** The largest factor by which the aspect ratio changes, e.g. 1.33. 1 (the default) keeps it. */
  readonly aspect?: number;
  /** Mirror photographs horizontally, with probability 0.5. */
  readonly flip: boolean;
  /** Strengths x in 0..1. Each factor is drawn from [1 - x, 1 + x]; 0 turns it off. */
  readonly jitter: { readonly brightness: number; readonly contrast: number; readonly saturation: number };
  /** Random erasing: with this probability, a rectangle with this share of the crop's area (0..1) becomes the mean colour. */
  readonly erase?: { readonly probability: number; readonly area: readonly [least: number, greatest: number] };
}

/** The random values of an {@link Augmentation} for one sample. */
export interface SampleDraw {
  /** The size of the whole photograph after resizing. */
  readonly resized: Size;
  /** The position of its upper left corner in the crop before mirroring: [y, x], negative if the crop cuts it off. */
  readonly corner: readonly [y: number, x: number];
  readonly flip: boolean;
  /** In the order of application. */
  readonly adjustments: readonly Adjustment[];
  /** The erased rectangle in the crop, after mirroring. */
  readonly erased?: Region;
}

/** The largest aspect ratio of an erased rectangle. */
const ERASED_ASPECT = 3.3;
/** How often a rectangle is drawn until it fits into the crop. */
const ERASED_TRIALS = 10;

/**
 * Draws the random values of one sample. The short side, the colour factors and the crop position are uniform, the aspect
 * ratio is uniform in its logarithm, and the colour changes have a random order (torchvision's ColorJitter). If the resized
 * photograph is smaller than the crop, it gets a random position in the crop, as in PSA and IRN. Erasing follows Zhong et al.,
 * "Random Erasing Data Augmentation", AAAI 2020.
 *
 * @param photo the photograph's own size
 * @param random numbers in [0, 1)
 * @param maxPixels the largest number of pixels of the whole resized photograph
 */
export function drawSample([height, width]: Size, augmentation: Augmentation, random: () => number, maxPixels: number): SampleDraw {
  const { crop, resize: [least, greatest], aspect = 1, jitter: strengths } = augmentation;
  const short = integer(random, least, greatest);
  const stretch = Math.exp(uniform(random, -1, 1) * Math.log(aspect) / 2);
  const { size: resized } = networkSize([height / stretch, width * stretch], { kind: 'short', pixels: short }, maxPixels);
  const place = (side: number): number => integer(random, Math.min(0, crop - side), Math.max(0, crop - side));
  const corner = [place(resized[0]), place(resized[1])] as const;
  const flip = augmentation.flip && random() < 0.5;
  const kinds = (['brightness', 'contrast', 'saturation'] as const).filter((kind) => strengths[kind] > 0);
  const factors = kinds.map((kind) => uniform(random, 1 - strengths[kind], 1 + strengths[kind]));
  const adjustments = shuffled(kinds.length, random).map((i) => ({ kind: kinds[i], factor: factors[i] }));
  const erased = drawErased(crop, augmentation.erase, random);
  return { resized, corner, flip, adjustments, ...(erased && { erased }) };
}

function drawErased(crop: number, erase: Augmentation['erase'], random: () => number): Region | undefined {
  if (erase === undefined || random() >= erase.probability) return undefined;
  for (let trial = 0; trial < ERASED_TRIALS; trial++) {
    const area = crop * crop * uniform(random, ...erase.area);
    const ratio = Math.exp(uniform(random, -1, 1) * Math.log(ERASED_ASPECT));
    const height = Math.round(Math.sqrt(area * ratio));
    const width = Math.round(Math.sqrt(area / ratio));
    if (height < 1 || width < 1 || height > crop || width > crop) continue;
    return { top: integer(random, 0, crop - height), left: integer(random, 0, crop - width), height, width };
  }
  return undefined;
}

/** Uniform in [from, to). */
function uniform(random: () => number, from: number, to: number): number {
  return from + (to - from) * random();
}

/** A whole number from `from` to `to`, both included. */
function integer(random: () => number, from: number, to: number): number {
  return from + Math.floor(random() * (to - from + 1));
}

/** The part of the resized photograph that is inside the crop. */
export function visibleRegion({ resized, corner }: Pick<SampleDraw, 'resized' | 'corner'>, crop: number): Region {
  const [top, left] = corner.map((at) => Math.max(0, -at));
  const [height, width] = resized.map((side, axis) => Math.min(crop, corner[axis] + side) - Math.max(0, corner[axis]));
  return { top, left, height, width };
}

/**
 * Makes the network input from a part of a photograph: changes colours, normalises, mirrors, places and erases.
 * Pixels that are erased or not covered by the photograph are 0, the mean colour.
 *
 * A change of contrast is relative to the mean of the visible part.
 *
 * @param pixels the {@link visibleRegion}, RGB, HWC, 0..255
 * @param into [3, crop, crop], overwritten
 */
export function writeSample(pixels: Uint8Array, draw: SampleDraw, crop: number, normalisation: Normalisation, into: Float32Array): void {
  const { height, width } = visibleRegion(draw, crop);
  const [top, before] = draw.corner.map((at) => Math.max(0, at));
  const left = draw.flip ? crop - before - width : before;
  into.fill(0);
  placeInTensor(jitter(pixels, draw.adjustments), [height, width], normalisation, into, crop, { at: [top, left], flip: draw.flip });
  if (draw.erased === undefined) return;
  const { erased } = draw;
  for (let row = 0; row < 3 * erased.height; row++) {
    const y = erased.top + row % erased.height;
    const at = (Math.floor(row / erased.height) * crop + y) * crop + erased.left;
    into.fill(0, at, at + erased.width);
  }
}

/** The options of all samples of a run. */
export interface SampleOptions {
  readonly augmentation: Augmentation;
  readonly normalisation: Normalisation;
  /** The largest number of pixels of a whole resized photograph. */
  readonly maxPixels: number;
}

/**
 * Reads a photograph and augments it.
 *
 * @param random numbers in [0, 1); the same sequence gives the same sample
 * @param into [3, crop, crop], overwritten; left unchanged if the photograph cannot be read
 * @throws UserError if the file is missing, truncated or not an image
 */
export async function readSample(path: string, options: SampleOptions, random: () => number, into: Float32Array): Promise<void> {
  const { augmentation, normalisation, maxPixels } = options;
  const photo = await openPhoto(path);
  const draw = drawSample(photo.original, augmentation, random, maxPixels);
  const pixels = await photo.at(draw.resized, visibleRegion(draw, augmentation.crop));
  writeSample(pixels, draw, augmentation.crop, normalisation, into);
}
