import { messageOf, UserError } from '../../errors.js';
import { GraphBuilder } from '../../onnx/builder.js';
import type { Grid } from './dilate-grid.js';
import { GridClash, gridRuleOf, isFiner } from './dilate-grid.js';
import type { DilatedAxis } from './dilate-window.js';
import { dilatedAxis, dilatedBehindPad } from './dilate-window.js';
import { PadNodes } from './dilate-pad.js';
import { addAveragePool, addMaxPool, intLists } from './dilate-pool.js';
import type { OnnxGraph, OnnxModel, OnnxNode } from '../../onnx/model.js';
import { describeNode, intsAttribute, neededFor, withoutAttributes } from '../../onnx/model.js';
import { NetworkGraph } from '../network.js';
import { traitsOf } from '../../onnx/operators.js';
import { DataType } from '../../onnx/tensor.js';
import type { WindowAxis } from '../../onnx/shapes/window.js';
import { ceilMode, windowAxes } from '../../onnx/shapes/window.js';

/** How one convolution or pool was changed; pairs are [vertical, horizontal]. */
export interface WindowChange {
  readonly op: string;
  /** Its output tensor. */
  readonly tensor: string;
  readonly strides: { readonly before: readonly number[]; readonly after: readonly number[] };
  readonly dilations: { readonly before: readonly number[]; readonly after: readonly number[] };
  /** The new padding [top, left, bottom, right], without that of a Pad node in front. */
  readonly pads: readonly number[];
}

/** A network with a smaller output stride, and how it differs from the original. */
export interface Dilation {
  readonly model: OnnxModel;
  readonly changes: readonly WindowChange[];
  /** The original output stride. */
  readonly strideBefore: number;
}

/**
 * Gives a network a smaller output stride without changing its weights, like DeepLab (Chen et al., "DeepLab: Semantic Image
 * Segmentation with Deep Convolutional Nets, Atrous Convolution, and Fully Connected CRFs", TPAMI 2018, section 3.1) and
 * torchvision's `replace_stride_with_dilation`. Every stride that would exceed `outputStride` becomes 1, and every window after
 * it is dilated by the product of the removed strides.
 *
 * Let f be the factor by which the stride of a map became smaller. The new map contains the old one,
 * `new[y f + s, x f + s] = old[y, x]`, exactly and including borders, if all windows that lose their stride are
 * - padded by (k - 1) / 2 on both sides (ResNet), or not padded while the map shrinks (k > stride): s = 0;
 * - of even size without padding (2x2 pools), on maps of even size: s = 0. On an odd map such a pool drops the last row
 *   and column, and the new one keeps them;
 * - of odd size k and padded off-centre because of their stride (TensorFlow's SAME at even sizes; pools with ceil_mode and no
 *   padding): the new windows are centred, and each adds f / 2 to s for its own f (for a stride of 2).
 *
 * This does not hold after a sum or concatenation of branches with different s (a 3x3 convolution with SAME padding and a 1x1
 * convolution, both with stride 2), because the new network aligns them. It does not hold after a global pool either (logits,
 * squeeze-and-excitation), which covers more positions than before.
 *
 * @param outputStride one of the network's strides, smaller than the largest
 * @returns the network up to its target, in operator set 18 or later. Names of tensors and metadata are kept. All layers whose
 *   stride was larger now have `outputStride`, and its alias is the one of them that `resolveLayer` prefers
 * @throws UserError if the network has no such stride, if nothing would change, or if the network does not work on finer maps;
 *   the message names the node
 */
export function dilate(network: NetworkGraph, outputStride: number): OnnxModel {
  return dilation(network, outputStride).model;
}

