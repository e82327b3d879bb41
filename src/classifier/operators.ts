import { UserError } from '../errors.js';
import { hasShapeRule } from '../onnx/shapes/infer.js';
import type { ForwardPath } from './forward-path.js';
import type { OnnxNode } from '../onnx/model.js';
import { describeNode, intAttribute } from '../onnx/model.js';

/**
 * Requires that every operator between the image and a network's output is known.
 *
 * @throws UserError that names the first unknown one, with advice on how to avoid it
 */
export function requireKnownOperators({ nodes }: ForwardPath): void {
  const unknown = nodes.find((node) => !hasShapeRule(node));
  if (unknown !== undefined) throw new UserError(...complaint(unknown));
}

/** @throws UserError if a network was exported in training mode: its results would depend on the other images of a batch */
export function requireInference({ nodes }: ForwardPath): void {
  const training = nodes.find((node) => node.op === 'BatchNormalization' && intAttribute(node, 'training_mode', 0) === 1);
  if (training === undefined) return;
  throw new UserError(`${describeNode(training)} is in training mode`, 'export the model in evaluation mode: model.eval() in PyTorch');
}

function complaint(node: OnnxNode): [message: string, hint: string] {
  const name = describeNode(node);
  if (/^(com\.microsoft|com\.ms\.internal)\b/.test(node.domain)) {
    return [`${name} is in a file that ONNX Runtime has optimised or quantised`, 'use the original model; it is optimised each time it is loaded'];
  }
  if (node.domain.startsWith('ai.onnx.ml')) return [`${name} is not an operator of neural networks`, 'export the network only up to its class scores, and name them with --logits'];
  if (node.domain !== '') return [`${name} is a custom operator, which is not supported`, 'export the model with only the operators of ONNX'];
  return [`the operator of ${name} is not supported`, 'export the model with other operators, or name a tensor before it with --logits'];
}
