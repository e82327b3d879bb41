import type { GraphBuilder, Value } from '../../onnx/builder.js';

/**
 * A class activation map as a formula: adds to the graph the map of a layer.
 *
 * @param activation the layer A, [N, C, h, w] with N = 1 or N = K
 * @param gradient dy_c / dA, [K, C, h, w], one for each of K classes
 * @returns the maps, [K, 1, h, w], not negative and not normalised
 */
export type CamMethod = (activation: Value, gradient: Value, b: GraphBuilder) => Value;
