import { networkSize } from '../image/input-size.js';
import { jitter } from '../image/jitter.js';
import type { Adjustment } from '../image/jitter.js';
import { placeInTensor } from '../image/normalise.js';
import type { Normalisation } from '../image/normalise.js';
import { openPhoto } from '../image/photo-file.js';
import type { Region } from '../image/photo-file.js';
import type { Size } from '../size.js';
import { shuffled } from '../random.js';

/** How photographs are varied from one epoch to the next. */
export interface Augmentation {
  /** The side of the square that goes into the network, in pixels. */
  readonly crop: number;
  /** The least and the greatest length of the photograph's short side after resizing, in pixels, both included. */
  readonly resize: readonly [least: number, greatest: number];
  /** The greatest factor by which the ratio of width to height changes, e.g. 1.33; 1 (the default) keeps it. */
  readonly aspect?: number;
  /** Mirror every second photograph, left to right. */
  readonly flip: boolean;
  /** Strengths x in 0..1: each factor is drawn from [1 - x, 1 + x]. 0 leaves it out. */
  readonly jitter: { readonly brightness: number; readonly contrast: number; readonly saturation: number };
  /** Random erasing: with this probability, a rectangle of this part of the crop's area (0..1) becomes the mean colour. */
  readonly erase?: { readonly probability: number; readonly area: readonly [least: number, greatest: number] };
}

/** What chance made of an {@link Augmentation} for one sample. */
export interface SampleDraw {
  /** The size of the whole photograph after resizing. */
  readonly resized: Size;
  /** Where its upper left corner comes to lie in the crop, before mirroring: [y, x], negative where the crop cuts it off. */
  readonly corner: readonly [y: number, x: number];
  readonly flip: boolean;
  /** In the order in which they are applied. */
  readonly adjustments: readonly Adjustment[];
  /** In the crop, after mirroring. */
  readonly erased?: Region;
}

/** The longest that an erased rectangle is, against its other side. */
const ERASED_ASPECT = 3.3;
/** How often a rectangle that does not fit into the crop is drawn anew. */
const ERASED_TRIALS = 10;

/**
 * Draws how one sample is varied: the short side, the ratio of sides and the factors of colour uniformly (ratios in
 * their logarithm), the order of the changes of colour at random (torchvision's ColorJitter), the crop uniformly among
 * its places. Where the resized photograph is smaller than the crop, it is the photograph that gets a place at random,
 * as in PSA and IRN. Erasing is that of Zhong et al., "Random Erasing Data Augmentation", AAAI 2020.
 *
 * @param photo the photograph's own size
 * @param random numbers in [0, 1)
 * @param maxPixels the most pixels of the whole photograph when it is resized
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

/** The part of the resized photograph that lies in the crop. */
export function visibleRegion({ resized, corner }: Pick<SampleDraw, 'resized' | 'corner'>, crop: number): Region {
  const [top, left] = corner.map((at) => Math.max(0, -at));
  const [height, width] = resized.map((side, axis) => Math.min(crop, corner[axis] + side) - Math.max(0, corner[axis]));
  return { top, left, height, width };
}

/**
 * Makes the network's input of a part of a photograph: colours changed, normalised, mirrored, put in its place, erased.
 * What the photograph does not cover, and what is erased, is 0: the mean colour.
 *
 * The mean that a change of contrast turns about is that of the visible part.
 *
 * @param pixels RGB, HWC, 0..255: the {@link visibleRegion}
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

/** What all samples of a run have in common. */
export interface SampleOptions {
  readonly augmentation: Augmentation;
  readonly normalisation: Normalisation;
  /** The most pixels that a whole photograph may have when it is resized. */
  readonly maxPixels: number;
}

/**
 * Reads a photograph and varies it at random.
 *
 * @param random numbers in [0, 1); the same sequence makes the same sample
 * @param into [3, crop, crop], overwritten; left as it is where the photograph cannot be read
 * @throws UserError where the file is missing, truncated or no image
 */
export async function readSample(path: string, options: SampleOptions, random: () => number, into: Float32Array): Promise<void> {
  const { augmentation, normalisation, maxPixels } = options;
  const photo = await openPhoto(path);
  const draw = drawSample(photo.original, augmentation, random, maxPixels);
  const pixels = await photo.at(draw.resized, visibleRegion(draw, augmentation.crop));
  writeSample(pixels, draw, augmentation.crop, normalisation, into);
}