/** Like {@link dilate}, and lists the changes. */
export function dilation(network: NetworkGraph, outputStride: number): Dilation {
  const strides = stridesOf(new Rewriting(network, Infinity).grids, network.input.name);
  const strideBefore = strides.at(-1) ?? 1;
  if (!strides.includes(outputStride)) {
    throw new UserError(`the network has no feature maps at stride ${outputStride}`, `its strides are ${strides.join(', ')}`);
  }
  if (outputStride === strideBefore) {
    throw new UserError(`the network already has an output stride of ${outputStride}`, `its strides are ${strides.join(', ')}`);
  }
  const { graph, changes, grids } = new Rewriting(network, outputStride);
  const model = { ...network.model, graph };
  verify(network, model, grids, outputStride, strideBefore);
  return { model, changes, strideBefore };
}

/** The strides of all feature maps, ascending. */
function stridesOf(grids: ReadonlyMap<string, Grid>, image: string): number[] {
  const found = [...grids].filter(([name]) => name !== image).map(([, grid]) => Math.max(...grid.map((axis) => axis?.step ?? 0)));
  return [...new Set(found)].filter((stride) => stride > 0).sort((a, b) => a - b);
}

/** One pass over a network's nodes, which tracks the grids of its tensors and rewrites its windows. */
class Rewriting {
  /** The grid of every tensor that depends on the image. */
  readonly grids = new Map<string, Grid>();
  readonly changes: WindowChange[] = [];
  readonly graph: OnnxGraph;
  private readonly builder: GraphBuilder;
  private readonly pads: PadNodes;

  constructor(private readonly network: NetworkGraph, private readonly outputStride: number) {
    const { graph } = network.model;
    this.builder = new GraphBuilder(graph);
    this.pads = new PadNodes(this.builder, network.shapes);
    // The nodes are added again one by one. Their names stay reserved.
    this.builder.nodes.length = 0;
    const pixels = { step: 1, factor: 1 };
    this.grids.set(network.input.name, [undefined, undefined, pixels, pixels]);
    for (const node of graph.nodes) this.rewrite(node);
    this.pads.finish();
    this.graph = this.finish(graph);
  }

  private rewrite(node: OnnxNode): void {
    // The shape of a tensor does not depend on its content.
    if (node.op === 'Shape' || !node.inputs.some((name) => this.grids.has(name))) {
      this.builder.nodes.push(node);
      return;
    }
    const pads = node.domain === '' && node.op === 'Pad';
    const grid = traitsOf(node).form === 'window' ? this.window(node) : pads ? this.pad(node) : this.other(node);
    for (const name of node.outputs) if (name !== '') this.grids.set(name, grid);
  }

  /** A constant has no spatial axes. */
  private gridOf(name: string): Grid {
    return this.grids.get(name) ?? this.network.shapes.dims(name)?.map(() => undefined) ?? [];
  }

  /** Keeps an operator as it is. */
  private other(node: OnnxNode): Grid {
    for (const name of node.inputs) this.pads.settle(name, node);
    this.builder.nodes.push(node);
    const inputs = node.inputs.map((name) => this.gridOf(name));
    try {
      const grid = gridRuleOf(node)?.(node, inputs, this.network.shapes);
      if (grid !== undefined) return grid;
    } catch (error) {
      if (error instanceof GridClash) throw this.refusal(node, error.message);
      throw error;
    }
    if (inputs.some((grid) => grid.some(isFiner))) throw this.refusal(node, 'its result may depend on the size of its input, which becomes finer');
    return this.measuredGrid(node);
  }

  /** The grid after an operator without a rule, from the size of its output. */
  private measuredGrid(node: OnnxNode): Grid {
    const [name] = node.outputs;
    const dims = this.network.shapes.dims(name);
    if (dims === undefined) throw new UserError(`${describeNode(node)}: the shape of its output is unknown, so the strides after it are unknown too`);
    const stride = this.network.shapes.stride(name);
    if (stride === undefined) return dims.map(() => undefined);
    if (Math.max(...stride) > this.outputStride) throw this.refusal(node, `its output has a stride of ${Math.max(...stride)}, but the node has no stride that could be removed`);
    return [undefined, undefined, ...stride.map((step) => ({ step, factor: 1 }))];
  }

