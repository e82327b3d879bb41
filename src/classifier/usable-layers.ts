import { backward, dependants, obstacles } from '../autodiff/backward.js';
import { UserError } from '../errors.js';
import { GraphBuilder } from '../onnx/builder.js';
import type { FeatureLayer } from './layers.js';
import type { ClassifierGraph } from './classifier.js';

/**
 * The layers that methods with gradients cannot use, because an operator between them and the logits has no gradient.
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
    // The same operator may have a gradient for another layer, if the operand in question does not depend on that layer.
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
