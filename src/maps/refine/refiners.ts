import type { NdArray } from 'ndarray';
import { arrayView, isNdArray, rowMajor } from '../../ndarray.js';
import type { Size } from '../../size.js';
import { cellMeans, upsamplePlanes } from './cells.js';
import { guided, guidedOptions } from './guided.js';
import { pamr, pamrOptions } from './pamr.js';
import { par, parOptions } from './par.js';
import { randomWalk, randomWalkOptions } from './random-walk.js';
import type { RefineMaps } from './refiner.js';
import { slic, slicOptions } from './slic.js';
import { formatSteps, parseSteps } from './step-text.js';
import type { StepOf } from './step-text.js';

/** Every refiner by its name; a new one is a row here and a file. */
export const REFINERS = {
  'pamr': { options: pamrOptions, apply: pamr },
  'par': { options: parOptions, apply: par },
  'guided': { options: guidedOptions, apply: guided },
  'random-walk': { options: randomWalkOptions, apply: randomWalk },
  'slic': { options: slicOptions, apply: slic },
} as const;

/** A refiner and its options; plain data, which can be sent to another thread or written to a file. */
export type RefinerSpec = StepOf<typeof REFINERS>;

/**
 * Reads refiners that follow each other, as they stand on a command line or in YAML:
 *
 *     pamr
 *     guided:radius=16:eps=0.001,pamr:iterations=10:dilations=1-2-4-8
 *
 * Refiners are parted by commas, their options by colons, the numbers of a list by hyphens; an option that is not given has
 * its default. `none` and the empty text mean none.
 *
 * @throws UserError where a refiner or an option is unknown, or a value out of range
 */
export function parseRefiners(text: string): RefinerSpec[] {
  return parseSteps(text, REFINERS, 'refiner') as RefinerSpec[];
}

/** The text of refiners, as short as {@link parseRefiners} reads it. */
export function formatRefiners(specs: readonly RefinerSpec[]): string {
  return formatSteps(specs, REFINERS);
}

/**
 * Photographs are refined on a grid of at most so many pixels by default: affinities take about 200 bytes for each pixel,
 * 100 MB for these.
 */
export const DEFAULT_MAX_REFINE_PIXELS = 2 ** 19;

/** The grid that maps of a photograph are refined on: its own size or, beyond the limit, a smaller one of the same proportions. */
export function refineGrid([height, width]: Size, maxPixels = DEFAULT_MAX_REFINE_PIXELS): Size {
  const scale = Math.min(1, Math.sqrt(maxPixels / (height * width)));
  const rows = Math.max(1, Math.min(Math.floor(height * scale), maxPixels));
  return [rows, Math.max(1, Math.min(Math.floor(width * scale), Math.floor(maxPixels / rows)))];
}

/**
 * Refines maps, one refiner after the other.
 *
 * A photograph of more than `maxPixels` is refined on {@link refineGrid}: photograph and maps are averaged there, and the
 * result is upsampled bilinearly. Where memory counts, make maps and photograph of that size in the first place.
 *
 * @param maps [C, height, width], 0..1; not changed
 * @param image RGB, [height, width, 3], 0..255
 * @param specs at least one; none gives `maps` itself
 * @returns [C, height, width], 0..1
 */
export function refineMaps(maps: Float32Array, image: Uint8Array, size: Size, specs: readonly RefinerSpec[], maxPixels?: number): Float32Array;
/** The same for ndarrays: maps of float32 [C, height, width], the photograph of uint8 [height, width, 3]. */
export function refineMaps(
  maps: NdArray<Float32Array>, image: NdArray<Uint8Array>, specs: readonly RefinerSpec[], maxPixels?: number,
): NdArray<Float32Array>;
export function refineMaps(
  maps: Float32Array | NdArray<Float32Array>, image: Uint8Array | NdArray<Uint8Array>, ...rest: RefineArguments
): Float32Array | NdArray<Float32Array> {
  if (!isNdArray(maps)) return refinePlanes(maps, image as Uint8Array, ...rest as PlaneArguments);
  const [specs, maxPixels] = rest as [readonly RefinerSpec[], number?];
  const [channels, height, width] = maps.shape;
  const pixels = rowMajor(image as NdArray<Uint8Array>, Uint8Array, 3, 'the photograph');
  return arrayView(refinePlanes(rowMajor(maps, Float32Array, 3, 'the maps'), pixels, [height, width], specs, maxPixels), [channels, height, width]);
}

type PlaneArguments = [size: Size, specs: readonly RefinerSpec[], maxPixels?: number];
type RefineArguments = PlaneArguments | [specs: readonly RefinerSpec[], maxPixels?: number];

function refinePlanes(
  maps: Float32Array, image: Uint8Array, size: Size, specs: readonly RefinerSpec[], maxPixels = DEFAULT_MAX_REFINE_PIXELS,
): Float32Array {
  const grid = refineGrid(size, maxPixels);
  if (specs.length === 0) return maps;
  if (grid[0] === size[0] && grid[1] === size[1]) return specs.reduce((refined, { name, options }) => (
    (REFINERS[name].apply as RefineMaps<typeof options>)(refined, image, size, options)), maps);
  const classes = maps.length / (size[0] * size[1]);
  const small = refinePlanes(cellMeans(maps, classes, 'planes', size, grid), reducedImage(image, size, grid), grid, specs, Infinity);
  return upsamplePlanes(small, classes, grid, size);
}

/** The mean colours of a grid's cells, RGB, [h, w, 3]. */
function reducedImage(image: Uint8Array, size: Size, grid: Size): Uint8Array {
  const means = cellMeans(image, 3, 'pixels', size, grid);
  const area = grid[0] * grid[1];
  return Uint8Array.from({ length: 3 * area }, (_, i) => Math.round(means[(i % 3) * area + Math.floor(i / 3)]));
}
