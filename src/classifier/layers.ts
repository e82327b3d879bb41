import { UserError } from '../errors.js';
import { nearest } from '../text/nearest.js';
import { activatedTensors, rectifiedTensors } from './activated.js';
import { forwardPath } from './forward-path.js';
import type { OnnxGraph } from '../onnx/model.js';
import type { GraphShapes } from '../onnx/shapes/shapes.js';
import type { Size } from '../size.js';
import type { TokenGrid } from './tokens.js';
import { tokenGrids } from './tokens.js';

/** How the positions of a feature map lie in its tensor. */
export type Arrangement
  /** [N, C, h, w] */
  = | { readonly kind: 'channels-first' }
  /** [N, h, w, C] */
    | { readonly kind: 'channels-last' }
  /** [N, T, C], as in vision transformers. */
    | ({ readonly kind: 'tokens' } & TokenGrid);

/** A feature map of a network, at which a class activation map can be taken. */
export interface FeatureLayer {
  /** The tensor's name. */
  readonly name: string;
  /** The operator that makes it. */
  readonly op: string;
  readonly channels: number;
  /** Pixels of the image per cell of the map: the larger of the vertical and the horizontal one. */
  readonly stride: number;
  readonly arrangement: Arrangement;
  /** Whether its values cannot be negative (it comes out of a ReLU, or of operators that keep the sign). */
  readonly rectified: boolean;
  /**
   * What stands at its end: an activation function (ReLU, SiLU, GELU, ..., also behind pools or concatenations of such), a
   * sum or concatenation of branches, or neither.
   */
  readonly ending: 'activation' | 'join' | 'linear';
  /** Whether every path from the image to the logits leads through it. */
  readonly cut: boolean;
}

/** Between which tensors feature maps are looked for. */
export interface LayerSearch {
  readonly image: string;
  /** The tensor that the network's answer is read from. */
  readonly logits: string;
  /** The rows and columns of a vision transformer's tokens, where they are not those of the feature map they were made of. */
  readonly tokenGrid?: Size;
}

/** All feature maps on the way from the image to the logits, shallowest first. */
export function featureLayers(graph: OnnxGraph, shapes: GraphShapes, { image, logits, tokenGrid }: LayerSearch): FeatureLayer[] {
  const path = forwardPath(graph, image, logits);
  const rectified = rectifiedTensors(path.nodes, shapes);
  const activated = activatedTensors(path.nodes, path.fromImage, rectified, shapes);
  const grids = tokenGrids(path.nodes, path.fromImage, shapes, tokenGrid);
  return path.nodes.flatMap((node) => {
    const [name] = node.outputs;
    const place = placeOf(name, shapes, grids.get(name));
    // What is padded is the same map with a border, which lies beside the image.
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
 * The layer that a name or an alias stands for. `/16` is the output of the last stage at stride 16. In order of
 * preference it is the last feature map at that stride which
 *
 * 1. ends in an activation and lies on every path to the logits (ResNet's last ReLU of a stage, behind the sum;
 *    GoogLeNet's concatenation of rectified branches; the expansion behind the last linear block output in MobileNetV2, V3
 *    and EfficientNet, and their last activation of all; DenseNet's ReLU in the transition);
 * 2. ends in a sum or concatenation of branches, on every path (ConvNeXt, vision transformers: no activation stands on
 *    every path there);
 * 3. lies on every path;
 * 4. ends in an activation;
 * 5. whatever is last.
 *
 * @throws UserError that lists what there is
 */
export function resolveLayer(layers: readonly FeatureLayer[], wanted: string): FeatureLayer {
  const alias = strideOfAlias(wanted);
  if (alias === undefined) {
    const found = layers.find(({ name }) => name === wanted);
    if (found !== undefined) return found;
    const near = nearest(wanted, layers.map(({ name }) => name));
    throw new UserError(`the model has no feature layer called '${wanted}'`, near !== undefined ? `did you mean ${near}?` : `one of: ${aliasList(layers)}, or a tensor's name as 'voc-seeds model inspect --all-layers' lists them`);
  }
  const found = strideAliases(layers).get(wanted);
  if (found !== undefined) return found;
  throw new UserError(`the model has no feature layer at stride ${alias}`, `it has ${aliasList(layers)}: choose among them with --layers`);
}

/** The stride of an alias such as `/16`; `undefined` for any other name. */
function strideOfAlias(wanted: string): number | undefined {
  const match = /^\/(\d+)$/.exec(wanted);
  return match === null ? undefined : Number(match[1]);
}

function aliasList(layers: readonly FeatureLayer[]): string {
  return [...strideAliases(layers).keys()].join(', ');
}

/** The layer of each stride, `/2`, `/4`, ..., as {@link resolveLayer} picks it; shallowest first. */
export function strideAliases(layers: readonly FeatureLayer[]): Map<string, FeatureLayer> {
  const strides = [...new Set(layers.map(({ stride }) => stride))].filter(Number.isInteger).sort((a, b) => a - b);
  return new Map(strides.map((stride) => {
    const group = layers.filter((layer) => layer.stride === stride);
    const best = group.findLast(({ ending, cut }) => ending === 'activation' && cut) ?? group.findLast(({ ending, cut }) => ending === 'join' && cut)
      ?? group.findLast(({ cut }) => cut) ?? group.findLast(({ ending }) => ending === 'activation') ?? group.at(-1)!;
    return [`/${stride}`, best];
  }));
}
