import type { NdArray } from 'ndarray';
import type { LayerMaps } from '../cam/layer-maps.js';
import { arrayView, isNdArray, rowMajor } from '../ndarray.js';
import { ArrayMaps, mapsToArray } from './map-rows.js';
import type { MapRows } from './map-rows.js';

/** Maps of this library, or a float32 ndarray [K, height, width]. */
export type MapInput = MapRows | NdArray<Float32Array>;

/** Maps as an ndarray [K, height, width], without a copy if they are in memory (all but those of very large photographs). */
export function mapsToNdarray(maps: MapRows): NdArray<Float32Array> {
  return arrayView(mapsToArray(maps), [maps.classCount, maps.height, maps.width]);
}

/** The maps of one layer as an ndarray [K, h, w], without a copy. */
export function layerMapsToNdarray({ data, height, width }: LayerMaps): NdArray<Float32Array> {
  return arrayView(data, [data.length / (height * width), height, width]);
}

/**
 * Maps as {@link MapRows}. An ndarray in row-major order is not copied.
 *
 * @throws UserError if an ndarray is not float32 or not [K, height, width]
 */
export function toMapRows(maps: MapInput): MapRows {
  if (!isNdArray(maps)) return maps;
  const [classCount, height, width] = maps.shape;
  return new ArrayMaps(rowMajor(maps as NdArray<Float32Array>, Float32Array, 3, 'the maps'), classCount, height, width);
}
