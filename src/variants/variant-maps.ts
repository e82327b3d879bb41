import type { LayerMaps } from '../cam/layer-maps.js';
import type { PhotoFile } from '../image/photo-file.js';
import { mapsOfPhoto } from '../maps/photo-maps.js';
import type { PhotoMaps } from '../maps/photo-maps.js';
import { parseRefiners } from '../maps/refine/refiners.js';
import { parseUpsampler } from '../maps/refine/upsamplers.js';
import type { Size } from '../size.js';
import type { MapWork } from './map-plan.js';

/** The layers that are fused, for each view of some maps. */
export function layersOf(views: readonly (readonly LayerMaps[])[], work: MapWork): LayerMaps[][] {
  return work.views.map((view) => work.requests.map((request) => views[view][request]));
}

/**
 * The maps of a photograph as one variant makes them.
 *
 * @param views for each view of the pass, the maps of each request
 * @param size of the maps
 * @param photo for refiners
 */
export function mapsOfVariant(
  work: MapWork, views: readonly (readonly LayerMaps[])[], classCount: number, size: Size, photo: Pick<PhotoFile, 'at'>,
): Promise<PhotoMaps> {
  const { fusion, upsampler, refine } = work;
  return mapsOfPhoto(layersOf(views, work), classCount, size, (grid) => photo.at(grid), {
    fusion, refiners: refine === undefined ? [] : parseRefiners(refine.chain), refineNorm: refine?.norm ?? 'max',
    ...upsampler === undefined ? {} : { upsampler: parseUpsampler(upsampler) },
  });
}
