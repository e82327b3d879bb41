import type { OnnxNode } from '../onnx/model.js';
import { traitsOf } from '../onnx/operators.js';
import type { GraphShapes } from '../onnx/shapes/shapes.js';

/** The tensors whose values cannot be negative: outputs of ReLU and similar operators, and of operators that keep the sign. */
export function rectifiedTensors(nodes: readonly OnnxNode[], shapes: GraphShapes): Set<string> {
  const rectified = new Set<string>();
  const notNegative = (name: string): boolean => rectified.has(name) || (shapes.values(name)?.every((value) => value >= 0) ?? false);
  for (const node of nodes) {
    const clipped = node.op === 'Clip' && (shapes.values(node.inputs[1] ?? '')?.[0] ?? -1) >= 0;
    const gathered = gathers(node, notNegative) || (node.op === 'Pad' && notNegative(node.inputs[0]));
    if (traitsOf(node).positive === true || clipped || gathered) {
      for (const name of node.outputs) rectified.add(name);
    }
  }
  return rectified;
}

/** Whether a node combines only inputs with a property. */
function gathers(node: OnnxNode, isSuch: (input: string) => boolean): boolean {
  const { gathers: from } = traitsOf(node);
  return from !== undefined && (from === 'all' ? node.inputs : node.inputs.slice(0, 1)).every(isSuch);
}

/** Operators in the formula of an activation function, apart from those that bend. */
const straight = new Set(['Add', 'Sub', 'Mul', 'Div', 'Neg', 'Pow', 'Sqrt', 'Identity']);

/**
 * The tensors that end in an activation function. That is one of:
 * - an operator such as Relu or HardSwish;
 * - a formula of one tensor and scalars with such an operator, as exporters write SiLU (x sigmoid(x)), GELU
 *   (x (1 + erf(x / sqrt 2)) / 2) and Mish;
 * - an operator that combines activations (pools, concatenations, sums, a squeeze-and-excitation gate).
 *
 * @param nodes the nodes from the image to the logits
 * @param fromImage the tensors that depend on the image
 */
export function activatedTensors(
  nodes: readonly OnnxNode[], fromImage: ReadonlySet<string>, rectified: ReadonlySet<string>, shapes: GraphShapes,
): Set<string> {
  const activated = new Set(rectified);
  // The tensor that a formula is computed from, and whether it bends.
  const formulas = new Map<string, { readonly of: string; readonly bends: boolean }>();
  const formulaOf = (name: string) => formulas.get(name) ?? { of: name, bends: false };
  const isScalar = (name: string): boolean => name === '' || shapes.values(name)?.length === 1;
  const ended = (name: string): boolean => activated.has(name) || (shapes.values(name)?.every((value) => value >= 0) ?? false);
  for (const node of nodes) {
    const [output] = node.outputs;
    const variables = node.inputs.filter((name) => fromImage.has(name));
    const parts = variables.map(formulaOf);
    const others = node.inputs.filter((name) => !fromImage.has(name));
    const alone = parts.every(({ of }) => of === parts[0].of) && (node.op === 'PRelu' || others.every(isScalar));
    const bent = traitsOf(node).bends === true;
    if ((bent || straight.has(node.op)) && alone) {
      const bends = bent || parts.some((part) => part.bends);
      formulas.set(output, { of: parts[0].of, bends });
      if (bends) activated.add(output);
    }
    if (gathers(node, ended)) for (const name of node.outputs) activated.add(name);
  }
  return activated;
}
