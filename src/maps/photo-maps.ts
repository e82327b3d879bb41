import { FusedMaps } from './fusion.js';
import type { LayerMaps } from '../cam/layer-maps.js';
import { scratchMapKernels } from '../kernels/map-kernels.js';
import { ArrayMaps, mapsToArray } from './map-rows.js';
import type { MapRows } from './map-rows.js';
import { finestOf, fuseViews } from './multi-scale.js';
import type { MultiScaleOptions } from './multi-scale.js';
import type { Size } from '../size.js';
import { refineGrid, refineMaps } from './refine/refiners.js';
import type { RefinerSpec } from './refine/refiners.js';
import { upsampleMaps } from './refine/upsamplers.js';
import type { UpsamplerSpec } from './refine/upsamplers.js';
import { powerBackground } from './power-background.js';

/** How the network's maps become those that seeds are made of; plain data. */
export interface PhotoMapOptions {
  readonly fusion: MultiScaleOptions;
  /** Edge-aware upsampling from the finest layer's grid, instead of that of `fusion`. */
  readonly upsampler?: UpsamplerSpec;
  /** Applied one after the other. */
  readonly refiners: readonly RefinerSpec[];
  /** Divide each class's refined map by its maximum, or not. */
  readonly refineNorm: 'max' | 'none';
  /** Also refine the background map `(1 - max)^alpha` for this alpha. */
  readonly powerAlpha?: number;
  /** Also return the maps before the refiners. */
  readonly keepUnrefined?: boolean;
}

/** Maps that seeds are made of. */
export interface PhotoMaps {
  readonly maps: MapRows;
  /** The largest value of each class's map before normalisation; 0: the map is zero everywhere. */
  readonly maxima: Float32Array;
  /** The refined background map, [height, width], if there is a `powerAlpha` and a refiner. */
  readonly background?: Float32Array;
  /** The maps before the refiners, with `keepUnrefined` and a refiner. */
  readonly unrefined?: MapRows;
}

/**
 * The maps of a photograph: fused, upsampled, refined.
 *
 * For photographs that are too large to be refined, maps are made and refined on a smaller grid and then upsampled.
 *
 * @param views the layers of each view, shallowest first; those of mirrored views are mirrored back
 * @param size of the photograph
 * @param photo reads the photograph at a size: RGB, [height, width, 3], 0..255; only called if colours are needed
 */
export async function mapsOfPhoto(
  views: readonly (readonly LayerMaps[])[], classCount: number, size: Size, photo: (size: Size) => Promise<Uint8Array>,
  { fusion, upsampler, refiners, refineNorm, powerAlpha, keepUnrefined = false }: PhotoMapOptions,
): Promise<PhotoMaps> {
  if (upsampler === undefined && refiners.length === 0) {
    const maps = fuseViews(views, classCount, size, fusion);
    return { maps, maxima: maps.maxima };
  }
  const grid = refineGrid(size);
  const image = await photo(grid);
  const { maps, maxima } = upsampler === undefined
    ? fused(views, classCount, grid, fusion)
    : upsampled(views, classCount, grid, image, fusion, upsampler);
  if (refiners.length === 0) return { maps: enlarged(maps, size), maxima };
  const unrefined = keepUnrefined ? enlarged(maps, size) : undefined;
  const area = grid[0] * grid[1];
  const plain = mapsToArray(maps);
  const channels = powerAlpha === undefined ? plain : joined(plain, powerBackground(plain, area, powerAlpha));
  const refined = refineMaps(channels, image, grid, refiners);
  const classes = normalised(new ArrayMaps(refined.subarray(0, plain.length), classCount, ...grid), refineNorm);
  if (powerAlpha === undefined) return { maps: enlarged(classes, size), maxima, unrefined };
  const background = new ArrayMaps(refined.subarray(plain.length), 1, ...grid);
  return { maps: enlarged(classes, size), maxima, unrefined, background: mapsToArray(enlarged(background, size)) };
}

function fused(views: readonly (readonly LayerMaps[])[], classCount: number, size: Size, fusion: MultiScaleOptions): PhotoMaps {
  const maps = fuseViews(views, classCount, size, fusion);
  return { maps, maxima: maps.maxima };
}

/** Maps fused on the grid of the finest layer of all views, and upsampled to the photograph's size along its edges. */
export function upsampled(
  views: readonly (readonly LayerMaps[])[], classCount: number, size: Size, image: Uint8Array, fusion: MultiScaleOptions, upsampler: UpsamplerSpec,
): PhotoMaps {
  const finest = finestOf(views.flat());
  const from: Size = [Math.min(finest.height, size[0]), Math.min(finest.width, size[1])];
  const { maps, maxima } = fused(views, classCount, from, fusion);
  const large = upsampleMaps(mapsToArray(maps), from, image, size, upsampler);
  return { maps: normalised(new ArrayMaps(large, classCount, ...size), fusion.mapNorm), maxima };
}

function joined(a: Float32Array, b: Float32Array): Float32Array {
  const all = new Float32Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

/** Each class's map divided by its maximum, in place, or unchanged. */
export function normalised(maps: ArrayMaps, norm: 'max' | 'none'): ArrayMaps {
  if (norm === 'none') return maps;
  const kernels = scratchMapKernels();
  const all = kernels.floatsFrom(maps.data);
  kernels.divideMaps(all, kernels.maxima(all, maps.classCount));
  maps.data.set(all.view);
  return maps;
}

/** Maps upsampled to the size of the photograph. */
export function enlarged(maps: ArrayMaps | MapRows, size: Size): MapRows {
  if (maps.height === size[0] && maps.width === size[1]) return maps;
  return new FusedMaps([{ height: maps.height, width: maps.width, data: mapsToArray(maps) }], maps.classCount, size, {
    layerNorm: 'none', scaleLayers: 'none', gamma: 1, fuse: 'max', upsample: 'bilinear', alignCorners: false, mapNorm: 'none',
  });
}
