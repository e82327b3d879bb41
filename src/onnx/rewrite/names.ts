import type { OnnxGraph, OnnxValueInfo } from '../model.js';

/**
 * The graph with some of its tensors renamed.
 *
 * @param names new names by old ones, all different. A tensor that has one of the new names already gets another one
 */
export function withNames(graph: OnnxGraph, names: ReadonlyMap<string, string>): OnnxGraph {
  const wanted = new Set(names.values());
  const taken = new Set([...wanted, ...namesIn(graph)]);
  const moved = new Map<string, string>();
  for (const name of wanted) {
    let other = `network/${name}`;
    while (taken.has(other)) other += '_';
    moved.set(name, other);
  }
  const renamed = (name: string): string => names.get(name) ?? moved.get(name) ?? name;
  const info = (value: OnnxValueInfo): OnnxValueInfo => ({ ...value, name: renamed(value.name) });
  return {
    ...graph,
    nodes: graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(renamed), outputs: node.outputs.map(renamed) })),
    initializers: new Map([...graph.initializers].map(([name, tensor]) => [renamed(name), tensor])),
    inputs: graph.inputs.map(info), outputs: graph.outputs.map(info),
  };
}

function namesIn({ nodes, initializers, inputs }: OnnxGraph): string[] {
  return [...nodes.flatMap((node) => [...node.inputs, ...node.outputs]), ...initializers.keys(), ...inputs.map(({ name }) => name)];
}
