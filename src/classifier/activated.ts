import type { OnnxNode } from '../onnx/model.js';
import type { GraphShapes } from '../onnx/shapes/shapes.js';

const positive = new Set(['Relu', 'Sigmoid', 'HardSigmoid', 'Softplus', 'Softmax', 'Exp', 'Abs']);
/** Operators that hand on or gather what they are given: positive stays positive, activated stays activated. */
const gathering = new Set([
  'MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool', 'Concat', 'Add', 'Sum', 'Mul', 'Identity', 'Dropout', 'LRN', 'Split', 'Slice',
  'Gather', 'Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Flatten', 'Max', 'ReduceMean', 'ReduceSum', 'ReduceMax', 'DepthToSpace', 'SpaceToDepth',
]);
const ofSeveral = new Set(['Concat', 'Add', 'Sum', 'Mul', 'Max']);

/** The tensors whose values cannot be negative: of a ReLU and its like, and of operators that keep the sign. */
export function rectifiedTensors(nodes: readonly OnnxNode[], shapes: GraphShapes): Set<string> {
  const rectified = new Set<string>();
  const notNegative = (name: string): boolean => rectified.has(name) || (shapes.values(name)?.every((value) => value >= 0) ?? false);
  for (const node of nodes) {
    const clipped = node.op === 'Clip' && (shapes.values(node.inputs[1] ?? '')?.[0] ?? -1) >= 0;
    const gathered = (gathering.has(node.op) || node.op === 'Pad') && contents(node).every(notNegative);
    if (positive.has(node.op) || clipped || gathered) {
      for (const name of node.outputs) rectified.add(name);
    }
  }
  return rectified;
}

/** The inputs whose numbers come out again. */
function contents({ op, inputs }: OnnxNode): readonly string[] {
  return ofSeveral.has(op) ? inputs : inputs.slice(0, 1);
}

const nonlinear = new Set([
  'Relu', 'Clip', 'LeakyRelu', 'PRelu', 'Elu', 'Selu', 'Celu', 'Sigmoid', 'HardSigmoid', 'Tanh', 'HardSwish', 'Softplus', 'Softsign', 'Erf',
  'Gelu', 'Mish', 'Swish', 'Exp', 'ThresholdedRelu',
]);
const elementwise = new Set([...nonlinear, 'Add', 'Sub', 'Mul', 'Div', 'Neg', 'Pow', 'Sqrt', 'Identity']);

/**
 * The tensors that end in an activation function: an operator such as Relu or HardSwish; a formula of one tensor and
 * scalars with such an operator in it, as exporters write SiLU (x sigmoid(x)), GELU (x (1 + erf(x / sqrt 2)) / 2) and Mish;
 * or what gathers activations (pools, concatenations, sums, a squeeze-and-excitation gate).
 *
 * @param nodes the way from the image to the logits
 * @param fromImage the tensors that depend on the image
 */
export function activatedTensors(
  nodes: readonly OnnxNode[], fromImage: ReadonlySet<string>, rectified: ReadonlySet<string>, shapes: GraphShapes,
): Set<string> {
  const activated = new Set(rectified);
  // Of what tensor a formula is made of, and whether it bends.
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
    if (elementwise.has(node.op) && alone) {
      const bends = nonlinear.has(node.op) || parts.some((part) => part.bends);
      formulas.set(output, { of: parts[0].of, bends });
      if (bends) activated.add(output);
    }
    if (gathering.has(node.op) && contents(node).every(ended)) for (const name of node.outputs) activated.add(name);
  }
  return activated;
}
