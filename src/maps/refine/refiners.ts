import type { NdArray } from 'ndarray';
import { arrayView, isNdArray, rowMajor } from '../../ndarray.js';
import type { Size } from '../../size.js';
import { cellColours, cellMeans, upsamplePlanes } from './cells.js';
import { guided, guidedOptions } from './guided.js';
import { pamr, pamrOptions } from './pamr.js';
import { par, parOptions } from './par.js';
import { randomWalk, randomWalkOptions } from './random-walk.js';
import type { RefineMaps } from './refiner.js';
import { slic, slicOptions } from './slic.js';
import { formatSteps, parseSteps } from './step-text.js';
import type { StepOf } from './step-text.js';

/** Every refiner by name. To add one, add a row here and a file. */
export const REFINERS = {
  'pamr': { options: pamrOptions, apply: pamr },
  'par': { options: parOptions, apply: par },
  'guided': { options: guidedOptions, apply: guided },
  'random-walk': { options: randomWalkOptions, apply: randomWalk },
  'slic': { options: slicOptions, apply: slic },
} as const;

/** A refiner and its options; plain data. */
export type RefinerSpec = StepOf<typeof REFINERS>;

/**
 * Parses a list of refiners from the command line or a YAML file:
 *
 *     pamr
 *     guided:radius=16:eps=0.001,pamr:iterations=10:dilations=1-2-4-8
 *
 * Refiners are separated by commas, options by colons, the numbers of a list by hyphens. Options that are not given have their
 * defaults. `none` and the empty text are an empty list.
 *
 * @throws UserError if a refiner or an option is unknown, or a value is out of range
 */
export function parseRefiners(text: string): RefinerSpec[] {
  return parseSteps(text, REFINERS, 'refiner') as RefinerSpec[];
}

/** The shortest text that {@link parseRefiners} reads as these refiners. */
export function formatRefiners(specs: readonly RefinerSpec[]): string {
  return formatSteps(specs, REFINERS);
}

/**
 * The most pixels of a grid that is refined by default: affinities take about 200 bytes per pixel, 100 MB for these.
 */
export const DEFAULT_MAX_REFINE_PIXELS = 2 ** 19;

/** The grid that maps of a photograph are refined on: its size, or if that is too large, a smaller one with the same proportions. */
export function refineGrid([height, width]: Size, maxPixels = DEFAULT_MAX_REFINE_PIXELS): Size {
  const scale = Math.min(1, Math.sqrt(maxPixels / (height * width)));
  const rows = Math.max(1, Math.min(Math.floor(height * scale), maxPixels));
  return [rows, Math.max(1, Math.min(Math.floor(width * scale), Math.floor(maxPixels / rows)))];
}

/**
 * Refines maps, one refiner after the other.
 *
 * A photograph of more than `maxPixels` is refined on {@link refineGrid}: photograph and maps are averaged to it, and the result
 * is upsampled bilinearly. To save memory, pass maps and a photograph of that size.
 *
 * @param maps [C, height, width], 0..1; not changed
 * @param image RGB, [height, width, 3], 0..255
 * @param specs applied one after the other; if empty, `maps` itself is returned
 * @returns [C, height, width], 0..1
 */
export function refineMaps(maps: Float32Array, image: Uint8Array, size: Size, specs: readonly RefinerSpec[], maxPixels?: number): Float32Array;
/** The same for ndarrays: float32 maps [C, height, width], uint8 photograph [height, width, 3]. */
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
  const small = refinePlanes(cellMeans(maps, classes, size, grid), reducedImage(image, size, grid), grid, specs, Infinity);
  return upsamplePlanes(small, classes, grid, size);
}

/** The mean colour of each cell of a grid, RGB, [h, w, 3]. */
function reducedImage(image: Uint8Array, size: Size, grid: Size): Uint8Array {
  const means = cellColours(image, size, grid);
  const area = grid[0] * grid[1];
  return Uint8Array.from({ length: 3 * area }, (_, i) => Math.round(means[(i % 3) * area + Math.floor(i / 3)]));
}
