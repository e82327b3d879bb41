import type { OnnxGraph, OnnxNode } from '../onnx/model.js';
import { ancestors } from '../onnx/model.js';

/** How the image gets through a graph. */
export interface ForwardPath {
  /** The nodes that carry the image towards the logits. */
  readonly nodes: readonly OnnxNode[];
  /** The tensors that depend on the image. */
  readonly fromImage: ReadonlySet<string>;
  /** The tensors that all paths lead through. */
  readonly cuts: ReadonlySet<string>;
}

/**
 * The way from the image to the logits.
 *
 * @param input the image input
 * @param logits the tensor that the network's answer is read from
 */
export function forwardPath(graph: OnnxGraph, input: string, logits: string): ForwardPath {
  const fromImage = new Set([input]);
  const nodes = ancestors(graph.nodes, [logits]).filter((node) => {
    // The size of a tensor is not its content.
    if (node.op === 'Shape' || !node.inputs.some((name) => fromImage.has(name))) return false;
    for (const output of node.outputs) fromImage.add(output);
    return true;
  });
  const readers = new Map<string, number>();
  for (const node of nodes) for (const name of node.inputs) if (fromImage.has(name)) readers.set(name, (readers.get(name) ?? 0) + 1);
  // A tensor is a cut when, right after it was made, nothing else that was made before will be read again.
  const cuts = new Set<string>();
  const open = new Set([input]);
  for (const node of nodes) {
    for (const name of node.inputs) {
      if (!fromImage.has(name)) continue;
      const left = readers.get(name)! - 1;
      readers.set(name, left);
      if (left === 0) open.delete(name);
    }
    for (const name of node.outputs) if ((readers.get(name) ?? 0) > 0 || name === logits) open.add(name);
    if (open.size === 1 && open.has(node.outputs[0])) cuts.add(node.outputs[0]);
  }
  return { nodes, fromImage, cuts };
}
