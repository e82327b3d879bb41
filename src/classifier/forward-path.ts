import type { OnnxGraph, OnnxNode } from '../onnx/model.js';
import { ancestors } from '../onnx/model.js';

/** The part of a graph between the image and the logits. */
export interface ForwardPath {
  /** The nodes that the logits depend on and that depend on the image. */
  readonly nodes: readonly OnnxNode[];
  /** The tensors that depend on the image. */
  readonly fromImage: ReadonlySet<string>;
  /** The tensors on every path from the image to the logits. */
  readonly cuts: ReadonlySet<string>;
}

/**
 * Finds the part of a graph between the image and the logits.
 *
 * @param input the image input
 * @param logits the output tensor
 */
export function forwardPath(graph: OnnxGraph, input: string, logits: string): ForwardPath {
  const fromImage = new Set([input]);
  const nodes = ancestors(graph.nodes, [logits]).filter((node) => {
    // The shape of a tensor does not depend on its content.
    if (node.op === 'Shape' || !node.inputs.some((name) => fromImage.has(name))) return false;
    for (const output of node.outputs) fromImage.add(output);
    return true;
  });
  const readers = new Map<string, number>();
  for (const node of nodes) for (const name of node.inputs) if (fromImage.has(name)) readers.set(name, (readers.get(name) ?? 0) + 1);
  // A tensor is a cut if no other earlier tensor is read after the node that produces it.
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
