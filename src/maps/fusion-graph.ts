import type { GraphBuilder, Value } from '../onnx/builder.js';
import type { FusionOptions } from './fusion.js';
import { isScaled } from './fusion.js';

/**
 * Adds the work of `FusedMaps` to a graph, in float32: layers are normalised, scaled, upsampled and fused, and each class's map
 * is divided by its maximum.
 *
 * @param layers shallowest first, each [K, h, w]
 * @param size int64 [2], height and width of the result
 * @returns [K, height, width]
 */
export function fusedInGraph(b: GraphBuilder, layers: readonly Value[], size: Value, options: FusionOptions): Value {
  const large = layers.map((layer, i) => {
    const normalised = options.layerNorm === 'max' ? dividedByMaximum(b, layer) : layer;
    const scaled = isScaled(options, i, layers.length) ? b.node('Tanh', [b.mul(normalised, b.floats(options.gamma))]) : normalised;
    return upsampled(b, scaled, size, options);
  });
  const fused = options.fuse === 'max' ? maximumOf(b, large) : meanOf(b, large);
  return options.mapNorm === 'max' ? dividedByMaximum(b, fused) : fused;
}

/** M / max M for each class. A map that is zero everywhere stays zero. */
function dividedByMaximum(b: GraphBuilder, maps: Value): Value {
  const maximum = b.node('ReduceMax', [maps, b.ints([1, 2])], { keepdims: 1 });
  return b.div(maps, b.where(b.greater(maximum, b.floats(0)), maximum, b.floats(1)));
}

function upsampled(b: GraphBuilder, maps: Value, size: Value, { upsample, alignCorners }: FusionOptions): Value {
  // Not all runtimes resize tensors of three axes.
  const planes = b.unsqueeze(maps, [1]);
  const resized = b.node('Resize', [planes, '', '', b.concat([b.shape(planes, 0, 2), size], 0)], {
    mode: upsample === 'nearest' ? 'nearest' : 'linear',
    coordinate_transformation_mode: alignCorners ? 'align_corners' : 'half_pixel',
    // Rounding the cell's coordinate up at .5 is rounding the coordinate of its border down.
    ...upsample === 'nearest' && { nearest_mode: 'round_prefer_ceil' },
  });
  return b.squeeze(resized, [1]);
}

function maximumOf(b: GraphBuilder, maps: readonly Value[]): Value {
  return maps.reduce((largest, map) => b.max(largest, map));
}

function meanOf(b: GraphBuilder, maps: readonly Value[]): Value {
  return maps.length === 1 ? maps[0] : b.mul(b.sum(maps), b.floats(1 / maps.length));
}
