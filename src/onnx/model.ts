import { UserError } from '../errors.js';
import type { DataType } from './tensor.js';
import { OnnxTensor } from './tensor.js';
import type { ProtoGraph } from './proto.js';

/** The value of a node's attribute, with ONNX's own kinds. A subgraph is kept as it is, without parsing. */
export type Attribute
  = | { readonly kind: 'int'; readonly value: number }
    | { readonly kind: 'float'; readonly value: number }
    | { readonly kind: 'string'; readonly value: string }
    | { readonly kind: 'ints'; readonly value: readonly number[] }
    | { readonly kind: 'floats'; readonly value: readonly number[] }
    | { readonly kind: 'strings'; readonly value: readonly string[] }
    | { readonly kind: 'tensor'; readonly value: OnnxTensor }
    | { readonly kind: 'graph'; readonly value: ProtoGraph };

export type Attributes = Readonly<Record<string, Attribute>>;

/** One operator of a graph. An optional input or output that is left out is the empty string. */
export interface OnnxNode {
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

/** A graph's input or output. A dimension is a number, a symbol's name, or null if it is not known. */
export interface OnnxValueInfo {
  readonly name: string;
  readonly type: DataType;
  readonly shape: readonly (number | string | null)[] | undefined;
}

/** A graph in topological order. `inputs` does not contain initializers, which old files list there too. */
export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
}

/** A parsed model: its graph, the version of its default operator set, and its metadata. */
export interface OnnxModel {
  readonly irVersion: number;
  readonly opset: number;
  /** Operator sets of other domains. */
  readonly otherOpsets: ReadonlyMap<string, number>;
  readonly producer: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly graph: OnnxGraph;
  /** Files next to the model from which some of its weights were read, as the model names them. */
  readonly sideFiles?: readonly string[];
}

function attribute<K extends Attribute['kind']>(node: OnnxNode, name: string, kind: K): Extract<Attribute, { kind: K }> | undefined {
  const found = node.attributes[name];
  if (found === undefined) return undefined;
  if (found.kind !== kind) throw new UserError(`attribute '${name}' of ${describeNode(node)} is of kind ${found.kind}, not ${kind}`);
  return found as Extract<Attribute, { kind: K }>;
}

export function intAttribute(node: OnnxNode, name: string, otherwise: number): number {
  return attribute(node, name, 'int')?.value ?? otherwise;
}

export function floatAttribute(node: OnnxNode, name: string, otherwise: number): number {
  return attribute(node, name, 'float')?.value ?? otherwise;
}

export function stringAttribute(node: OnnxNode, name: string, otherwise: string): string {
  return attribute(node, name, 'string')?.value ?? otherwise;
}

export function intsAttribute(node: OnnxNode, name: string): readonly number[] | undefined {
  return attribute(node, name, 'ints')?.value;
}

export function floatsAttribute(node: OnnxNode, name: string): readonly number[] | undefined {
  return attribute(node, name, 'floats')?.value;
}

export function tensorAttribute(node: OnnxNode, name: string): OnnxTensor | undefined {
  return attribute(node, name, 'tensor')?.value;
}

/** The tensor of a Constant node, from any of its attributes; `undefined` for other nodes. */
export function constantTensor(node: OnnxNode): OnnxTensor | undefined {
  if (node.op !== 'Constant') return undefined;
  const tensor = tensorAttribute(node, 'value');
  if (tensor !== undefined) return tensor;
  const floats = floatsAttribute(node, 'value_floats');
  if (floats !== undefined) return OnnxTensor.float32([floats.length], floats);
  const ints = intsAttribute(node, 'value_ints');
  if (ints !== undefined) return OnnxTensor.int64([ints.length], ints);
  if ('value_float' in node.attributes) return OnnxTensor.float32([], [floatAttribute(node, 'value_float', 0)]);
  return 'value_int' in node.attributes ? OnnxTensor.int64([], [intAttribute(node, 'value_int', 0)]) : undefined;
}

/** All attributes except those named. */
export function withoutAttributes(attributes: Attributes, ...names: string[]): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !names.includes(name)));
}

/** The name of an operator in messages, with its domain if that is not ONNX's own. */
export function operatorName({ op, domain }: Pick<OnnxNode, 'op' | 'domain'>): string {
  return domain === '' ? op : `${domain}.${op}`;
}

/** The name of a node in messages: its operator, and its name or first output. */
export function describeNode(node: OnnxNode): string {
  return `${operatorName(node)} '${node.name === '' ? node.outputs[0] : node.name}'`;
}

/**
 * A tensor and all that is computed from it.
 *
 * @param nodes in topological order
 * @param sizes also what is computed from its shape only
 */
export function reachedFrom(nodes: readonly OnnxNode[], start: string, sizes: boolean): Set<string> {
  const found = new Set([start]);
  for (const { op, inputs, outputs } of nodes) {
    if (!sizes && (op === 'Shape' || op === 'Size')) continue;
    if (inputs.some((name) => found.has(name))) for (const name of outputs) if (name !== '') found.add(name);
  }
  return found;
}

/** The nodes that the given tensors depend on, in the graph's order. */
export function ancestors(nodes: readonly OnnxNode[], targets: Iterable<string>): OnnxNode[] {
  const wanted = new Set(targets);
  const kept: OnnxNode[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((output) => wanted.has(output))) continue;
    kept.push(node);
    for (const input of node.inputs) if (input !== '') wanted.add(input);
  }
  return kept.reverse();
}

/** The part of a graph that one of its tensors depends on: its nodes, and the constants they read. */
export function neededFor(graph: OnnxGraph, target: string): OnnxGraph {
  const nodes = ancestors(graph.nodes, [target]);
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  return { ...graph, nodes, initializers: new Map([...graph.initializers].filter(([name]) => used.has(name))) };
}
