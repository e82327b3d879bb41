import { messageOf, UserError } from '../errors.js';
import type { GraphBuilder, Value } from '../onnx/builder.js';
import type { OnnxNode } from '../onnx/model.js';
import { describeNode, intAttribute, operatorName } from '../onnx/model.js';
import type { OperatorTraits } from '../onnx/operators.js';
import { operatorTraits, traitsOf } from '../onnx/operators.js';
import type { GraphShapes } from '../onnx/shapes/shapes.js';
import { DataType } from '../onnx/tensor.js';
import { RuleContext } from './rule.js';
import { gradientRules } from './rules/index.js';

/** What to differentiate with respect to which tensors. */
export interface BackwardRequest {
  /** The forward pass, in topological order. The builder already contains these nodes. */
  readonly nodes: readonly OnnxNode[];
  readonly shapes: GraphShapes;
  /** The tensor to start from, and its gradient [K, ...]: one seed per class. */
  readonly output: { readonly name: string; readonly gradient: Value };
  /** The tensors to compute the gradients of. */
  readonly targets: readonly string[];
  /** See {@link RuleContext.blockedBatch}. */
  readonly blockedBatch?: number;
}

/**
 * Reverse-mode differentiation of a graph: adds the nodes that compute the gradient of the output with respect to each
 * target. Only nodes between a target and the output are differentiated.
 *
 * @returns the gradient of each target, [K, ...the target's dimensions after the batch]
 * @throws UserError if an operator has no gradient rule (it names the node, and the feature maps above it), or if the output
 *   does not depend on a target
 */
export function backward(builder: GraphBuilder, request: BackwardRequest): Map<string, Value> {
  const { output, targets, shapes } = request;
  const total = walk(builder, request, (_, error, reached) => {
    const above = reached.filter((name) => shapes.stride(name) !== undefined).reverse().slice(0, 5);
    const hint = above.length > 0 ? `the layers above it can be used: ${above.join(', ')}` : undefined;
    throw new UserError(error.message, [error.hint, hint].filter((part) => part !== undefined).join('; ') || undefined, { cause: error });
  });
  return new Map(targets.map((name) => {
    const value = total(name);
    if (value === undefined) throw new UserError(`'${output.name}' does not depend on the layer '${name}'`);
    return [name, value];
  }));
}

/**
 * Finds all nodes without a gradient, by continuing after each of them.
 *
 * @returns the reasons, by node
 */
export function obstacles(builder: GraphBuilder, request: BackwardRequest): Map<OnnxNode, UserError> {
  const found = new Map<OnnxNode, UserError>();
  walk(builder, request, (node, error) => { found.set(node, error); });
  return found;
}

type OnObstacle = (node: OnnxNode, error: UserError, reached: readonly string[]) => void;

/** @returns a function for the gradient of a tensor; `undefined` if the output does not depend on it */
function walk(
  builder: GraphBuilder, { nodes, shapes, output, targets, blockedBatch }: BackwardRequest, onObstacle: OnObstacle,
): (name: string) => Value | undefined {
  const wanted = dependants(nodes, targets);
  const context = new RuleContext(builder, shapes, wanted, blockedBatch);
  const contributions = new Map<string, Value[]>([[output.name, [output.gradient]]]);
  const total = (name: string): Value | undefined => {
    const parts = contributions.get(name);
    if (parts === undefined) return undefined;
    const value = builder.sum(parts);
    contributions.set(name, [value]);
    return value;
  };
  for (const node of [...nodes].reverse()) {
    if (!node.inputs.some((name) => wanted.has(name))) continue;
    const grads = node.outputs.map(total);
    if (grads.every((grad) => grad === undefined)) continue;
    const results = differentiated(node, grads, builder, context);
    if (results instanceof UserError) onObstacle(node, results, [...contributions.keys()]);
    node.inputs.forEach((name, i) => {
      if (!context.wants(name)) return;
      // After an obstacle, any tensor can stand in for the gradient.
      const result = results instanceof UserError ? output.gradient : results[i]!;
      const list = contributions.get(name);
      if (list === undefined) contributions.set(name, [result]);
      else list.push(result);
    });
  }
  return total;
}

/** The gradients of a node's inputs, or the reason why there are none. */
function differentiated(
  node: OnnxNode, grads: readonly (Value | undefined)[], builder: GraphBuilder, context: RuleContext,
): readonly (Value | undefined)[] | UserError {
  const rule = node.domain === '' ? gradientRules.get(node.op) : undefined;
  if (rule === undefined) {
    return new UserError(`the operator ${operatorName(node)} has no gradient rule: ${describeNode(node)} is between the logits and a requested layer`);
  }
  try {
    const results = rule(node, grads, builder, context);
    const left = node.inputs.find((name, i) => context.wants(name) && results[i] === undefined);
    // A missing gradient would count as zero.
    if (left !== undefined) return new UserError(`${describeNode(node)} has no gradient rule for its input '${left}', which depends on a requested layer`);
    return results;
  } catch (error) {
    if (error instanceof UserError) return error;
    return new UserError(`cannot differentiate ${describeNode(node)}: ${messageOf(error)}`, undefined, { cause: error });
  }
}

/** Whether an operator is not differentiated, because its result is constant or changes in steps only. */
function isFlat({ steps, result }: OperatorTraits): boolean {
  return steps === true || result !== undefined;
}

/** Whether an operator needs no gradient rule, because it is never differentiated. */
export function needsNoRule(op: string): boolean {
  return isFlat(operatorTraits.get(op) ?? {}) || op === 'Constant' || op === 'ConstantOfShape' || op === 'Range';
}

/** The targets and all tensors whose values are computed from them. */
export function dependants(nodes: readonly OnnxNode[], targets: readonly string[]): Set<string> {
  const set = new Set(targets);
  for (const node of nodes) {
    if (isFlat(traitsOf(node)) || roundsOff(node) || !node.inputs.some((name) => set.has(name))) continue;
    for (const output of node.outputs) if (output !== '') set.add(output);
  }
  return set;
}

const floats: readonly number[] = [DataType.float32, DataType.float16, DataType.float64, DataType.bfloat16];

/** Whether a Cast makes integers or truth values. */
function roundsOff(node: OnnxNode): boolean {
  return node.op === 'Cast' && !floats.includes(intAttribute(node, 'to', DataType.float32));
}
