import type { OnnxGraph, OnnxNode } from '../model.js';
import { intsAttribute, stringAttribute, withoutAttributes } from '../model.js';
import { windowAxes } from '../shapes/window.js';

/**
 * Replaces `auto_pad` SAME of dilated windows with explicit padding. ONNX Runtime refuses such convolutions and ignores the
 * dilation of such pools. This works for a stride of 1, where the padding does not depend on the image size.
 */
export function withExplicitPads(graph: OnnxGraph): OnnxGraph {
  return { ...graph, nodes: graph.nodes.map((node) => explicit(node, graph)) };
}

function explicit(node: OnnxNode, graph: OnnxGraph): OnnxNode {
  const kernel = node.op === 'Conv' ? graph.initializers.get(node.inputs[1])?.dims.slice(2) : intsAttribute(node, 'kernel_shape');
  const dilated = intsAttribute(node, 'dilations')?.some((step) => step > 1) === true;
  if ((node.op !== 'Conv' && node.op !== 'MaxPool') || kernel?.length !== 2 || !dilated) return node;
  if (!stringAttribute(node, 'auto_pad', 'NOTSET').startsWith('SAME')) return node;
  const [vertical, horizontal] = windowAxes(node, kernel).map(({ pads }) => pads);
  // The padding depends on the image size.
  if (typeof vertical === 'string' || typeof horizontal === 'string') return node;
  const value = [vertical[0], horizontal[0], vertical[1], horizontal[1]];
  return { ...node, attributes: { ...withoutAttributes(node.attributes, 'auto_pad'), pads: { kind: 'ints', value } } };
}
