import type { TensorInfo } from './tensor-info.js';
import type { OnnxGraph, OnnxNode } from '../model.js';
import { intAttribute, intsAttribute } from '../model.js';
import { traitsOf } from '../operators.js';
import { sizeOf } from '../tensor.js';

/** The spatial axes of a tensor: [2, 3] in NCHW, [1, 2] in NHWC. */
export type SpatialAxes = readonly [vertical: number, horizontal: number];

/** Where the image's rows and columns are in a tensor. */
export interface Layout {
  readonly axes: SpatialAxes;
  /** Pixels of the image per step along each axis, from the strides of the nodes before. */
  readonly steps: readonly [vertical: number, horizontal: number];
}

/**
 * Tracks the two axes of the image through a graph. This distinguishes feature maps from other tensors with four axes
 * (attention weights, windows), and NCHW from NHWC, and gives the strides of a network that works at one size only.
 *
 * @param input the image input, [N, C, H, W]
 * @param known the shapes for one concrete input size
 * @returns the layout by tensor name, without tensors in which rows and columns are no longer separate axes
 */
export function followLayout(graph: OnnxGraph, input: string, known: ReadonlyMap<string, TensorInfo>): Map<string, Layout> {
  const found = new Map<string, Layout>([[input, { axes: [2, 3], steps: [1, 1] }]]);
  for (const node of graph.nodes) {
    for (const output of node.outputs) {
      const layout = layoutOf(node, output, found, known);
      if (layout !== undefined) found.set(output, layout);
    }
  }
  return found;
}

function layoutOf(
  node: OnnxNode, output: string, found: ReadonlyMap<string, Layout>, known: ReadonlyMap<string, TensorInfo>,
): Layout | undefined {
  const to = known.get(output)?.dims;
  const source = node.inputs.find((name) => found.has(name));
  const from = source === undefined ? undefined : known.get(source)?.dims;
  const { form, losesImage } = traitsOf(node);
  if (node.domain !== '' || losesImage === true || to === undefined || source === undefined || from === undefined) return undefined;
  const { axes, steps } = found.get(source)!;
  if (form === 'window') return scaled({ axes, steps }, intsAttribute(node, 'strides') ?? [1, 1]);
  if (node.op === 'SpaceToDepth') return scaled({ axes, steps }, blockOf(node));
  if (node.op === 'DepthToSpace') return scaled({ axes, steps }, blockOf(node).map((block) => 1 / block));
  if (node.op === 'Slice') return scaled({ axes, steps }, axes.map((axis) => stepOf(node, axis, from.length, known)));
  if (form === 'regroup') {
    const regrouped = source === node.inputs[0] ? regroupedAxes(axes, from, to) : undefined;
    return regrouped && { axes: regrouped, steps };
  }
  if (node.op === 'Transpose') {
    const perm = intsAttribute(node, 'perm') ?? from.map((_, i) => from.length - 1 - i);
    return { axes: [perm.indexOf(axes[0]), perm.indexOf(axes[1])], steps };
  }
  // A matrix product mixes the last axis of its first input. If both inputs are activations, no axis is certain.
  if (node.op === 'MatMul' && (source !== node.inputs[0] || found.has(node.inputs[1]) || axes[1] === to.length - 1)) return undefined;
  if (form === 'reduction' && intAttribute(node, 'keepdims', 1) === 0) return undefined;
  const shift = to.length - from.length;
  return shift < 0 ? undefined : { axes: [axes[0] + shift, axes[1] + shift], steps };
}

function scaled({ axes, steps }: Layout, [vertical, horizontal]: readonly number[]): Layout {
  return { axes, steps: [steps[0] * vertical, steps[1] * horizontal] };
}

function blockOf(node: OnnxNode): [number, number] {
  const block = intAttribute(node, 'blocksize', 1);
  return [block, block];
}

/** The step of a Slice along an axis. */
function stepOf({ inputs }: OnnxNode, axis: number, rank: number, known: ReadonlyMap<string, TensorInfo>): number {
  const [starts, axes, steps] = [inputs[1], inputs[3], inputs[4]].map((name) => known.get(name)?.values);
  const places = axes?.map((each) => (each < 0 ? each + rank : each)) ?? starts?.map((_, i) => i);
  return steps?.[places?.indexOf(axis) ?? -1] ?? 1;
}

/** The positions of two neighbouring axes after a reshape, if they are still separate. */
function regroupedAxes([vertical, horizontal]: SpatialAxes, from: readonly number[], to: readonly number[]): SpatialAxes | undefined {
  if (horizontal !== vertical + 1) return undefined;
  const before = sizeOf(from.slice(0, vertical));
  for (let axis = 0; axis + 1 < to.length; axis++) {
    if (to[axis] !== from[vertical] || to[axis + 1] !== from[horizontal]) continue;
    if (sizeOf(to.slice(0, axis)) === before) return [axis, axis + 1];
  }
  return undefined;
}
