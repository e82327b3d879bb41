import type { GraphBuilder, Value } from '../../onnx/builder.js';

/**
 * A class activation map as a formula of activations and gradients. Adds the map of a layer to the graph.
 *
 * @param activation the layer A, [N, C, h, w] with N = 1 or N = K
 * @param gradient dy_c / dA, [K, C, h, w], one for each of K classes
 * @param channels C
 * @returns the maps, [K, 1, h, w], not negative and not normalised
 */
export type CamFormula = (activation: Value, gradient: Value, b: GraphBuilder, channels: number) => Value;

/**
 * A map as a formula of activations only, the same for all classes. Adds the map of a layer to the graph.
 *
 * @param activation the layer A, [N, C, h, w] with N = 1 or N = K
 * @param channels C
 * @returns the map, [N, 1, h, w], not negative and not normalised
 */
export type ActivationFormula = (activation: Value, b: GraphBuilder, channels: number) => Value;

/**
 * A map as a formula of activations and one vector per class, which was fitted before. Adds the map of a layer to the graph.
 *
 * @param activation the layer A, [N, C, h, w] with N = 1 or N = K
 * @param vectors those of K classes, [K, C]
 * @returns the maps, [K, 1, h, w], not negative and not normalised
 */
export type VectorFormula = (activation: Value, vectors: Value, b: GraphBuilder) => Value;

/** A method that needs one forward and one backward pass. All methods of this kind share them. */
export interface GradientMethod {
  readonly kind: 'gradient';
  readonly map: CamFormula;
  /**
   * The method is only defined for the layer before global average pooling and a linear head. It uses the gradient of the
   * logit, whatever the target is.
   */
  readonly linearHead?: true;
}

/** A method that needs one forward pass and no class. */
export interface ActivationMethod {
  readonly kind: 'activation';
  readonly map: ActivationFormula;
}

/** A method that needs one forward pass, and a vector of each class at the layer. */
export interface VectorMethod {
  readonly kind: 'vectors';
  readonly map: VectorFormula;
}

/** A method that needs the network once. Its maps are part of one graph with the network. */
export type GraphMethod = GradientMethod | ActivationMethod | VectorMethod;

/** The target of one class before and after changing each channel. */
export interface ChannelScores {
  /** The target y_c of the unchanged image. */
  readonly plain: number;
  /** The target y_c after the change of each channel, [C]. */
  readonly changed: Float64Array;
}

/**
 * A method without gradients: the network runs once per channel of the layer, with the photograph or the layer changed by that
 * channel. The targets then give the weights of the map ReLU(sum_k w_k A_k).
 */
export interface ChannelMethod {
  readonly kind: 'channels';
  /** `mask`: the photograph is multiplied by the channel. `ablate`: the channel is set to zero. */
  readonly change: 'mask' | 'ablate';
  /** The weights w_k, [C]. */
  readonly weights: (scores: ChannelScores) => Float64Array;
}

export type CamMethod = GraphMethod | ChannelMethod;

/** ReLU(sum_k w_k A_k), the last step of most methods. `weights` is [K, C, 1, 1], or [K, C, h, w] for one weight per position. */
export function weightedSum(weights: Value, activation: Value, b: GraphBuilder): Value {
  return b.relu(b.reduceSum(b.mul(weights, activation), [1]));
}
