import { GraphBuilder } from '../../onnx/builder.js';
import type { Value } from '../../onnx/builder.js';
import type { TensorInfo } from '../../onnx/shapes/tensor-info.js';
import type { Attributes, OnnxModel, OnnxNode } from '../../onnx/model.js';
import { DataType, OnnxTensor } from '../../onnx/tensor.js';

/** The domain of ONNX Runtime's operators on the blocked layout. */
export const BLOCKED_DOMAIN = 'com.microsoft.nchwc';

/** The shape of a feature map. */
export type MapDims = readonly [n: number, c: number, h: number, w: number];

/**
 * The graph that is being built. Tensors of the original graph keep their names in the plain layout, and those that are computed
 * in blocks have a twin. Conversions between the two are added when the first reader needs them.
 */
export class BlockedGraph {
  readonly builder: GraphBuilder;
  private readonly twins = new Map<string, Value>();
  /** How to make plain tensors that no node has needed so far. */
  private readonly unmade = new Map<string, () => void>();
  private readonly readers = new Map<string, OnnxNode[]>();
  private readonly makers = new Map<string, OnnxNode>();
  private readonly outputs: ReadonlySet<string>;

  /** @param known the shapes of all tensors of the model */
  constructor(private readonly model: OnnxModel, readonly block: number, private readonly known: ReadonlyMap<string, TensorInfo>) {
    const { graph } = model;
    this.builder = new GraphBuilder(graph);
    this.builder.nodes.length = 0;
    this.outputs = new Set(graph.outputs.map(({ name }) => name));
    for (const node of graph.nodes) {
      for (const name of node.outputs) this.makers.set(name, node);
      for (const name of node.inputs) this.readers.set(name, [...this.readers.get(name) ?? [], node]);
    }
  }

  dims(name: string): readonly number[] | undefined {
    return this.known.get(name)?.dims;
  }

  values(name: string | undefined): readonly number[] | undefined {
    return name === undefined ? undefined : this.known.get(name)?.values;
  }

  /** The shape of a feature map whose channels fill whole blocks; `undefined` for other tensors. */
  mapDims(name: string): MapDims | undefined {
    const dims = this.dims(name);
    return dims?.length === 4 && dims[1] % this.block === 0 ? dims as unknown as MapDims : undefined;
  }

  /** The node that reads a tensor, if there is only one and the tensor is not an output of the graph. */
  onlyReader(name: string): OnnxNode | undefined {
    const readers = this.readers.get(name) ?? [];
    return readers.length === 1 && !this.outputs.has(name) ? readers[0] : undefined;
  }

  maker(name: string): OnnxNode | undefined {
    return this.makers.get(name);
  }

  isBlocked(name: string): boolean {
    return this.twins.has(name);
  }

  /** Whether a tensor with {@link mapDims} is in blocks or can be converted. Booleans cannot. */
  canBeBlocked(name: string): boolean {
    const type = this.known.get(name)?.type ?? DataType.float32;
    return this.isBlocked(name) || type === DataType.float32;
  }

  /** Replaces a node by constants if its outputs are known integers. Shapes would keep large tensors alive. */
  settle({ outputs }: OnnxNode): boolean {
    const known = outputs.map((name) => this.known.get(name));
    if (!known.every((value) => value?.values !== undefined && value.type === DataType.int64)) return false;
    known.forEach((value, i) => { this.builder.initializers.set(outputs[i], OnnxTensor.int64(value!.dims, value!.values!)); });
    return true;
  }

  /** The twin in blocks of a float tensor with {@link mapDims}; converts the tensor if there is none yet. */
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
      const channels = this.dims(name)![1];
      this.push({ op: 'ReorderOutput', domain: BLOCKED_DOMAIN, inputs: [twin], outputs: [name], attributes: { channels: { kind: 'int', value: channels } } });
    }));
  }

  /** Adds a node of the blocked domain. */
  node(op: string, inputs: readonly Value[], attributes: Attributes): Value {
    const output = this.builder.node(op, inputs);
    const { nodes } = this.builder;
    nodes[nodes.length - 1] = { ...nodes[nodes.length - 1], domain: BLOCKED_DOMAIN, attributes };
    return output;
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
