import { UserError } from '../../errors.js';
import type { OnnxGraph, OnnxNode } from '../model.js';
import { describeNode } from '../model.js';

/**
 * Sorts the nodes of a graph topologically. In most files they are sorted already.
 *
 * @param model the model's name in messages
 * @returns the graph itself if its nodes are in order
 * @throws UserError if two nodes or none produce a tensor, or the graph has a cycle
 */
export function inOrder(graph: OnnxGraph, model: string): OnnxGraph {
  const makers = makersOf(graph, model);
  const given = new Set([...graph.initializers.keys(), ...graph.inputs.map(({ name }) => name), '']);
  const made = new Set(given);
  let ordered = true;
  for (const node of graph.nodes) {
    for (const name of node.inputs) {
      if (made.has(name)) continue;
      if (!makers.has(name)) throw new UserError(`${model}: ${describeNode(node)} reads '${name}', which no node produces`, 'is the model complete?');
      ordered = false;
    }
    for (const name of node.outputs) made.add(name);
  }
  return ordered ? graph : { ...graph, nodes: sorted(graph.nodes, makers, given, model) };
}

function makersOf(graph: OnnxGraph, model: string): Map<string, OnnxNode> {
  const taken = new Set([...graph.initializers.keys(), ...graph.inputs.map(({ name }) => name)]);
  const makers = new Map<string, OnnxNode>();
  for (const node of graph.nodes) {
    if (node.outputs.every((name) => name === '')) throw new UserError(`${model}: the node ${node.op} '${node.name}' has no output`);
    for (const name of node.outputs) {
      if (name === '') continue;
      if (taken.has(name)) throw new UserError(`${model}: ${describeNode(node)} produces '${name}', but a tensor of that name exists already`, 'in ONNX every tensor has its own name');
      taken.add(name);
      makers.set(name, node);
    }
  }
  return makers;
}

/** A node follows as soon as all its inputs exist. Otherwise the order of the file is kept. */
function sorted(nodes: readonly OnnxNode[], makers: ReadonlyMap<string, OnnxNode>, given: ReadonlySet<string>, model: string): OnnxNode[] {
  const missing = new Map(nodes.map((node) => [node, new Set(node.inputs.filter((name) => !given.has(name)).map((name) => makers.get(name)!))]));
  const readers = new Map<OnnxNode, OnnxNode[]>();
  for (const [node, sources] of missing) for (const source of sources) readers.set(source, [...readers.get(source) ?? [], node]);
  const result = nodes.filter((node) => missing.get(node)!.size === 0);
  for (let i = 0; i < result.length; i++) {
    for (const reader of readers.get(result[i]) ?? []) {
      const left = missing.get(reader)!;
      left.delete(result[i]);
      if (left.size === 0) result.push(reader);
    }
  }
  const stuck = nodes.find((node) => missing.get(node)!.size > 0);
  if (stuck !== undefined) throw new UserError(`${model}: ${describeNode(stuck)} depends on its own output: the graph has a cycle`);
  return result;
}