  private window(node: OnnxNode): Grid {
    const [x] = node.inputs;
    const grid = this.gridOf(x);
    const kernel = node.op === 'Conv' ? this.network.shapes.dims(node.inputs[1])?.slice(2) : intsAttribute(node, 'kernel_shape');
    const axes = windowAxes(node, (kernel ?? []) as readonly number[]);
    const factors = axes.map((_, i) => grid[i + 2]?.factor ?? 1);
    const loses = axes.map(({ stride }, i) => stride > 1 && (grid[i + 2]?.step ?? 0) * stride > this.outputStride);
    const front = this.pads.inFrontOf(x);
    const wanted = front?.scaled.slice();
    const after = axes.map((axis, i): DilatedAxis => {
      if (!loses[i]) return dilatedAxis(axis, factors[i], false);
      const stride = grid[i + 2]!.step / factors[i];
      if (stride !== this.outputStride) throw this.refusal(node, `it changes the stride from ${stride} to ${stride * axis.stride} in one step`);
      if (wanted === undefined) return dilatedAxis(axis, factors[i], true, ceilMode(node));
      const both = dilatedBehindPad(axis, front?.given?.[i + 2] ?? [0, 0], factors[i], ceilMode(node));
      wanted[i + 2] = both.front;
      return both.window;
    });
    this.pads.settle(x, node, loses.includes(true) ? wanted : undefined);
    const changed = after.some(({ dilation, pads }, i) => loses[i] || dilation !== axes[i].dilation || pads.toString() !== axes[i].pads.toString());
    if (changed) {
      this.refuseWholeMap(node, axes, loses.map((lost, i) => lost || factors[i] !== 1));
      this.replaceWindow(node, axes, after);
    } else {
      this.builder.nodes.push(node);
    }
    return grid.map((axis, i) => axis && {
      step: axis.step * axes[i - 2].stride,
      factor: loses[i - 2] ? axis.factor * axes[i - 2].stride : axis.factor,
    });
  }

  /** Refuses a pool that covers the whole map, as global pooling does: on a finer map it would cover only a part. */
  private refuseWholeMap(node: OnnxNode, axes: readonly WindowAxis[], finer: readonly boolean[]): void {
    const { shapes } = this.network;
    const covers = axes.some(({ pads }, i) => finer[i] && pads.toString() === '0,0'
      && shapes.dims(node.outputs[0])?.[i + 2] === 1 && shapes.dims(node.inputs[0])?.[i + 2] !== 1);
    if (covers) throw this.refusal(node, 'its window covers the whole map, but would not cover a finer one');
  }

  private replaceWindow(node: OnnxNode, before: readonly WindowAxis[], after: readonly DilatedAxis[]): void {
    if (after.some(({ pads }) => typeof pads === 'string')) {
      throw this.refusal(node, 'its padding depends on the image size along one axis only');
    }
    const strides = after.map(({ stride }) => stride);
    const dilations = after.map(({ dilation }) => dilation);
    const pads = [0, 1].flatMap((side) => after.map((axis) => Number(axis.pads[side])));
    this.changes.push({
      op: node.op, tensor: node.outputs[0], pads,
      strides: { before: before.map(({ stride }) => stride), after: strides },
      dilations: { before: before.map(({ dilation }) => dilation), after: dilations },
    });
    // With a stride of 1, ceil_mode has no effect.
    const stale = strides.every((stride) => stride === 1) ? ['ceil_mode'] : [];
    const bare = { ...node, attributes: withoutAttributes(node.attributes, 'auto_pad', 'strides', 'dilations', 'pads', ...stale) };
    const windows = { strides, dilations, pads };
    if (node.op === 'MaxPool') {
      addMaxPool(this.builder, bare, windows);
    } else if (node.op === 'AveragePool') {
      const channels = this.network.shapes.dims(node.inputs[0])?.[1];
      if (typeof channels !== 'number') throw this.refusal(node, 'its number of channels is unknown');
      addAveragePool(this.builder, bare, windows, channels, before.some((axis) => axis.pads.toString() !== '0,0'));
    } else {
      this.builder.nodes.push({ ...bare, attributes: { ...bare.attributes, ...intLists(windows) } });
    }
  }

