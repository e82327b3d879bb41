import { backward, dependants, obstacles } from '../autodiff/backward.js';
import { UserError } from '../errors.js';
import { GraphBuilder } from '../onnx/builder.js';
import type { FeatureLayer } from './layers.js';
import type { ClassifierGraph } from './classifier.js';

/**
 * The layers at which no method with gradients can be taken, as something between them and the logits lets no gradient through.
 *
 * @returns the reason, by the layer's name
 */
export function unusableLayers({ model: { graph }, shapes, logits, layers }: ClassifierGraph): Map<string, string> {
  const request = (b: GraphBuilder, targets: readonly FeatureLayer[]): Parameters<typeof backward>[1] => ({
    nodes: graph.nodes, shapes, output: { name: logits, gradient: b.reserve('cam/seeds') }, targets: targets.map(({ name }) => name),
  });
  const all = new GraphBuilder(graph);
  const nodes = [...obstacles(all, request(all, layers)).keys()];
  if (nodes.length === 0) return new Map();
  return new Map(layers.flatMap((layer): [string, string][] => {
    const below = dependants(graph.nodes, [layer.name]);
    if (!nodes.some(({ inputs }) => inputs.some((name) => below.has(name)))) return [];
    // What is in the way of one layer need not be in the way of another: an operand may be a constant to it.
    const b = new GraphBuilder(graph);
    try {
      backward(b, request(b, [layer]));
      return [];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return [[layer.name, error.message]];
    }
  }));
}
