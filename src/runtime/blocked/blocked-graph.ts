import { GraphBuilder } from '../../onnx/builder.js';
import type { Value } from '../../onnx/builder.js';
import type { TensorInfo } from '../../onnx/shapes/tensor-info.js';
import type { Attributes, OnnxModel, OnnxNode } from '../../onnx/model.js';
import { reachedFrom } from '../../onnx/model.js';
import { DataType, OnnxTensor } from '../../onnx/tensor.js';

/** The domain of ONNX Runtime's operators on the blocked layout. */
export const BLOCKED_DOMAIN = 'com.microsoft.nchwc';

/** The shape of a feature map; null for a free dimension. */
export type MapDims = readonly [n: number | null, c: number, h: number | null, w: number | null];

/** ONNX Runtime converts only feature maps whose number of channels is a multiple of this. */
const CHANNEL_STEP = 4;

/**
 * The graph that is being built. Tensors of the original graph keep their names in the plain layout, and those that are computed
 * in blocks have a twin. Conversions between the two are added when the first reader needs them.
 *
 * A twin has whole blocks. If the channels of a tensor do not fill the last one, the channels that are added hold finite numbers
 * without a meaning. Weights for them are zero.
 */
export class BlockedGraph {
  readonly builder: GraphBuilder;
  private readonly twins = new Map<string, Value>();
  /** How to make plain tensors that no node has needed so far. */
  private readonly unmade = new Map<string, () => void>();
  /** Nodes by the tensors that they read, without those that read only the shape. */
  private readonly readers = new Map<string, OnnxNode[]>();
  private readonly makers = new Map<string, OnnxNode>();
  private readonly outputs: ReadonlySet<string>;
  /** If sizes are free: all that is computed from the inputs or their sizes. */
  private readonly changing: ReadonlySet<string>;
  /** Tensors whose values are known when the next node is added. */
  private readonly computed: Set<string>;
  /** Tensors that are never made, and others of the same shape. */
  private readonly likeness = new Map<string, string>();

  /**
   * @param known the shapes of all tensors of the model, for one or several sizes of its inputs. Tensors whose shapes are the same for
   *   all of these sizes are taken to have the same shape
   */
  constructor(private readonly model: OnnxModel, readonly block: number, private readonly known: readonly ReadonlyMap<string, TensorInfo>[]) {
    const { graph } = model;
    this.builder = new GraphBuilder(graph);
    this.builder.nodes.length = 0;
    this.outputs = new Set(graph.outputs.map(({ name }) => name));
    this.changing = new Set(known.length === 1 ? [] : graph.inputs.flatMap(({ name }) => [...reachedFrom(graph.nodes, name, true)]));
    this.computed = new Set([...graph.initializers.keys(), ...graph.inputs.map(({ name }) => name)]);
    for (const node of graph.nodes) {
      for (const name of node.outputs) this.makers.set(name, node);
      if (node.op !== 'Shape') for (const name of node.inputs) this.readers.set(name, [...this.readers.get(name) ?? [], node]);
    }
  }

  /** The shape of a tensor; null for a dimension that is free. `undefined`: not known. */
  dims(name: string): readonly (number | null)[] | undefined {
    const [first, ...others] = this.known.map((infos) => infos.get(name)?.dims);
    if (first === undefined || others.some((dims) => dims?.length !== first.length)) return undefined;
    return first.map((dim, i) => (others.every((dims) => dims![i] === dim) ? dim : null));
  }

  /** The shape of a tensor without free dimensions. */
  fixedDims(name: string): readonly number[] | undefined {
    const dims = this.dims(name);
    return dims?.includes(null) === false ? dims as readonly number[] : undefined;
  }

  /** Whether the last `count` dimensions of two tensors are the same. */
  sameLastDims(a: string, b: string, count: number): boolean {
    return this.known.every((infos) => {
      const [own, other] = [infos.get(a)?.dims, infos.get(b)?.dims];
      return own !== undefined && other !== undefined && own.slice(-count).join() === other.slice(-count).join();
    });
  }

  /** The elements of a small tensor that does not depend on the inputs, nor on their sizes if these are free. */
  values(name: string | undefined): readonly number[] | undefined {
    // A padding, for example, may be the same for all known sizes and still be another one for others.
    return name === undefined || this.changing.has(name) ? undefined : this.known[0].get(name)?.values;
  }

  /** A stored float tensor. */
  stored(name: string): OnnxTensor | undefined {
    const tensor = this.model.graph.initializers.get(name);
    return tensor?.type === DataType.float32 ? tensor : undefined;
  }

  /** The shape of a feature map; `undefined` for other tensors. */
  mapDims(name: string): MapDims | undefined {
    const dims = this.dims(name);
    return dims?.length === 4 && dims[1] !== null ? dims as unknown as MapDims : undefined;
  }

  /** The number of channels in whole blocks. */
  wholeChannels(channels: number): number {
    return Math.ceil(channels / this.block) * this.block;
  }

  /** Whether channels fill whole blocks. */
  fills(channels: number): boolean {
    return channels % this.block === 0;
  }

  /** The nodes that read the values of a tensor. */
  readersOf(name: string): readonly OnnxNode[] {
    return this.readers.get(name) ?? [];
  }

  /** The node that reads the values of a tensor, if there is only one and the tensor is not an output of the graph. */
  onlyReader(name: string): OnnxNode | undefined {
    const readers = this.readersOf(name);
    return readers.length === 1 && !this.outputs.has(name) ? readers[0] : undefined;
  }

