import { UserError } from '../errors.js';
import type { NetworkGraph } from '../classifier/network.js';
import { ancestors } from '../onnx/model.js';
import type { OnnxNode } from '../onnx/model.js';
import type { FeatureLayer } from '../classifier/layers.js';
import { sizeOf } from '../onnx/tensor.js';

/** A weight tensor that is trained. */
export interface Parameter {
  readonly name: string;
  readonly dims: readonly number[];
  /** Whether it belongs to the last linear layer, which computes the logits. */
  readonly head: boolean;
  /** Whether weight decay applies. It applies to matrices and kernels, but not to biases and normalisation scales. */
  readonly decays: boolean;
}

/** Parameters that are updated in the same way. Their numbers are stored one after another in one vector. */
export interface ParameterGroup {
  readonly head: boolean;
  readonly decays: boolean;
  readonly parameters: readonly (Parameter & { readonly offset: number; readonly size: number })[];
  /** The number of weights in the group. */
  readonly size: number;
}

/** The indices of an operator's inputs that are weights. The statistics of BatchNormalization do not change. */
const WEIGHT_INPUTS: Readonly<Record<string, readonly number[]>> = {
  Conv: [1, 2], Gemm: [1, 2], MatMul: [1], BatchNormalization: [1, 2], PRelu: [1],
};

/**
 * The weights of a network that training changes: kernels, matrices and biases of Conv, Gemm and MatMul (with the
 * Add after it), scale and bias of BatchNormalization, slopes of PRelu.
 *
 * @param from only parameters above this layer
 * @throws UserError if there is nothing to train
 */
export function trainableParameters(classifier: Pick<NetworkGraph, 'model'>, from?: Pick<FeatureLayer, 'name'>): Parameter[] {
  const { nodes, initializers } = classifier.model.graph;
  const below = new Set(from === undefined ? [] : ancestors(nodes, [from.name]));
  const made = new Map<string, Parameter>();
  let last: readonly string[] = [];
  for (const node of nodes) {
    if (below.has(node) || node.domain !== '') continue;
    const names = weightsOf(node, nodes).filter((name) => initializers.has(name));
    if (names.length === 0) continue;
    for (const name of names) {
      const { dims } = initializers.get(name)!;
      // A slope [C, 1, 1] has more than one axis, but is not a matrix.
      made.set(name, { name, dims, head: false, decays: dims.length > 1 && node.op !== 'PRelu' });
    }
    if (node.op !== 'BatchNormalization' && node.op !== 'PRelu') last = names;
  }
  for (const name of last) made.set(name, { ...made.get(name)!, head: true });
  if (made.size === 0) throw new UserError(`there is no weight to train${from === undefined ? '' : ` above ${from.name}`}`);
  return [...made.values()];
}

function weightsOf(node: OnnxNode, nodes: readonly OnnxNode[]): string[] {
  const own = (WEIGHT_INPUTS[node.op] ?? []).map((i) => node.inputs[i]).filter((name) => name !== undefined && name !== '');
  if (node.op !== 'MatMul') return own;
  // The bias is added after the product.
  const readers = nodes.filter(({ inputs }) => inputs.includes(node.outputs[0]));
  return readers.length === 1 && readers[0].op === 'Add' ? [...own, ...readers[0].inputs.filter((name) => name !== node.outputs[0])] : own;
}

/**
 * Splits parameters into groups that are updated in the same way.
 *
 * @param separately make each parameter its own group
 */
export function groupParameters(parameters: readonly Parameter[], separately = false): ParameterGroup[] {
  if (separately) return parameters.flatMap((parameter) => groupParameters([parameter]));
  const groups: ParameterGroup[] = [];
  for (const head of [false, true]) {
    for (const decays of [true, false]) {
      let size = 0;
      const own = parameters.filter((parameter) => parameter.head === head && parameter.decays === decays).map((parameter) => {
        const placed = { ...parameter, offset: size, size: sizeOf(parameter.dims) };
        size += placed.size;
        return placed;
      });
      if (own.length > 0) groups.push({ head, decays, parameters: own, size });
    }
  }
  return groups;
}
