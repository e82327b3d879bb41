import { UserError } from '../errors.js';
import { nearest } from '../text/nearest.js';
import { activatedTensors, rectifiedTensors } from './activated.js';
import { forwardPath } from './forward-path.js';
import type { OnnxGraph } from '../onnx/model.js';
import type { GraphShapes } from '../onnx/shapes/shapes.js';
import type { Size } from '../size.js';
import type { TokenGrid } from './tokens.js';
import { tokenGrids } from './tokens.js';

/** The layout of a feature map in its tensor. */
export type Arrangement
  /** [N, C, h, w] */
  = | { readonly kind: 'channels-first' }
  /** [N, h, w, C] */
    | { readonly kind: 'channels-last' }
  /** [N, T, C], as in vision transformers. */
    | ({ readonly kind: 'tokens' } & TokenGrid);

/** A feature map of a network, for which a class activation map can be computed. */
export interface FeatureLayer {
  /** The tensor's name. */
  readonly name: string;
  /** The operator that produces it. */
  readonly op: string;
  readonly channels: number;
  /** Pixels of the image per cell of the map: the vertical or the horizontal stride, whichever is larger. */
  readonly stride: number;
  readonly arrangement: Arrangement;
  /** Whether its values cannot be negative (the output of a ReLU, or of operators that keep the sign). */
  readonly rectified: boolean;
  /**
   * The last operation: an activation function (ReLU, SiLU, GELU, ..., maybe followed by pools or concatenations), a sum or
   * concatenation of branches, or neither.
   */
  readonly ending: 'activation' | 'join' | 'linear';
  /** Whether it is on every path from the image to the logits. */
  readonly cut: boolean;
}

/** Where to look for feature maps. */
export interface LayerSearch {
  readonly image: string;
  /** The output tensor. */
  readonly logits: string;
  /** The rows and columns of a vision transformer's tokens, if they are not those of the feature map they were made from. */
  readonly tokenGrid?: Size;
}

/** All feature maps between the image and the logits, shallowest first. */
export function featureLayers(graph: OnnxGraph, shapes: GraphShapes, { image, logits, tokenGrid }: LayerSearch): FeatureLayer[] {
  const path = forwardPath(graph, image, logits);
  const rectified = rectifiedTensors(path.nodes, shapes);
  const activated = activatedTensors(path.nodes, path.fromImage, rectified, shapes);
  const grids = tokenGrids(path.nodes, path.fromImage, shapes, tokenGrid);
  return path.nodes.flatMap((node) => {
    const [name] = node.outputs;
    const place = placeOf(name, shapes, grids.get(name));
    // A padded map is the same map with a border outside the image.
    if (place === undefined || node.op === 'Pad') return [];
    const { stride, channelAxis, arrangement } = place;
    const joins = joining.has(node.op) && node.inputs.filter((each) => path.fromImage.has(each)).length > 1;
    return [{
      name, op: node.op, channels: shapes.dims(name)![channelAxis]!, stride: Math.max(...stride), arrangement,
      rectified: rectified.has(name), ending: activated.has(name) ? 'activation' : joins ? 'join' : 'linear', cut: path.cuts.has(name),
    }];
  });
}

const joining = new Set(['Add', 'Sum', 'Concat']);

interface Place { readonly stride: Size; readonly channelAxis: number; readonly arrangement: Arrangement }

function placeOf(name: string, shapes: GraphShapes, tokens: TokenGrid | undefined): Place | undefined {
  const stride = shapes.stride(name);
  if (stride !== undefined) return { stride, channelAxis: 1, arrangement: { kind: 'channels-first' } };
  const last = shapes.strideChannelsLast(name);
  if (last !== undefined) return { stride: last, channelAxis: 3, arrangement: { kind: 'channels-last' } };
  const across = tokens && shapes.strideOfGrid(tokens.grid);
  return across && { stride: across, channelAxis: 2, arrangement: { kind: 'tokens', ...tokens } };
}

/**
 * The layer with a name or an alias. `/16` is the output of the last stage at stride 16. It is the last feature map at that
 * stride which, in order of preference,
 *
 * 1. ends in an activation and is on every path to the logits (ResNet's last ReLU of a stage, after the sum; GoogLeNet's
 *    concatenation of rectified branches; the expansion after the last linear block output in MobileNetV2, V3 and
 *    EfficientNet, and their last activation; DenseNet's ReLU in the transition);
 * 2. ends in a sum or concatenation of branches and is on every path (ConvNeXt and vision transformers, which have no
 *    activation on every path);
 * 3. is on every path;
 * 4. ends in an activation;
 * 5. is any feature map.
 *
 * @throws UserError that lists the available ones
 */
export function resolveLayer(layers: readonly FeatureLayer[], wanted: string): FeatureLayer {
  const alias = strideOfAlias(wanted);
  if (alias === undefined) {
    const found = layers.find(({ name }) => name === wanted);
    if (found !== undefined) return found;
    const near = nearest(wanted, layers.map(({ name }) => name));
    throw new UserError(`the model has no feature layer called '${wanted}'`, near !== undefined ? `did you mean ${near}?` : `one of: ${aliasList(layers)}, or the name of a tensor, see 'voc-seeds model inspect --all-layers'`);
  }
  const found = strideAliases(layers).get(wanted);
  if (found !== undefined) return found;
  throw new UserError(`the model has no feature layer at stride ${alias}`, `choose from ${aliasList(layers)} with --layers`);
}

/** The stride of an alias such as `/16`; `undefined` for any other name. */
function strideOfAlias(wanted: string): number | undefined {
  const match = /^\/(\d+)$/.exec(wanted);
  return match === null ? undefined : Number(match[1]);
}

function aliasList(layers: readonly FeatureLayer[]): string {
  return [...strideAliases(layers).keys()].join(', ');
}

/** The layer for each stride alias `/2`, `/4`, ... (see {@link resolveLayer}), shallowest first. */
export function strideAliases(layers: readonly FeatureLayer[]): Map<string, FeatureLayer> {
  const strides = [...new Set(layers.map(({ stride }) => stride))].filter(Number.isInteger).sort((a, b) => a - b);
  return new Map(strides.map((stride) => {
    const group = layers.filter((layer) => layer.stride === stride);
    const best = group.findLast(({ ending, cut }) => ending === 'activation' && cut) ?? group.findLast(({ ending, cut }) => ending === 'join' && cut)
      ?? group.findLast(({ cut }) => cut) ?? group.findLast(({ ending }) => ending === 'activation') ?? group.at(-1)!;
    return [`/${stride}`, best];
  }));
}
