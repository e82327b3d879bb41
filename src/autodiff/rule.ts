import { UserError } from '../errors.js';
import type { GraphBuilder, Value } from '../onnx/builder.js';
import type { OnnxNode } from '../onnx/model.js';
import { describeNode } from '../onnx/model.js';
import type { GraphShapes } from '../onnx/shapes/shapes.js';
import type { OnnxTensor } from '../onnx/tensor.js';

/**
 * What a rule needs to know about the graph it differentiates.
 *
 * The forward pass has a batch of N images, and the gradients have a batch of K seeds (one per class). K = N or N = 1. The
 * gradient of a tensor [N, ...] has the shape [K, ...]. So a rule takes the first dimension of a shape from a gradient and the
 * others from the forward pass, and multiplies the two only with broadcasting.
 *
 * If a network moves the batch to another axis or merges it with others (attention on [T, N, C] or [N heads, T, C]), the
 * gradient of such a tensor [d0, d1, ...] is *stacked*: [K, d0, d1, ...]. This needs N = 1, as for class activation maps, and is
 * refused if weights are trained.
 */
export class RuleContext {
  private readonly training: boolean;

  /**
   * @param blockedBatch the number of images in a batch if the graph is built for a blocked layout. There, depthwise convolutions
   *   with kernels as large as feature maps are fast, and weight gradients may use them
   */
  constructor(
    private readonly builder: GraphBuilder,
    private readonly shapes: GraphShapes,
    private readonly wanted: ReadonlySet<string>,
    readonly blockedBatch?: number,
  ) {
    this.training = [...wanted].some((name) => builder.initializers.has(name));
  }

  /** Whether the gradient of this tensor is needed. */
  wants(name: string): boolean {
    return this.wanted.has(name);
  }

  /** The dimensions of a tensor of the forward pass, null for those that depend on the input's size. */
  dims(node: OnnxNode, name: string): readonly (number | null)[] {
    const dims = this.shapes.dims(name);
    if (dims === undefined) throw new UserError(`${describeNode(node)}: the shape of its tensor '${name}' is unknown, so it has no gradient`);
    return dims;
  }

  /** The number of axes of a tensor of the forward pass. */
  rank(node: OnnxNode, name: string): number {
    return this.dims(node, name).length;
  }

  /** The elements of a small tensor that is the same for every input, or `undefined`. */
  values(name: string | undefined): readonly number[] | undefined {
    return name === undefined || name === '' ? undefined : this.shapes.values(name);
  }

  /** A weight whose values are known when the graph is built: a constant that is not trained. */
  weight(node: OnnxNode, name: string): OnnxTensor {
    // A trained weight changes with each step, so its values must not become part of the graph.
    if (this.wants(name)) throw new UserError(`${describeNode(node)}: there is no gradient rule if its weight '${name}' is trained`);
    return this.stored(node, name);
  }

  /**
   * The shape of a weight.
   *
   * @throws UserError if it is computed, not stored
   */
  weightDims(node: OnnxNode, name: string): readonly number[] {
    return this.stored(node, name).dims;
  }

  private stored(node: OnnxNode, name: string): OnnxTensor {
    const tensor = this.builder.initializers.get(name);
    if (tensor === undefined) throw new UserError(`${describeNode(node)}: its weight '${name}' is computed, not constant, which has no gradient rule`);
    return tensor;
  }

  /** @throws UserError if a tensor's first dimension is not the batch, so that gradients cannot be computed as one batch */
  requireLeadingBatch(node: OnnxNode, ...names: string[]): void {
    for (const name of names) {
      if (!this.shapes.batchLeads(name)) throw new UserError(`${describeNode(node)} moves the batch away from the first dimension (in '${name}'), which has no gradient rule`);
    }
  }

  /**
   * Whether the gradient of a tensor is stacked: [K, ...all of its axes].
   *
   * @throws UserError if it would be and weights are trained
   */
  isStacked(node: OnnxNode, name: string): boolean {
    if (this.shapes.batchLeads(name) || this.shapes.dims(name) === undefined) return false;
    if (this.training) this.requireLeadingBatch(node, name);
    return true;
  }

  /** The axis of a tensor's gradient for an axis of the tensor (counted from the first). */
  gradientAxis(node: OnnxNode, name: string, axis: number): number {
    return this.isStacked(node, name) ? axis + 1 : axis;
  }

  /** The shape of the gradient of x, as an int64 vector: K from `grad`, the rest from x. */
  gradientShape(node: OnnxNode, x: Value, grad: Value): Value {
    return this.builder.concat([this.builder.shape(grad, 0, 1), this.builder.shape(x, this.isStacked(node, x) ? 0 : 1)], 0);
  }

