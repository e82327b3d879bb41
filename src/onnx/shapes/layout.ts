import type { TensorInfo } from './tensor-info.js';
import type { OnnxGraph, OnnxNode } from '../model.js';
import { intAttribute, intsAttribute } from '../model.js';
import { traitsOf } from '../operators.js';
import { sizeOf } from '../tensor.js';

/** The axes of a tensor that run down and across the image: [2, 3] in NCHW, [1, 2] in NHWC. */
export type SpatialAxes = readonly [vertical: number, horizontal: number];

/** How the image lies in a tensor. */
export interface Layout {
  readonly axes: SpatialAxes;
  /** Pixels of the image per step along each of them, as the strides on the way say. */
  readonly steps: readonly [vertical: number, horizontal: number];
}

/**
 * Follows the two axes of the image through a graph, so that a feature map can be told from other tensors of four axes
 * (attention weights, windows), NCHW from NHWC, and strides from sizes, where one size alone does not tell.
 *
 * @param input the image input, [N, C, H, W]
 * @param known the shapes for one concrete input size
 * @returns the layout by tensor name; nothing for a tensor in which they are no longer two axes of their own
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
  // A product of matrices mixes its last axis, and of two activations no axis is certain.
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

/** Where two neighbouring axes stand after a reshape, if they are still axes of their own. */
function regroupedAxes([vertical, horizontal]: SpatialAxes, from: readonly number[], to: readonly number[]): SpatialAxes | undefined {
  if (horizontal !== vertical + 1) return undefined;
  const before = sizeOf(from.slice(0, vertical));
  for (let axis = 0; axis + 1 < to.length; axis++) {
    if (to[axis] !== from[vertical] || to[axis + 1] !== from[horizontal]) continue;
    if (sizeOf(to.slice(0, axis)) === before) return [axis, axis + 1];
  }
  return undefined;
}
