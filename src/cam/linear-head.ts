import { UserError } from '../errors.js';
import type { FeatureLayer } from '../classifier/layers.js';
import type { OnnxGraph, OnnxNode } from '../onnx/model.js';
import { describeNode, intAttribute, intsAttribute } from '../onnx/model.js';
import type { GraphShapes } from '../onnx/shapes/shapes.js';
import type { ClassifierGraph } from '../classifier/classifier.js';

/** Before or after pooling. */
type State = 'positions' | 'pooled';

/**
 * Checks that logits are a linear function of a layer's mean over its positions: only global average pooling and a linear
 * layer may be between the layer and the logits. 1x1 convolutions may come before or after pooling.
 *
 * @throws UserError that names the first other node, and the layers that can be used
 */
export function requireLinearHead({ model: { graph }, shapes, logits, layers }: ClassifierGraph, layer: FeatureLayer): void {
  const reason = obstacle(graph, shapes, logits, layer);
  if (reason === undefined) return;
  const possible = layers.filter((other) => obstacle(graph, shapes, logits, other) === undefined).map(({ name }) => name);
  throw new UserError(
    `CAM does not work at '${layer.name}': ${reason}; it is only defined for the layer before global average pooling and a linear head`,
    possible.length > 0
      ? `choose one of these with --layers: ${possible.slice(-5).reverse().join(', ')}`
      : 'this network has no such layer: use --method grad-cam, which gives the same maps for networks that have one',
  );
}

/** Why CAM does not work at a layer; `undefined` if it does. */
function obstacle({ nodes, initializers }: OnnxGraph, shapes: GraphShapes, logits: string, layer: FeatureLayer): string | undefined {
  const states = new Map<string, State>([[layer.name, 'positions']]);
  for (const node of nodes) {
    const own = node.inputs.filter((name) => states.has(name));
    if (own.length === 0 || node.op === 'Shape') continue;
    const [input] = own;
    // Reshape's shape input is computed from sizes, not from values.
    const operands = node.op === 'Reshape' ? [] : node.inputs.filter((name) => name !== '' && name !== input);
    const constant = own.length === 1 && operands.every((name) => initializers.has(name));
    const state = constant ? after(node, input, states.get(input)!, shapes) : undefined;
    if (state === undefined) return `${describeNode(node)} is between it and the logits`;
    states.set(node.outputs[0], state);
  }
  const end = states.get(logits);
  if (end === 'pooled') return undefined;
  return end === undefined ? 'the logits do not depend on it' : 'nothing averages it over its positions';
}

/** The state after a node; `undefined` if the node is not part of a linear head. */
function after(node: OnnxNode, input: string, state: State, shapes: GraphShapes): State | undefined {
  switch (node.op) {
    case 'Identity': case 'Dropout': return state;
    case 'GlobalAveragePool': return 'pooled';
    case 'ReduceMean': return state === 'positions' && sameAxes(node, shapes) ? 'pooled' : undefined;
    case 'AveragePool': return state === 'positions' && wholeWindow(node, input, shapes) ? 'pooled' : undefined;
    case 'Conv': return node.inputs[0] === input && pointwise(node, shapes) ? state : undefined;
    case 'Flatten': case 'Reshape': case 'Squeeze': case 'Unsqueeze': case 'Gemm': case 'MatMul': case 'Add':
      return state === 'pooled' && (node.op !== 'Gemm' || node.inputs[0] === input) ? state : undefined;
    default: return undefined;
  }
}

function sameAxes(node: OnnxNode, shapes: GraphShapes): boolean {
  const axes = (intsAttribute(node, 'axes') ?? shapes.values(node.inputs[1] ?? '') ?? []).map((axis) => (axis < 0 ? axis + 4 : axis));
  return axes.length === 2 && axes.includes(2) && axes.includes(3);
}

/** An average over a window that is as large as the map and is not padded. */
function wholeWindow(node: OnnxNode, input: string, shapes: GraphShapes): boolean {
  const dims = shapes.dims(input)?.slice(2);
  const kernel = intsAttribute(node, 'kernel_shape') ?? [];
  return kernel.length === 2 && kernel.every((size, i) => size === dims?.[i]) && (intsAttribute(node, 'pads') ?? []).every((pad) => pad === 0);
}

function pointwise(node: OnnxNode, shapes: GraphShapes): boolean {
  const kernel = shapes.dims(node.inputs[1])?.slice(2) ?? [];
  const still = (name: string, value: number): boolean => (intsAttribute(node, name) ?? []).every((number) => number === value);
  return kernel.every((size) => size === 1) && intAttribute(node, 'group', 1) === 1 && still('strides', 1) && still('pads', 0);
}
