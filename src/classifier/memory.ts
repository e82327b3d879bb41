import { inferShapes } from '../onnx/shapes/infer.js';
import type { Size } from '../size.js';
import type { NetworkGraph } from './network.js';

/** Bytes of a worker thread without a network: its libraries, a decoded photograph and full-size maps. */
export const WORKER_BASE = 200e6;

/**
 * Estimates the memory in bytes of one worker that computes maps of a classifier: the weights twice (as stored, and as packed by
 * the runtime), and all activations twice (for the forward pass and for the gradients). A runtime frees and reuses some of these,
 * so the estimate is high rather than low.
 *
 * @param size of the largest input image, [height, width]
 */
export function workerMemory({ model, input }: Pick<NetworkGraph, 'model' | 'input'>, size: Size): number {
  const shapes = inferShapes(model.graph, new Map([[input.name, [1, input.channels, ...(input.fixedSize ?? size)]]]));
  const numbers = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);
  const activations = model.graph.nodes.flatMap(({ outputs }) => outputs).reduce((sum, name) => sum + numbers(shapes.get(name)?.dims ?? []), 0);
  const weights = [...model.graph.initializers.values()].reduce((sum, { dims }) => sum + numbers(dims), 0);
  return WORKER_BASE + 4 * (2 * weights + 2 * activations);
}