  private pad(node: OnnxNode): Grid {
    const grid = this.gridOf(node.inputs[0]);
    this.pads.settle(node.inputs[0], node);
    this.pads.add(node, grid);
    return grid;
  }

  /** The rewritten graph up to the target. */
  private finish({ name, inputs, outputs }: OnnxGraph): OnnxGraph {
    const { target, shapes } = this.network;
    const graph = neededFor({ name, inputs, outputs, nodes: this.builder.nodes, initializers: this.builder.initializers }, target);
    const made = new Set(graph.nodes.flatMap((node) => node.outputs));
    const kept = outputs.filter((output) => made.has(output.name));
    const declared = kept.some((output) => output.name === target);
    const all = declared ? kept : [...kept, { name: target, type: DataType.float32, shape: shapes.dims(target) }];
    return {
      ...graph,
      outputs: all.map((output) => ({ ...output, shape: output.shape?.map((dim, i) => (isFiner(this.grids.get(output.name)?.[i]) ? null : dim)) })),
    };
  }

  private refusal(node: OnnxNode, reason: string): UserError {
    return new UserError(`${describeNode(node)} does not allow an output stride of ${this.outputStride}: ${reason}`, FIXED_SIZE_HINT);
  }
}

const FIXED_SIZE_HINT = 'choose a larger output stride; if the network needs a fixed size, export it with global pooling (GlobalAveragePool) before its fully connected layer';

/** @throws UserError if the new network does not work, or its tensors do not have the expected sizes */
function verify(before: NetworkGraph, model: OnnxModel, grids: ReadonlyMap<string, Grid>, outputStride: number, strideBefore: number): void {
  let after: NetworkGraph;
  try {
    after = new NetworkGraph(model, before.target, before.input.fixedSize);
  } catch (error) {
    throw new UserError(`the network does not allow an output stride of ${outputStride}: ${messageOf(error)}`, FIXED_SIZE_HINT, { cause: error });
  }
  for (const node of before.model.graph.nodes) {
    const [name] = node.outputs;
    const [was, is, grid] = [before.shapes.dims(name), after.shapes.dims(name), grids.get(name)];
    if (was === undefined || grid === undefined) continue;
    if (is?.length === was.length && is.every((dim, i) => follows(dim, was[i], grid[i]?.factor ?? 1))) continue;
    const shapes = [was, is].map((dims) => `[${dims?.map((dim) => dim ?? '?').join(', ') ?? '?'}]`);
    throw new UserError(`${describeNode(node)} does not allow an output stride of ${outputStride}: its output ${shapes[0]} would become ${shapes[1]}`, FIXED_SIZE_HINT);
  }
  const deepest = ({ layers }: NetworkGraph): number => Math.max(...layers.map(({ stride }) => stride));
  // At a fixed size, or without padding, strides computed from sizes differ slightly from those of the windows.
  const exact = before.input.fixedSize === undefined && deepest(before) === strideBefore
    && before.layers.some(({ stride }) => stride === outputStride);
  if (!exact || deepest(after) === outputStride) return;
  throw new UserError(`the network does not allow an output stride of ${outputStride}: the result is ${deepest(after)}`);
}

/** Whether a dimension is unchanged, or about `factor` times as large on a finer axis. */
function follows(is: number | null, was: number | null, factor: number): boolean {
  if (is === null || was === null || factor === 1) return is === was;
  return Math.abs(is - factor * was) <= factor;
}
