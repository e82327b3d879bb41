/** `voc-seeds/maps`: fusing layers and views, refining, and maps as arrays. */
export { DEFAULT_FUSION, FusedMaps } from '../maps/fusion.js';
export type { FusionOptions } from '../maps/fusion.js';
export { ArrayMaps, mapsToArray } from '../maps/map-rows.js';
export type { MapRows } from '../maps/map-rows.js';
export { fuseViews, viewsOf } from '../maps/multi-scale.js';
export type { MultiScaleOptions, View } from '../maps/multi-scale.js';
export { layerMapsToNdarray, mapsToNdarray, toMapRows } from '../maps/ndarray.js';
export type { MapInput } from '../maps/ndarray.js';
export { mapsOfPhoto } from '../maps/photo-maps.js';
export type { PhotoMapOptions, PhotoMaps } from '../maps/photo-maps.js';
export { parseRefiners, refineMaps } from '../maps/refine/refiners.js';
export type { RefinerSpec } from '../maps/refine/refiners.js';
export { parseUpsampler, upsampleMaps } from '../maps/refine/upsamplers.js';
export type { UpsamplerSpec } from '../maps/refine/upsamplers.js';