  /** The gradient of x in stacked form. (With several images in a batch there is none, and the run fails.) */
  stack(node: OnnxNode, grad: Value, x: Value): Value {
    if (this.isStacked(node, x)) return grad;
    return this.builder.reshape(grad, this.builder.concat([this.builder.shape(grad, 0, 1), this.builder.shape(x)], 0));
  }

  /** The gradient of x, stacked or not as x requires, from its stacked form. */
  unstack(node: OnnxNode, stacked: Value, x: Value): Value {
    return this.isStacked(node, x) ? stacked : this.builder.reshape(stacked, this.gradientShape(node, x, stacked));
  }

  /** The gradient of one operand, summed along broadcast axes; `undefined` if it is not needed. */
  operand(node: OnnxNode, index: number, gradient: () => Value): Value | undefined {
    const name = node.inputs[index];
    return this.wants(name) ? this.unbroadcast(node, gradient(), name) : undefined;
  }

  /**
   * Sums a gradient over the axes along which x was broadcast, so that it has the shape of x (and K seeds). A weight has
   * no batch, so its gradient is summed over the batch too.
   *
   * @param grad a gradient in the form of `like`
   * @param like the tensor that x was broadcast to
   * @param from the shape that x was broadcast to. Default: the shape of `like`
   */
  unbroadcast(node: OnnxNode, grad: Value, x: string, like = node.outputs[0], from = this.dims(node, like)): Value {
    const to = this.dims(node, x);
    if (this.builder.initializers.has(x)) return sumTo(this.builder, grad, from, to as readonly number[]);
    const lead = from.length - to.length;
    const spread = from.flatMap((dim, axis) => (axis >= lead && dim !== 1 && to[axis - lead] === 1 ? [axis] : []));
    const [stackedLike, stackedX] = [like, x].map((name) => this.isStacked(node, name));
    if (lead === 0 && stackedLike === stackedX && !(spread.includes(0) && !stackedX)) {
      return spread.length === 0 ? grad : this.builder.reduceSum(grad, spread.map((axis) => (stackedX ? axis + 1 : axis)));
    }
    if (this.training) throw new UserError(`${describeNode(node)}: '${x}' has fewer axes than the result and is not a constant, which has no gradient rule`);
    const axes = [...Array.from({ length: lead }, (_, i) => i), ...spread];
    const stacked = stackedLike ? grad : this.builder.unsqueeze(grad, [1]);
    const summed = axes.length === 0 ? stacked : this.builder.reduceSum(stacked, axes.map((axis) => axis + 1));
    return this.builder.reshape(summed, this.gradientShape(node, x, grad));
  }
}

/** Sums a gradient [K, ...from after the batch] to the shape of a weight that was broadcast to it. */
function sumTo(b: GraphBuilder, grad: Value, from: readonly (number | null)[], to: readonly number[]): Value {
  const lead = from.length - to.length;
  const axes = from.flatMap((dim, axis) => (axis === 0 || axis < lead || (to[axis - lead] === 1 && dim !== 1) ? [axis] : []));
  return b.reshape(b.reduceSum(grad, axes), to);
}

/**
 * The gradient rule of one operator: adds to `builder` the nodes that compute, from the gradient of the node's output,
 * the gradient of each input. It is `undefined` for an input that has none (a shape) or does not need one. The gradient of a
 * weight is summed over the batch and has the weight's own shape.
 *
 * @param grads the gradient of each output; `undefined` for an output that nothing depends on. If there is only one output, it
 *   always has a gradient
 */
export type GradientRule = (
  node: OnnxNode,
  grads: readonly (Value | undefined)[],
  builder: GraphBuilder,
  context: RuleContext,
) => readonly (Value | undefined)[];

/** A rule for an operator of which only the first output is used. */
export type SimpleRule = (node: OnnxNode, grad: Value, builder: GraphBuilder, context: RuleContext) => readonly (Value | undefined)[];

/** Converts rules for operators of which only the first output is used. */
export function simpleRules(rules: Readonly<Record<string, SimpleRule>>): Readonly<Record<string, GradientRule>> {
  return Object.fromEntries(Object.entries(rules).map(([op, rule]) => [op, general(rule)]));
}

function general(rule: SimpleRule): GradientRule {
  return (node, grads, builder, context) => {
    const others = grads.slice(1).some((grad) => grad !== undefined);
    if (grads[0] === undefined || others) throw new UserError(`${describeNode(node)}: there is a gradient rule for its first output only`);
    return rule(node, grads[0], builder, context);
  };
}
