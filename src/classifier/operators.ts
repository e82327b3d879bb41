import { UserError } from '../errors.js';
import { hasShapeRule } from '../onnx/shapes/infer.js';
import type { ForwardPath } from './forward-path.js';
import type { OnnxNode } from '../onnx/model.js';
import { describeNode, intAttribute } from '../onnx/model.js';

/**
 * Sees to it that every operator between the image and a network's answer is known.
 *
 * @throws UserError that names the first one that is not, and where such files come from
 */
export function requireKnownOperators({ nodes }: ForwardPath): void {
  const unknown = nodes.find((node) => !hasShapeRule(node));
  if (unknown !== undefined) throw new UserError(...complaint(unknown));
}

/** @throws UserError if a network was exported as it is while it is trained: its results depend on the other images of a batch */
export function requireInference({ nodes }: ForwardPath): void {
  const training = nodes.find((node) => node.op === 'BatchNormalization' && intAttribute(node, 'training_mode', 0) === 1);
  if (training === undefined) return;
  throw new UserError(`${describeNode(training)} works in training mode`, 'export the model again in evaluation mode: model.eval() in PyTorch');
}

function complaint(node: OnnxNode): [message: string, hint: string] {
  const name = describeNode(node);
  if (/^(com\.microsoft|com\.ms\.internal)\b/.test(node.domain)) {
    return [`${name} comes from a file that ONNX Runtime has optimised or quantised for itself`, 'use the original model: it is optimised whenever it is loaded'];
  }
  if (node.domain.startsWith('ai.onnx.ml')) return [`${name} is not an operator of neural networks`, 'export the network without what follows it, and name its class scores with --logits'];
  if (node.domain !== '') return [`${name} is an operator of its author's own, which is not known here`, 'export the model with the operators of ONNX alone'];
  return [`the operator of ${name} is not known here`, 'export the model with other operators, or name a tensor before it with --logits'];
}