  maker(name: string): OnnxNode | undefined {
    return this.makers.get(name);
  }

  isBlocked(name: string): boolean {
    return this.twins.has(name);
  }

  /** Whether a feature map is in blocks or can be converted. Booleans cannot. */
  canBeBlocked(name: string): boolean {
    if (this.isBlocked(name)) return true;
    const channels = this.mapDims(name)?.[1];
    const type = this.known[0].get(name)?.type ?? DataType.float32;
    return channels !== undefined && channels % CHANNEL_STEP === 0 && type === DataType.float32;
  }

  /** Notes that the outputs of a node can be read from now on. */
  finish({ outputs }: OnnxNode): void {
    for (const name of outputs) this.computed.add(name);
  }

  /** Whether a tensor can be read by the next node. */
  isComputed(name: string): boolean {
    return this.computed.has(name);
  }

  /** Notes that a tensor is never made, and another one with the same shape is. */
  replace(name: string, other: string): void {
    this.likeness.set(name, other);
  }

  /** A tensor that is made and has the shape of this one. */
  shapeSource(name: string): string {
    return this.likeness.get(name) ?? name;
  }

  /** Replaces a node by constants if its outputs are known integers. Shapes would keep large tensors alive. */
  settle({ outputs }: OnnxNode): boolean {
    const [known] = this.known;
    const integers = outputs.map((name) => (known.get(name)?.type === DataType.int64 ? this.values(name) : undefined));
    if (!integers.every((values) => values !== undefined)) return false;
    integers.forEach((values, i) => { this.builder.initializers.set(outputs[i], OnnxTensor.int64(known.get(outputs[i])!.dims, values)); });
    return true;
  }

  /** The twin in blocks of a tensor that {@link canBeBlocked}; converts the tensor if there is none yet. */
  blocked(name: string): Value {
    const known = this.twins.get(name);
    if (known !== undefined) return known;
    const twin = this.node('ReorderInput', [this.plain(name)], {});
    this.twins.set(name, twin);
    return twin;
  }

  /** A tensor in the plain layout, with its own name; adds the nodes for it if needed. */
  plain(name: string): Value {
    const make = this.unmade.get(name);
    this.unmade.delete(name);
    make?.();
    return name;
  }

  /**
   * Registers a tensor that was computed in blocks.
   *
   * @param otherwise adds it in the plain layout. Default: converts the twin
   */
  setBlocked(name: string, twin: Value, otherwise?: () => void): void {
    this.twins.set(name, twin);
    this.unmade.set(name, otherwise ?? (() => {
      const [, channels] = this.mapDims(name)!;
      this.push({ op: 'ReorderOutput', domain: BLOCKED_DOMAIN, inputs: [twin], outputs: [name], attributes: { channels: { kind: 'int', value: channels } } });
    }));
  }

  /** A twin with its blocks as an axis: [N, C / block, H, W, block]. */
  split(twin: Value, channels: number): Value {
    return this.builder.reshape(twin, [0, this.wholeChannels(channels) / this.block, 0, 0, this.block]);
  }

  /** Reverts {@link split}. */
  joined(value: Value, channels: number): Value {
    return this.builder.reshape(value, [0, this.wholeChannels(channels), 0, 0]);
  }

  /** Adds a node of the blocked domain. */
  node(op: string, inputs: readonly Value[], attributes: Attributes): Value {
    const output = this.builder.node(op, inputs);
    const { nodes } = this.builder;
    nodes[nodes.length - 1] = { ...nodes[nodes.length - 1], domain: BLOCKED_DOMAIN, attributes };
    return output;
  }

  /** Adds a node of ONNX's own domain, with the attributes of another node. */
  nodeLike({ op, attributes }: OnnxNode, inputs: readonly Value[]): Value {
    const output = this.builder.node(op, inputs);
    const { nodes } = this.builder;
    nodes[nodes.length - 1] = { ...nodes[nodes.length - 1], attributes };
    return output;
  }

  /** Gives the tensor that the last node made a name of the original graph. */
  rename(value: Value, name: string): void {
    const { nodes } = this.builder;
    const last = nodes[nodes.length - 1];
    if (last.outputs[0] !== value) throw new Error(`${value} was not made by the last node`);
    nodes[nodes.length - 1] = { ...last, outputs: [name] };
  }

  /** Keeps a node as it is. */
  keep(node: OnnxNode): void {
    for (const name of node.inputs) if (name !== '') this.plain(name);
    this.builder.nodes.push(node);
  }

  private push(node: Omit<OnnxNode, 'name'>): void {
    this.builder.nodes.push({ ...node, name: node.outputs[0] });
  }

  /** The finished model. */
  finished(): OnnxModel {
    for (const name of this.outputs) this.plain(name);
    const { nodes, initializers } = this.builder;
    return {
      ...this.model, otherOpsets: new Map([...this.model.otherOpsets, [BLOCKED_DOMAIN, 1]]),
      graph: { ...this.model.graph, nodes, initializers },
    };
  }
}

/**
 * Converts a node to the blocked layout.
 *
 * @param done a set to which the rule adds other nodes that it has converted too
 * @returns false if the node should stay as it is
 */
export type BlockedRule = (node: OnnxNode, graph: BlockedGraph, done: Set<OnnxNode>) => boolean;
